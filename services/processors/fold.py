"""What a process knows of all symbols of its partitions, in columns, a place for each symbol.

Events are folded many at a time, and rows are made of all that changed at once, whatever partitions
they belong to: it costs a process of sixteen partitions little more than a process of one.
A partition's part in it is a `services.processors.rows.RowFold`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Protocol

import numpy as np

from mesh.calendar import STANDARD, Calendar, Day
from schemas.alert import Alert
from schemas.columns import FIELDS, PLACE, Columns, Mask, Numbers, Places
from schemas.halt import Halted
from schemas.leaderboard import Row
from schemas.naming import CANARY_SYMBOL, MarketClass
from services.processors import bars, quotes, trades
from services.processors.alarms import Alarm, Alarms
from services.processors.alerts import alert
from services.processors.bars import Bars
from services.processors.catalysts import Catalysts
from services.processors.halting import Halting
from services.processors.join import Parts, days_of, join
from services.processors.known import Knowledge, Known
from services.processors.pulse import Pulse
from services.processors.quotes import Quotes, Waiting
from services.processors.sheet import Ints, Kept, Symbols, joined
from services.processors.trades import Trades


FOLDED = (
    MarketClass.HALTS, MarketClass.BARS, MarketClass.MINUTES, MarketClass.TRADES, MarketClass.QUOTES,
)  # fmt: skip
"""The classes that rows are made of, in the order in which they are folded if all of them wait: trades
find the bands of their time, and then the quotes before them among those that come."""

_CHUNK = 256
"""Events that wait to become columns: while they are in the cache, which takes a third of the time."""
_MOST_WAITING = 8192
"""Events of a class that wait to be folded together."""
_DAYS_KNOWN = 4
_NOBODY = -1

_COLUMNS: dict[MarketClass, Callable[[Symbols, list[Any]], Any]] = {
    MarketClass.BARS: bars.batch_of,
    MarketClass.MINUTES: bars.batch_of,
    MarketClass.TRADES: trades.batch_of,
    MarketClass.QUOTES: quotes.batch_of,
    MarketClass.CANARY: bars.batch_of,
}


class Sharer(Protocol):
    """Who has a part of the symbols."""

    def on_late(self, market_class: MarketClass, events: int) -> None:
        """Events of it came too late or twice."""

    def on_alert(self, alert: Alert) -> None:
        """An alert of one of its symbols."""

    def on_halted(self, halted: Halted) -> None:
        """What is to be shown of one of its symbols."""


class Fold:
    """The symbols of a process.

    Args:
        knowledge: reference data; the caller may add to it and then calls `on_references`.
        calendar: what day and session an event belongs to.
        by_bars: whether windows and alerts are made of second bars, for a feed without trades.
        with_quotes: whether the feed has quotes, so that trades may wait for one.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        calendar: Calendar = STANDARD,
        *,
        by_bars: bool = False,
        with_quotes: bool = True,
    ) -> None:
        self.symbols = Symbols()
        self._events: dict[MarketClass, list[Any]] = {each: [] for each in _COLUMNS}
        self._senders: dict[MarketClass, list[tuple[int, int]]] = {each: [] for each in _COLUMNS}
        """Whose the events that wait are: sharers and how many of each, in their order."""
        self._chunks: dict[MarketClass, list[Any]] = {each: [] for each in _COLUMNS}
        self._sharers: dict[int, Sharer] = {}
        self._numbers = count()
        self._pulse, self._alarmed = Pulse(), list[Alarm]()
        self.parts = Parts(
            Bars(), Bars(), Trades(), Quotes(), self._pulse, Halting(self.symbols), by_bars
        )
        self._alarms = Alarms(self._pulse, self.parts.halts, self._alarmed.append, by_bars=by_bars)
        self.sheets: dict[str, Kept] = {
            "bars": self.parts.bars, "minutes": self.parts.minutes, "trades": self.parts.trades,
            "quotes": self.parts.quotes, "halts": self.parts.halts, "fired": self._alarms.fired,
            **self._pulse.sheets,
        }  # fmt: skip
        self.given: Counter[MarketClass] = Counter()
        """Events of all who have taken part, and below how many of them were late."""
        self.late: Counter[MarketClass] = Counter()
        self._with_quotes = with_quotes and not by_bars
        self._knowledge = knowledge
        self._known: dict[str, Known] = {}
        self._catalysts = Catalysts(knowledge.news)
        self._newest_ms = 0
        self._news_ms: Numbers = np.zeros(0)
        self._news_read = 0
        """Symbols of which it was looked up whether there is news."""
        self._calendar = calendar
        self._day = calendar.day_at(0)
        self._matrix = np.full((len(FIELDS), 0), np.nan)
        self._changed: Mask = np.zeros(0, dtype=bool)
        self._unreported: Mask = np.zeros(0, dtype=bool)
        self._owner: Ints = np.zeros(0, dtype=np.int64)
        self._by_name: Places = np.zeros(0, dtype=np.intp)

    def enter(self, sharer: Sharer, symbols: Sequence[str]) -> tuple[int, Places]:
        """Have *sharer* take part, with symbols that nobody else has: its number, and their places."""
        number = next(self._numbers)
        self._sharers[number] = sharer
        at = self.symbols.places(symbols)
        self._grow()
        self._owner[at] = number
        self._changed[at] = True
        return number, at

    def leave(self, number: int) -> None:
        """Forget all symbols of a sharer."""
        self.settle()
        at = self.places_of(number)
        for sheet in self.sheets.values():
            sheet.clear(at)
        waiting = self.parts.quotes.waiting
        self.parts.quotes.waiting = waiting.take(self._owner[waiting.at] != number)
        for place in at.tolist():
            self.parts.halts.states.pop(self.symbols.names[place], None)
        self._matrix[:, at] = np.nan
        self._changed[at] = self._unreported[at] = False
        self._owner[at] = _NOBODY
        self._alarmed[:] = [each for each in self._alarmed if self._owner[each.place] != _NOBODY]
        del self._sharers[number]

    def places_of(self, number: int) -> Places:
        """Where the symbols of a sharer are, in order."""
        return np.flatnonzero(self._owner[: len(self.symbols.names)] == number)

    def take(self, number: int, market_class: MarketClass, events: Sequence[Any]) -> None:
        """Take *events* of one class and one sharer, in the order in which they arrived; of one that has left, none."""
        if number not in self._sharers:
            return
        if market_class is MarketClass.HALTS:
            self._fold_halts(number, events)
            return
        waiting = self._events[market_class]
        waiting += events
        self._senders[market_class].append((number, len(events)))
        if len(waiting) >= _CHUNK:
            self._chunk(market_class)
            if sum(len(chunk.at) for chunk in self._chunks[market_class]) >= _MOST_WAITING:
                self.settle()

    def on_references(self, number: int) -> None:
        """Reference data has come: every row of a sharer is completed at the next flush."""
        for known in self._known.values():
            known.forget()
        self._changed[self.places_of(number)] = True

    def on_news(self, symbols: Sequence[str]) -> None:
        """The newest article of *symbols* is another one: their rows are changed."""
        self._catalysts.add(symbols)
        for symbol in symbols:
            place = self.symbols.get(symbol)
            if place is not None:
                self._changed[place] |= self._owner[place] != _NOBODY
                if place < self._news_read:  # the others are looked up when they are
                    self._news_ms[place] = self._knowledge.news[symbol].published_ms

    def changed_rows(self, number: int) -> Columns:
        """The rows of a sharer that changed since the last call, by symbol."""
        self.refresh()
        which = self._unreported & (self._owner == number)
        self._unreported[which] = False
        return self._columns(which)

    def settle(self) -> None:
        """Fold what waits."""
        for market_class in _COLUMNS:
            if self._events[market_class]:
                self._chunk(market_class)
            if self._chunks[market_class]:
                self._fold(market_class)

    def refresh(self) -> None:
        """Fold what waits, make the rows of all that changed, and alerts of what was alarming."""
        self.settle()
        at = np.flatnonzero(self._changed)
        if at.size:
            self._changed[at] = False
            newest_ms = days_of(self.parts, at)
            heard = newest_ms > 0  # a symbol with bands alone has no row
            at, newest_ms = at[heard], newest_ms[heard]
            of_market = newest_ms[at != self.symbols.get(CANARY_SYMBOL, _NOBODY)]
            self._newest_ms = max(self._newest_ms, int(of_market.max(initial=0)))
            self._unreported[at] = True
            while at.size:
                day = self._day_of(int(newest_ms.max()))
                today = newest_ms >= day.start_ms
                self._join(at[today], day)
                at, newest_ms = at[~today], newest_ms[~today]
            self._catalysts.look(
                self._newest_ms, self._place_of_ours, self._matrix, self._alarms.raise_alarm
            )
        for each in self._alarmed:
            self._sharer_of(each.place).on_alert(self._alert(each))
        self._alarmed.clear()
        for symbol, halted in self.parts.halts.unput.items():
            self._sharer_of(self.symbols[symbol]).on_halted(halted)
        self.parts.halts.unput.clear()

    def _place_of_ours(self, symbol: str) -> int | None:
        place = self.symbols.get(symbol)
        return None if place is None or self._owner[place] == _NOBODY else place

    def _sharer_of(self, place: int) -> Sharer:
        return self._sharers[int(self._owner[place])]

    def _grow(self) -> None:
        """Have places for all symbols."""
        symbols = len(self.symbols.names)
        for sheet in self.sheets.values():
            sheet.grow(symbols)
        held = len(self._changed)
        if symbols <= held:
            return
        more = max(symbols, 2 * held) - held
        self._matrix = np.pad(self._matrix, ((0, 0), (0, more)), constant_values=np.nan)
        self._changed, self._unreported = (
            np.pad(mask, (0, more)) for mask in (self._changed, self._unreported)
        )
        self._owner = np.pad(self._owner, (0, more), constant_values=_NOBODY)

    def _chunk(self, market_class: MarketClass) -> None:
        """Make columns of the events that wait for it."""
        events, self._events[market_class] = self._events[market_class], []
        senders, self._senders[market_class] = self._senders[market_class], []
        chunk = _COLUMNS[market_class](self.symbols, events)
        self._grow()
        numbers, counts = zip(*senders, strict=True)
        self._owner[chunk.at] = np.repeat(numbers, counts)
        self._chunks[market_class].append(chunk)

    def _fold_halts(self, number: int, events: Sequence[Any]) -> None:
        heard = self.symbols.places([event.symbol for event in events])
        self._grow()
        self._owner[heard] = number
        changed, late, told = self.parts.halts.fold(events, self._day_of)
        for each in told:
            place = self.symbols[each.symbol]
            self._alarms.raise_alarm(
                Alarm(each.kind, place, each.event_ms, None, each.level_usd, until_ms=each.until_ms)
            )
        self._changed[changed] = True
        if late:
            self._sharers[number].on_late(MarketClass.HALTS, late)

    def _fold(self, market_class: MarketClass) -> None:
        chunks, self._chunks[market_class] = self._chunks[market_class], []
        given = joined(chunks)
        parts, day_of = self.parts, self._day_of
        match market_class:
            case MarketClass.BARS:
                watcher = self._alarms if parts.by_bars else None
                changed, late = parts.bars.fold(given, day_of, watcher)
            case MarketClass.MINUTES | MarketClass.CANARY:
                changed, late = parts.minutes.fold(given, day_of, None)
            case MarketClass.QUOTES:
                changed, late = parts.quotes.fold(given, self._pulse)
            case _:
                batch, late = parts.trades.fold(given, day_of, self._alarms)
                changed = batch.at
                if self._with_quotes:
                    parts.quotes.wait(_waiting(batch), self._pulse)
        self._changed[changed] = True
        if late.size:
            numbers, events = np.unique(self._owner[late], return_counts=True)
            for number, each in zip(numbers.tolist(), events.tolist(), strict=True):
                self._sharers[number].on_late(market_class, each)

    def _join(self, at: Places, day: Day) -> None:
        known = self._known.get(day.name)
        if known is None:
            known = self._known[day.name] = Known(self._knowledge, self.symbols, day.name)
            while len(self._known) > _DAYS_KNOWN:
                del self._known[min(self._known)]
        known.read()
        parts = self.parts
        traded_ms = parts.bars.start_ms if parts.by_bars else parts.trades.last_ms
        parts.halts.mark(at, day, days_of(parts, at), traded_ms[at])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            self._matrix[:, at] = join(parts, at, day, known)
        self._matrix[PLACE["news_ms"], at] = self._newest_news_ms(at)

    def _newest_news_ms(self, at: Places) -> Numbers:
        """When the newest article about each symbol was published."""
        names, news = self.symbols.names, self._knowledge.news
        held = len(self._news_ms)
        if len(names) > held:
            more = max(len(names), 2 * held) - held
            self._news_ms = np.pad(self._news_ms, (0, more), constant_values=np.nan)
        for place in range(self._news_read, len(names)):
            if names[place] in news:
                self._news_ms[place] = news[names[place]].published_ms
        self._news_read = len(names)
        found: Numbers = self._news_ms[at]
        return found

    def _columns(self, which: Mask) -> Columns:
        names = self.symbols.names
        if len(self._by_name) != len(names):
            order = sorted(range(len(names)), key=names.__getitem__)
            self._by_name = np.array(order, dtype=np.intp)
        at = self._by_name[which[self._by_name]]
        return Columns([names[place] for place in at.tolist()], self._matrix[:, at])

    def _alert(self, alarm: Alarm) -> Alert:
        symbol = self.symbols.names[alarm.place]
        day = self._day_of(alarm.event_ms)
        row = Row(symbol, day.name, day.session(alarm.event_ms), alarm.event_ms)
        if not np.isnan(self._matrix[0, alarm.place]):
            row = Columns([symbol], self._matrix[:, [alarm.place]]).row(0)
        news = self._knowledge.news.get(symbol)
        headline = None if news is None else news.title
        return alert(alarm, day, row, self._knowledge.of(day.name, symbol), headline)

    def _day_of(self, event_ms: int) -> Day:
        if not self._day.start_ms <= event_ms < self._day.end_ms:
            self._day = self._calendar.day_at(event_ms)
        return self._day


def _waiting(batch: trades.Batch) -> Waiting:
    """The trades that count for volume."""
    counted = batch.of_volume()
    return Waiting(counted.at, counted.event_ms, counted.price_usd, counted.size_shares)
