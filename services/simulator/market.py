"""A seeded synthetic market: trades, quotes, second and minute bars, bands, day after day.

It runs on event time alone; the same arguments give the same bytes. Every second some thousand
trades are drawn, and from those follow the bars: `A` at the end of each second, `AM` at the end of
each minute. Now and then a late print changes a second bar of the same minute, which then comes
again. Who runs into a price band stays there, and may pause. After 20:00 the market jumps to 04:00 of the next trading day.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple

import msgspec

from mesh.calendar import NEW_YORK, STANDARD, Calendar, Day
from services.simulator import bars, intraday, prints
from services.simulator.bars import MINUTE_MS, SECOND_MS, Window
from services.simulator.chance import seeded
from services.simulator.events import DayBar, DayBars, TapeEvent
from services.simulator.luld import Luld
from services.simulator.universe import Listing, listings, usd


TRADES_A_S = 4000.0
"""Mean of the regular session; second bars come to a third of it, quotes to a quarter."""

Activity = Callable[[Day, int], float]
"""Trades in the second that begins at an instant of a day, relative to `trades_a_s` (dimensionless)."""

_REGULAR_S = 23_400
_LATE_CHANCE, _LATE_SIZE = 0.001, 100
_BANDS_CHANCE, _TIER_ONE_PART = 0.1, 0.1
_LULD_SEED = 1 << 32


class _Late(NamedTuple):
    """A second bar that will come again because of a print that is late."""

    due_ms: int
    listing: Listing
    window: Window


class Market:
    """The market as an iterator over events in the order of time; it never ends. Iterate once."""

    def __init__(
        self,
        *,
        seed: int,
        symbols: int,
        start_ms: int,
        trades_a_s: float = TRADES_A_S,
        activity: Activity = intraday.activity,
        calendar: Calendar = STANDARD,
    ) -> None:
        self.calendar = calendar
        self._chance = seeded(seed)
        self._trades_a_s = trades_a_s
        self._activity = activity
        self._luld_chance = seeded(seed + _LULD_SEED)
        self._listings, self._weights = listings(self._chance, symbols, trades_a_s * _REGULAR_S)
        self._table = prints.shapes(self._chance)
        self._day = _trading_day(calendar, start_ms)
        self._now_ms = max(start_ms - start_ms % SECOND_MS, self._day.pre_ms)
        self._late: list[_Late] = []
        self._minute: dict[Listing, None] = {}
        self.first_day = self._day.name
        """ISO date."""
        self.eve = calendar.previous_trading_day(self._day)
        """The trading day before the first."""
        self._days = {self.eve.name: self._first_closes()}
        self._begin_day()

    def __iter__(self) -> Iterator[TapeEvent]:
        return chain.from_iterable(self._seconds())

    @property
    def now_ms(self) -> int:
        """The second that comes next, epoch milliseconds."""
        return self._now_ms

    @property
    def listings(self) -> Sequence[Listing]:
        """Every symbol, most active first."""
        return self._listings

    @property
    def day(self) -> str:
        """The trading day that runs (ISO date)."""
        return self._day.name

    @property
    def previous_day(self) -> str:
        """The trading day before the one that runs (ISO date)."""
        return self.calendar.previous_trading_day(self._day).name

    def day_bars(self, day: str) -> DayBars:
        """The bars of *day* (ISO date): of the day before the start and of days that are over."""
        return self._days.get(day, {})

    def _first_closes(self) -> DayBars:
        total = self._weights[-1]
        closes = {}
        for rank, listing in enumerate(self._listings, start=1):
            price = usd(listing.previous_close)
            shares = round(self._trades_a_s * _REGULAR_S * 150 / rank / total)
            closes[listing.sym] = DayBar(price, price, price, price, shares)
        return closes

    def _begin_day(self) -> None:
        for listing in self._listings:
            listing.begin_day()
        self._gappers = intraday.gap_overnight(self._chance, self._listings)
        self._runners = intraday.plan_runners(self._chance, self._listings, self._now_ms, self._day)
        self._luld = Luld(
            self._luld_chance,
            self._day,
            [runner.listing for runner in self._runners],
            set(self._listings[: int(len(self._listings) * _TIER_ONE_PART)]),
        )

    def _end_day(self) -> None:
        ended = {listing.sym: listing.end_day() for listing in self._listings}
        self._days[self._day.name] = {sym: bar for sym, bar in ended.items() if bar is not None}
        self._day = self.calendar.next_trading_day(self._day)
        self._now_ms = self._day.pre_ms
        self._late.clear()
        self._begin_day()

    def _seconds(self) -> Iterator[list[TapeEvent]]:
        while True:
            yield self._second()
            self._now_ms += SECOND_MS
            if self._now_ms >= self._day.post_end_ms:
                self._end_day()

    def _second(self) -> list[TapeEvent]:
        now_ms = self._now_ms
        end_ms = now_ms + SECOND_MS
        regular = self._day.session(now_ms) == "regular"
        events = self._late_prints(now_ms, regular=regular)
        events += self._luld.second(now_ms)
        events += self._bands(now_ms)
        traded, touched = prints.trade_second(
            self._chance, self._table, self._picked(now_ms), now_ms, regular=regular
        )
        events += traded
        windows = [bars.close_second(listing, now_ms, regular=regular) for listing in touched]
        events += [
            bars.second_bar(listing, window, end_ms)
            for listing, window in zip(touched, windows, strict=True)
        ]
        self._minute.update(dict.fromkeys(touched))
        self._maybe_late(touched, windows, end_ms)
        if end_ms % MINUTE_MS == 0:
            events += [bars.minute_bar(listing, end_ms) for listing in self._minute]
            self._minute.clear()
        return events

    def _picked(self, now_ms: int) -> list[Listing]:
        """The symbols that trade in this second, one entry a trade."""
        chance = self._chance
        count = int(self._activity(self._day, now_ms) * self._trades_a_s + chance.random())
        gapping = int(count * intraday.GAPPER_SHARE_OF_PRE) if now_ms < self._day.open_ms else 0
        picked = chance.choices(self._listings, cum_weights=self._weights, k=count - gapping)
        picked += chance.choices(self._gappers, k=gapping)
        if gapping:
            chance.shuffle(picked)
        paused, at_band = self._luld.paused, self._luld.at_band
        if paused:
            picked = [listing for listing in picked if listing not in paused]
        for runner in self._runners:
            drift = runner.drift(now_ms)
            if drift != 1.0 and runner.listing not in paused:
                if runner.listing not in at_band:
                    runner.listing.fair_usd *= drift
                trades = self._trades_a_s * intraday.RUNNER_TRADES_A_S * chance.random()
                for _ in range(int(1 + trades)):  # anywhere in the second, not at its end
                    picked.append(runner.listing)
                    place = int(chance.random() * len(picked))
                    picked[place], picked[-1] = picked[-1], picked[place]
        return picked

    def _maybe_late(self, touched: list[Listing], windows: list[Window], end_ms: int) -> None:
        """Plan that one of the second's bars comes again, if its minute is then still open."""
        if self._chance.random() < _LATE_CHANCE * len(touched):
            chosen = self._chance.randrange(len(touched))
            due_ms = end_ms + SECOND_MS * self._chance.randrange(1, 4)
            if due_ms // MINUTE_MS == windows[chosen].start_ms // MINUTE_MS:
                self._late.append(_Late(due_ms, touched[chosen], windows[chosen]))

    def _late_prints(self, now_ms: int, *, regular: bool) -> list[TapeEvent]:
        """Trades that are reported only now, each with its second bar once more."""
        events: list[TapeEvent] = []
        waiting = []
        for late in self._late:
            if late.due_ms > now_ms:
                waiting.append(late)
            else:
                events += _print_late(late, now_ms, regular=regular)
        self._late = waiting
        return events

    def _bands(self, now_ms: int) -> list[TapeEvent]:
        if self._chance.random() >= _BANDS_CHANCE:
            return []
        return self._luld.restated(self._chance.choice(self._listings), now_ms)


def _print_late(late: _Late, now_ms: int, *, regular: bool) -> list[TapeEvent]:
    _due_ms, listing, window = late
    value = _LATE_SIZE * window.close
    listing.sequence += 1
    bars.add_volume(listing, _LATE_SIZE, value, 1)
    corrected = msgspec.structs.replace(
        window,
        volume=window.volume + _LATE_SIZE,
        value=window.value + value,
        trades=window.trades + 1,
    )
    conditions = (prints.SOLD_OUT_OF_SEQUENCE,) + (() if regular else (prints.FORM_T,))
    return [
        prints.trade(listing, window.close, _LATE_SIZE, conditions, 4, now_ms),
        bars.second_bar(listing, corrected, now_ms),
    ]


def start_of(text: str) -> int:
    """Epoch milliseconds of an ISO date and time in New York."""
    return round(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp() * 1000)


def _trading_day(calendar: Calendar, time_ms: int) -> Day:
    """The trading day of *time_ms*, or the next one if that is over or none."""
    day = calendar.day_at(time_ms)
    open_still = day.is_trading_day and time_ms < day.post_end_ms
    return day if open_still else calendar.next_trading_day(day)
