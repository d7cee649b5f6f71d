"""What the trades of each symbol came to on its day, session by session."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from mesh.calendar import Day
from schemas.columns import Mask, Places
from schemas.conditions import BITS, EXTENDED_HIGH_LOW, EXTENDED_LAST, HIGH_LOW, LAST, VOLUME
from schemas.leaderboard import SESSIONS
from schemas.market import Print
from services.processors.grouped import ends, is_rising, newest_by, order_by, running_max, starts
from services.processors.sessions import OF_SPAN, REGULAR, spans
from services.processors.sheet import Blank, Floats, Ints, Sheet, Symbols, joined, picked


BLOCK_SHARES, BLOCK_USD = 10_000, 200_000
"""A block: at least as many shares, and worth at least as much (NYSE Rule 127.10 and Regulation NMS 600(b)
say "or"; for a symbol of a few cents or of thousands of dollars one of the two alone says little)."""


class Batch(NamedTuple):
    """Trades in columns."""

    at: Places
    """Places of their symbols."""
    event_ms: Ints
    sequence: Ints
    price_usd: Floats
    size_shares: Floats
    updates: Ints
    """Bits of `schemas.conditions`."""

    def take(self, which: Places | Mask) -> "Batch":
        """Some of them."""
        return picked(self, which)

    def of_volume(self) -> "Batch":
        """Those that count for volume."""
        counted = self.of(VOLUME)
        return self if counted.all() else self.take(counted)

    def of(self, bit: int) -> Mask:
        """Which of them update what *bit* says."""
        found: Mask = (self.updates & bit) != 0
        return found


def batch_of(symbols: Symbols, trades: Sequence[Print]) -> Batch:
    """*trades* in columns, in their order."""
    return Batch(
        symbols.places([trade.symbol for trade in trades]),
        np.array([trade.event_ms for trade in trades], dtype=np.int64),
        np.array([trade.sequence for trade in trades], dtype=np.int64),
        np.array([trade.price_usd for trade in trades]),
        np.array([trade.size_shares for trade in trades]),
        np.array([BITS[trade.conditions] for trade in trades], dtype=np.int64),
    )


class Watcher(Protocol):
    """Who wants to know what happens among the trades, in the order of each symbol."""

    def on_seconds(self, trades: "Trades", at: Places) -> None:
        """The seconds that are held for the symbols at these places are complete."""

    def on_late(self, batch: Batch) -> None:
        """These trades belong to seconds that were complete."""

    def on_beyond(self, trades: "Trades", place: int, trade: "Beyond") -> None:
        """A trade is beyond all before it in its session."""

    def on_prices(self, batch: Batch) -> None:
        """These trades may be the last sale."""

    def on_block(self, place: int, event_ms: int, price_usd: float, size_shares: float) -> None:
        """A trade is a block."""


class Beyond(NamedTuple):
    """A trade above the highest or below the lowest of its session before it."""

    is_high: bool
    session: int
    event_ms: int
    price_usd: float
    level_usd: float
    """Where the extreme was."""


_BLANKS: dict[str, Blank] = {
    "day_start_ms": (0, 0), "sequence": (-1, 0), "event_ms": (0, 0), "last_ms": (0, 0),
    "last_usd": (np.nan, 0), "first_regular_usd": (np.nan, 0), "trades": (0, 0),
    "block_usd": (0.0, 0), "block_ms": (0, 0), "second": (0, 0), "second_prints": (0, 0),
    "second_shares": (0.0, 0), "second_usd": (0.0, 0),
    "highs_usd": (np.nan, len(SESSIONS)), "lows_usd": (np.nan, len(SESSIONS)),
    "shares": (0.0, len(SESSIONS)), "usd": (0.0, len(SESSIONS)),
}  # fmt: skip


class Trades(Sheet):
    """By symbol, what its trades came to; columns of width 4 are by session."""

    day_start_ms: Ints
    """0 before the first trade."""
    sequence: Ints
    event_ms: Ints
    """Of the newest trade, eligible or not."""
    last_ms: Ints
    last_usd: Floats
    first_regular_usd: Floats
    """The first of the regular session that may be the last sale."""
    trades: Ints
    """That count for volume."""
    block_usd: Floats
    """The greatest block so far; 0 without any."""
    block_ms: Ints
    second: Ints
    """The second that is being filled, since the epoch: of the newest trade that counts for volume or may be the
    last sale. What was printed in it, as far as it counts for volume:"""
    second_prints: Ints
    second_shares: Floats
    second_usd: Floats
    highs_usd: Floats
    lows_usd: Floats
    shares: Floats
    usd: Floats

    def __init__(self) -> None:
        super().__init__(_BLANKS)

    def fold(
        self, batch: Batch, day_of: Callable[[int], Day], watcher: Watcher
    ) -> tuple[Batch, Places]:
        """Take trades in the order of arrival: those that were taken, by place, and places of those that were late."""
        batch = batch.take(order_by(batch.at))
        newest_ms = running_max(batch.at, batch.event_ms)
        taken, late = [], []
        while len(batch.at):
            day = day_of(int(newest_ms.min()))
            today = newest_ms < day.end_ms
            timely = self._timely(batch, today, day, watcher)
            part = batch.take(timely)
            self._fold_day(part, day, watcher)
            taken.append(part)
            today_late = today.copy()
            today_late[timely] = False
            late.append(batch.at[today_late])
            batch, newest_ms = batch.take(~today), newest_ms[~today]
        return joined(taken), np.concatenate(late)

    def _timely(self, batch: Batch, today: Mask, day: Day, watcher: Watcher) -> Places:
        """Which trades of *today* are new. Symbols whose first of the *day* is among them begin it."""
        current = today & (batch.event_ms >= day.start_ms) & (self.day_start_ms[batch.at] <= day.start_ms)  # fmt: skip
        which = np.flatnonzero(current)
        places = batch.at[which]
        firsts = places[starts(places)]
        firsts = firsts[self.day_start_ms[firsts] < day.start_ms]
        if firsts.size:
            filled = firsts[self.second[firsts] > 0]
            if filled.size:
                watcher.on_seconds(self, filled)
            self.clear(firsts)
            self.day_start_ms[firsts] = day.start_ms
        rising = is_rising(places, batch.sequence[which], self.sequence[places])
        return which if rising is None else which[rising]

    def _fold_day(self, batch: Batch, day: Day, watcher: Watcher) -> None:
        """Trades of one day that are not late."""
        if not len(batch.at):
            return
        at, event_ms = batch.at, batch.event_ms
        last = ends(at)
        newest_ms = np.maximum(running_max(at, event_ms), self.event_ms[at])
        self.sequence[at[last]] = batch.sequence[last]
        self.event_ms[at[last]] = newest_ms[last]
        span = spans(day, event_ms)
        session = OF_SPAN[span]
        self._count(batch, session, watcher)
        self._reach(batch, session, spans(day, newest_ms) > span, watcher)
        is_last = np.where(session == REGULAR, batch.of(LAST), batch.of(EXTENDED_LAST))
        watcher.on_prices(batch.take(is_last))
        self._open(batch, is_last & (session == REGULAR))
        self._fill(batch, is_last, watcher)

    def _count(self, batch: Batch, session: Ints, watcher: Watcher) -> None:
        """Number and volume, and blocks."""
        counted = batch.of(VOLUME)
        if not counted.all():
            batch, session = batch.take(counted), session[counted]
        at = batch.at
        usd = batch.size_shares * batch.price_usd
        cells = at * len(SESSIONS) + session
        np.add.at(self.trades, at, 1)
        np.add.at(self.shares.reshape(-1), cells, batch.size_shares)
        np.add.at(self.usd.reshape(-1), cells, usd)
        for number in np.flatnonzero((usd >= BLOCK_USD) & (batch.size_shares >= BLOCK_SHARES)):
            place, event_ms = int(at[number]), int(batch.event_ms[number])
            if usd[number] > self.block_usd[place]:
                self.block_usd[place], self.block_ms[place] = usd[number], event_ms
            price_usd, size_shares = float(batch.price_usd[number]), float(batch.size_shares[number])  # fmt: skip
            watcher.on_block(place, event_ms, price_usd, size_shares)

    def _reach(self, batch: Batch, session: Ints, is_past: Mask, watcher: Watcher) -> None:
        """Highs and lows. *is_past* says which trades came after their session had ended: nobody is told of them."""
        at, price_usd = batch.at, batch.price_usd
        eligible = np.where(session == REGULAR, batch.of(HIGH_LOW), batch.of(EXTENDED_HIGH_LOW))
        within = (price_usd <= self.highs_usd[at, session]) & (
            price_usd >= self.lows_usd[at, session]
        )
        for number in np.flatnonzero(eligible & ~within).tolist():
            place, part, usd = int(at[number]), int(session[number]), float(price_usd[number])
            high_usd, low_usd = float(self.highs_usd[place, part]), float(self.lows_usd[place, part])  # fmt: skip
            if high_usd != high_usd:  # noqa: PLR0124 (the first of its session)
                self.highs_usd[place, part] = self.lows_usd[place, part] = usd
                continue
            if low_usd <= usd <= high_usd:
                continue
            is_high = usd > high_usd
            (self.highs_usd if is_high else self.lows_usd)[place, part] = usd
            if not is_past[number]:
                level_usd = high_usd if is_high else low_usd
                beyond = Beyond(is_high, part, int(batch.event_ms[number]), usd, level_usd)
                watcher.on_beyond(self, place, beyond)

    def _open(self, batch: Batch, is_regular_last: Mask) -> None:
        """The first price of the regular session."""
        wanted = np.flatnonzero(is_regular_last & np.isnan(self.first_regular_usd[batch.at]))
        if wanted.size:
            first = wanted[starts(batch.at[wanted])]
            self.first_regular_usd[batch.at[first]] = batch.price_usd[first]

    def _fill(self, batch: Batch, is_last: Mask, watcher: Watcher) -> None:
        """Last prices, and the seconds: one after the other, for what a second came to is told when the next begins."""
        counted = batch.of(VOLUME)
        seconds = batch.event_ms // 1000
        newest = np.maximum(
            running_max(batch.at, np.where(counted | is_last, seconds, 0)), self.second[batch.at]
        )
        if (newest == newest[0]).all():
            self._fill_second(batch, is_last, counted, seconds, int(newest[0]), watcher)
            return
        order = np.argsort(newest, kind="stable")
        cuts = np.flatnonzero(np.diff(newest[order])) + 1
        for which in np.split(order, cuts):
            self._fill_second(
                batch.take(which), is_last[which], counted[which], seconds[which], int(newest[which[0]]), watcher,
            )  # fmt: skip

    def _fill_second(
        self, batch: Batch, is_last: Mask, counted: Mask, seconds: Ints, now: int, watcher: Watcher
    ) -> None:
        """Trades that came while *now* was the newest second of their symbols."""
        at = batch.at
        places = at[starts(at)]
        passed = places[self.second[places] < now]
        if passed.size:
            filled = passed[self.second[passed] > 0]
            if filled.size:
                watcher.on_seconds(self, filled)
            self.second[passed], self.second_prints[passed] = now, 0
            self.second_shares[passed] = self.second_usd[passed] = 0.0
        current = counted & (seconds == now)
        if not current.all():
            late = counted & (seconds < now)
            if late.any():
                watcher.on_late(batch.take(late))
        places, shares = at[current], batch.size_shares[current]
        np.add.at(self.second_prints, places, 1)
        np.add.at(self.second_shares, places, shares)
        np.add.at(self.second_usd, places, shares * batch.price_usd[current])
        which = np.flatnonzero(is_last)
        which = which[newest_by(at[which], batch.event_ms[which])]
        which = which[batch.event_ms[which] >= self.last_ms[at[which]]]
        self.last_ms[at[which]], self.last_usd[at[which]] = batch.event_ms[which], batch.price_usd[which]  # fmt: skip
