"""The best bid and offer of each symbol, and which side the trades were on.

A trade was bought if its price is above the middle of the best bid and offer at its time, and sold
if below; at the middle, or without both sides, it is neither (the quote rule of Lee and Ready, 1991,
without their delay of five seconds, which reporting no longer needs). The middle at its time is that of
the last quote at or before it, so a trade waits until a later quote of its symbol has come: hence
it does not matter which of the two streams is ahead. Waiting trades are bounded, and so are the
quotes that are remembered for trades that come after them: who falls out of either has no side.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from schemas.columns import Mask, Places
from schemas.market import Best
from services.processors.grouped import ends, order_by, rank_in_group, starts
from services.processors.pulse import Pulse
from services.processors.sheet import Blank, Floats, Ints, Sheet, Symbols, joined, picked


_REMEMBERED = 32
"""Middles of each symbol, after those of the batch that is folded."""
_MOST_WAITING = 1 << 15
"""Trades of a partition."""
_NEVER = -(1 << 40)
_TIME_BITS = 44


class Batch(NamedTuple):
    """Quotes in columns."""

    at: Places
    """Places of their symbols."""
    event_ms: Ints
    sequence: Ints
    bid_usd: Floats
    bid_shares: Floats
    ask_usd: Floats
    ask_shares: Floats

    def take(self, which: Places | Mask) -> "Batch":
        """Some of them."""
        return picked(self, which)


def batch_of(symbols: Symbols, quotes: Sequence[Best]) -> Batch:
    """*quotes* in columns, in their order."""
    return Batch(
        symbols.places([quote.symbol for quote in quotes]),
        np.array([quote.event_ms for quote in quotes], dtype=np.int64),
        np.array([quote.sequence for quote in quotes], dtype=np.int64),
        np.array([quote.bid_usd for quote in quotes], dtype=np.float64),
        np.array([quote.bid_shares for quote in quotes]),
        np.array([quote.ask_usd for quote in quotes], dtype=np.float64),
        np.array([quote.ask_shares for quote in quotes]),
    )


class Waiting(NamedTuple):
    """Trades whose side is not known yet, oldest first."""

    at: Places
    event_ms: Ints
    price_usd: Floats
    size_shares: Floats

    def take(self, which: Places | Mask) -> "Waiting":
        """Some of them."""
        return picked(self, which)

    @classmethod
    def of(cls, columns: Sequence[bytes]) -> "Waiting":
        """Of the bytes of the columns."""
        at, event_ms, price_usd, size_shares = columns
        return cls(
            np.frombuffer(at, dtype=np.intp), np.frombuffer(event_ms, dtype=np.int64),
            np.frombuffer(price_usd), np.frombuffer(size_shares),
        )  # fmt: skip


_NOBODY = Waiting(np.empty(0, np.intp), np.empty(0, np.int64), np.empty(0), np.empty(0))


class _Middles(NamedTuple):
    """Changes of the middle of the quotes of a batch, by place and time; 0 where a side is missing."""

    at: Places
    event_ms: Ints
    usd: Floats


_NO_MIDDLES = _Middles(np.empty(0, np.intp), np.empty(0, np.int64), np.empty(0))


_HELD = Batch._fields[1:]
"""What is kept of the newest quote."""

_BLANKS: dict[str, Blank] = {
    "event_ms": (0, 0), "sequence": (-1, 0), "bid_usd": (np.nan, 0), "bid_shares": (0.0, 0),
    "ask_usd": (np.nan, 0), "ask_shares": (0.0, 0),
    "count": (0, 0), "middle_ms": (_NEVER, _REMEMBERED), "middle_usd": (0.0, _REMEMBERED),
}  # fmt: skip


class Quotes(Sheet):
    """By symbol, its newest quote and the last changes of its middle."""

    event_ms: Ints
    """Of the newest quote; 0 before the first."""
    sequence: Ints
    bid_usd: Floats
    bid_shares: Floats
    ask_usd: Floats
    ask_shares: Floats
    count: Ints
    """Of middles so far: they take the slots in turn."""
    middle_ms: Ints
    middle_usd: Floats

    def __init__(self) -> None:
        super().__init__(_BLANKS)
        self.waiting = _NOBODY

    def fold(self, batch: Batch, pulse: Pulse) -> tuple[Places, Places]:
        """Take quotes in the order of arrival: places of those that were taken, and of those that were late."""
        late = batch.at[:0]
        batch = batch.take(order_by(batch.at))
        timely = self._timely(batch)
        if timely is not None:
            late, batch = batch.at[~timely], batch.take(timely)
        if batch.at.size:
            middles = _middles(batch)
            newest = batch.take(ends(batch.at))
            for name in _HELD:
                getattr(self, name)[newest.at] = getattr(newest, name)
            self._settle(middles, pulse)
            self._remember(middles)
        return batch.at, late

    def _timely(self, batch: Batch) -> Mask | None:
        """Which quotes come after all before them, by time and then sequence; None if all do."""
        at, event_ms, sequence = batch[:3]
        late = event_ms < self.event_ms[at]
        same = event_ms == self.event_ms[at]
        ordered = (event_ms[1:] > event_ms[:-1]) | (sequence[1:] > sequence[:-1]) & (event_ms[1:] == event_ms[:-1])  # fmt: skip
        ordered |= at[1:] != at[:-1]
        if ordered.all() and not late.any() and not (same & (sequence <= self.sequence[at])).any():
            return None
        timely = np.empty(len(at), dtype=bool)
        newest: dict[int, tuple[int, int]] = {}
        keys = zip(event_ms.tolist(), sequence.tolist(), strict=True)
        for number, (place, key) in enumerate(zip(at.tolist(), keys, strict=True)):
            held = newest.get(place) or (int(self.event_ms[place]), int(self.sequence[place]))
            timely[number] = key > held
            newest[place] = max(key, held)
        return timely

    def wait(self, trades: Waiting, pulse: Pulse) -> None:
        """Have *trades* settled: at once if a later quote has come already, else when one comes."""
        self.waiting = joined([self.waiting, trades])
        self._settle(_NO_MIDDLES, pulse)

    def _settle(self, middles: _Middles, pulse: Pulse) -> None:
        """Find the sides of the trades before the newest quotes, and let the oldest of too many go.

        *middles* are of a batch and not remembered yet.
        """
        waiting = self.waiting
        newest_ms = self.event_ms[waiting.at]
        can = waiting.event_ms < newest_ms
        self.waiting = waiting.take(np.flatnonzero(~can)[-_MOST_WAITING:])
        if not can.any():
            return
        ready = waiting.take(can)
        middle_usd = self._middle_at(ready, middles)
        side = np.where(middle_usd > 0.0, np.sign(ready.price_usd - middle_usd), 0.0)
        sided = side != 0.0
        at, event_ms = ready.at[sided], ready.event_ms[sided]
        pulse.sign(at, event_ms // 1000, (side * ready.size_shares)[sided])

    def _middle_at(self, trades: Waiting, middles: _Middles) -> Floats:
        """The middle at the time of each trade; 0 where it is unknown."""
        remembered = np.where(
            self.middle_ms[trades.at] <= trades.event_ms[:, None], self.middle_ms[trades.at], _NEVER
        )
        slot = remembered.argmax(axis=1)
        lines = np.arange(len(slot))
        found = np.where(remembered[lines, slot] != _NEVER, self.middle_usd[trades.at, slot], 0.0)
        if not len(middles.at):
            return found
        keys = (middles.at << _TIME_BITS) | middles.event_ms
        before = np.searchsorted(keys, (trades.at << _TIME_BITS) | trades.event_ms, "right") - 1
        is_new = (before >= 0) & (middles.at[before] == trades.at)
        return np.where(is_new, middles.usd[before], found)

    def _remember(self, middles: _Middles) -> None:
        at, event_ms, usd = middles
        last_slot = (self.count[at] - 1) % _REMEMBERED
        again = (rank_in_group(at) == 0) & (self.middle_ms[at, last_slot] == event_ms)
        if again.any():  # a later quote of the same instant takes the place of the one before it
            replaced = at[again]
            self.middle_usd[replaced, last_slot[again]] = usd[again]
            at, event_ms, usd = at[~again], event_ms[~again], usd[~again]
            if not at.size:
                return
        begins = starts(at)
        counts = np.diff(np.append(begins, len(at)))
        rank = rank_in_group(at)
        keep = np.repeat(counts, counts) - rank <= _REMEMBERED
        slot = (self.count[at] + rank) % _REMEMBERED
        self.middle_ms[at[keep], slot[keep]] = event_ms[keep]
        self.middle_usd[at[keep], slot[keep]] = usd[keep]
        self.count[at[begins]] += counts


def _middles(batch: Batch) -> _Middles:
    middle = (batch.bid_usd + batch.ask_usd) / 2
    middle = np.where(np.isnan(middle), 0.0, middle)
    keep = ends((batch.at << _TIME_BITS) | batch.event_ms)  # the last of an instant holds at it
    at, event_ms, middle = batch.at[keep], batch.event_ms[keep], middle[keep]
    news = np.ones(len(at), dtype=bool)
    news[1:] = (middle[1:] != middle[:-1]) | (at[1:] != at[:-1])
    return _Middles(at[news], event_ms[news], middle[news])
