"""What the bars of a class came to on the day of each symbol: the newest bar, and each session.

Second bars and minute bars are folded alike, each class for itself. A bar that comes again replaces
the copy before it as long as it is the newest; an older one is late. Volume and VWAP of a session are
differences of the vendor's own totals of the day, so that a bar that was missed is not missing in them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from mesh.calendar import Day
from schemas.columns import Mask, Places
from schemas.leaderboard import SESSIONS
from schemas.market import Bar
from services.processors.grouped import order_by, rank_in_group, running_max
from services.processors.sessions import session_at
from services.processors.sheet import Blank, Floats, Ints, Sheet, Symbols, picked


_UNKNOWN = np.nan

VALUES = (
    "open_usd", "high_usd", "low_usd", "close_usd", "volume_shares", "day_volume_shares", "vwap_usd",
    "day_vwap_usd", "official_open_usd", "average_size_shares",
)  # fmt: skip
"""Fields of a bar that are kept of the newest, in its order."""
_HIGH, _LOW, _OPEN = VALUES.index("high_usd"), VALUES.index("low_usd"), VALUES.index("official_open_usd")  # fmt: skip


class Batch(NamedTuple):
    """Bars in columns."""

    at: Places
    """Places of their symbols."""
    start_ms: Ints
    end_ms: Ints
    values: Floats
    """A line for each of `VALUES`."""

    def take(self, which: Places | Mask) -> "Batch":
        """Some of them."""
        return picked(self, which)


def batch_of(symbols: Symbols, bars: Sequence[Bar]) -> Batch:
    """*bars* in columns, in their order."""
    return Batch(
        symbols.places([bar.symbol for bar in bars]),
        np.array([bar.start_ms for bar in bars], dtype=np.int64),
        np.array([bar.end_ms for bar in bars], dtype=np.int64),
        np.array([
            [bar.open_usd for bar in bars], [bar.high_usd for bar in bars], [bar.low_usd for bar in bars],
            [bar.close_usd for bar in bars], [bar.volume_shares for bar in bars],
            [bar.day_volume_shares for bar in bars], [bar.vwap_usd for bar in bars],
            [bar.day_vwap_usd for bar in bars], [bar.official_open_usd for bar in bars],
            [bar.average_size_shares for bar in bars],
        ], dtype=np.float64),
    )  # fmt: skip


class Watcher(Protocol):
    """Who wants to know what happens among the bars, in the order of each symbol."""

    def on_bars(self, bars: "Bars", at: Places) -> None:
        """The bars that are held for the symbols at these places are final."""

    def on_bars_beyond(self, bars: "Bars", batch: Batch, session: int) -> None:
        """*batch*, which is not held yet and has one bar of a symbol, may reach beyond its session before it."""


_BLANKS: dict[str, Blank] = {
    "start_ms": (-1, 0), "end_ms": (0, 0), "day_start_ms": (0, 0), "day_end_ms": (0, 0), "session": (0, 0),
    "highs_usd": (_UNKNOWN, len(SESSIONS)), "lows_usd": (_UNKNOWN, len(SESSIONS)),
    "before_shares": (_UNKNOWN, 0), "before_usd": (0.0, 0),
} | dict.fromkeys(VALUES, (_UNKNOWN, 0))  # fmt: skip


class Bars(Sheet):
    """By symbol, what the bars of one class came to; columns of width 4 are by session."""

    start_ms: Ints
    """Of the newest bar; -1 before the first."""
    end_ms: Ints
    day_start_ms: Ints
    day_end_ms: Ints
    session: Ints
    """Of the newest bar."""
    highs_usd: Floats
    lows_usd: Floats
    before_shares: Floats
    """Volume of the day when the session began; unknown where the source does not accumulate."""
    before_usd: Floats
    """What that volume was worth, by the vendor's VWAP; unknown where that is."""
    open_usd: Floats
    high_usd: Floats
    low_usd: Floats
    close_usd: Floats
    volume_shares: Floats
    day_volume_shares: Floats
    vwap_usd: Floats
    day_vwap_usd: Floats
    official_open_usd: Floats
    average_size_shares: Floats

    def __init__(self) -> None:
        super().__init__(_BLANKS)

    def fold(
        self, batch: Batch, day_of: Callable[[int], Day], watcher: Watcher | None
    ) -> tuple[Places, Places]:
        """Take bars in the order of arrival: places of those that were taken, and of those that were late."""
        batch = batch.take(order_by(batch.at))
        newest_ms = np.maximum(running_max(batch.at, batch.start_ms), self.start_ms[batch.at])
        taken = batch.start_ms == newest_ms
        late = batch.at[~taken]
        if late.size:
            batch = batch.take(taken)
        copy = rank_in_group((batch.at << 44) | batch.start_ms)
        if batch.start_ms.size and (copy.any() or (batch.start_ms != batch.start_ms[0]).any()):
            turns = np.lexsort((copy, batch.start_ms))
            batch, copy = batch.take(turns), copy[turns]
            ends = np.flatnonzero((np.diff(batch.start_ms) != 0) | (np.diff(copy) != 0)) + 1
            for which in np.split(np.arange(len(batch.at)), ends):
                self._take(batch.take(which), day_of, watcher)
        elif batch.start_ms.size:
            self._take(batch, day_of, watcher)
        return batch.at, late

    def _take(self, batch: Batch, day_of: Callable[[int], Day], watcher: Watcher | None) -> None:
        """Bars of the same time, one of a symbol."""
        at, values = batch.at, batch.values
        start_ms = int(batch.start_ms[0])
        day = day_of(start_ms)
        session = session_at(day, start_ms)
        if watcher is not None:
            final = at[(self.start_ms[at] >= 0) & (self.start_ms[at] < start_ms)]
            if final.size:
                watcher.on_bars(self, final)
        held_before = self.day_end_ms[at] > start_ms
        if not held_before.all():
            self._begin(batch.take(np.flatnonzero(~held_before)), day)
        opened = self.official_open_usd[at]
        values[_OPEN] = np.where(np.isnan(values[_OPEN]), opened, values[_OPEN])
        enters = held_before & (self.session[at] != session)
        if enters.any():
            self._enter(batch.take(np.flatnonzero(enters)))
        if watcher is not None:
            watcher.on_bars_beyond(self, batch, session)
        self.start_ms[at], self.end_ms[at], self.session[at] = start_ms, batch.end_ms, session
        for name, column in zip(VALUES, values, strict=True):
            getattr(self, name)[at] = column
        self.highs_usd[at, session] = np.fmax(self.highs_usd[at, session], values[_HIGH])
        self.lows_usd[at, session] = np.fmin(self.lows_usd[at, session], values[_LOW])

    def _begin(self, batch: Batch, day: Day) -> None:
        """The first bars of a day."""
        at = batch.at
        self.clear(at)
        self.day_start_ms[at], self.day_end_ms[at] = day.start_ms, day.end_ms
        self.before_shares[at], self.before_usd[at] = _before(batch)

    def _enter(self, batch: Batch) -> None:
        """The first bars of a session, on a day of which there are bars already."""
        at = batch.at
        shares, usd = _before(batch)
        held = self.day_volume_shares[at]
        known = ~np.isnan(held)
        self.before_shares[at] = np.where(known, held, shares)
        worth_usd = np.where(held > 0.0, held * self.day_vwap_usd[at], 0.0)
        self.before_usd[at] = np.where(known, worth_usd, usd)

    def session_totals(self, at: Places) -> tuple[Floats, Floats]:
        """Shares of the session so far, and their average price; NaN where that is not known."""
        shares = np.maximum(self.day_volume_shares[at] - self.before_shares[at], 0.0)
        usd = self.day_volume_shares[at] * self.day_vwap_usd[at] - self.before_usd[at]
        return shares, usd / np.where(shares > 0.0, shares, np.nan)


def _before(batch: Batch) -> tuple[Floats, Floats]:
    """Volume of the day before the bars, and what it was worth."""
    _, _, _, close_usd, shares, day_shares, vwap_usd, day_vwap_usd, _, _ = batch.values
    before = np.maximum(day_shares - shares, 0.0)
    window_usd = shares * np.where(np.isnan(vwap_usd), close_usd, vwap_usd)
    usd = np.maximum(day_shares * day_vwap_usd - window_usd, 0.0)
    return before, np.where(before > 0.0, usd, 0.0)
