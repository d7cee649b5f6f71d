"""Halts among the columns: bands by symbol for prices to be held against, and what rows say of halts."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mesh.calendar import Day
from schemas.columns import Places
from schemas.halt import Halted, HaltState
from schemas.leaderboard import HALTS
from schemas.market import Halt
from services.processors.halts import HaltDay, Told, fold_halts, halt_of, halted
from services.processors.sheet import Blank, Floats, Ints, Sheet, Symbols


NEAR_PCT = 1.0
"""From here to a band, in percent of the price, a symbol is near it: bands follow the reference price only in
steps of 1 % or more (the Plan, section V), so within less the band does not move away first."""

_BANDLESS = frozenset({HaltState.LIMIT, HaltState.PAUSED})
"""States in which nothing is near a band: it is at one, or there is none."""
_DUST_USD = 1e-9
"""What binary fractions may add to a distance: from $1.00 to $1.01 it is 0.010000000000000009."""

_HELD = 16
"""Bands of a symbol that are held. They change every 30 s at most, so these are of 8 minutes: bands run ahead of
the prices that they are for by as much as is folded at once, and as a successor reads again."""

_BLANKS: dict[str, Blank] = {
    "halt": (np.nan, 0), "halt_ms": (np.nan, 0),
    "upper_usd": (np.nan, _HELD), "lower_usd": (np.nan, _HELD), "bands_ms": (0, _HELD),
}  # fmt: skip


class Near(NamedTuple):
    """Prices that are near a band, of each the band and since when it is in force."""

    which: Places
    band_usd: Floats
    bands_ms: Ints


class Halting(Sheet):
    """State of trading by symbol; columns of width `_HELD` are of the newest bands, and of those before."""

    halt: Floats
    """Place in `HALTS`; NaN where trading is normal."""
    halt_ms: Floats
    """Since when; NaN too where that is unknown."""
    upper_usd: Floats
    lower_usd: Floats
    bands_ms: Ints
    """Since when they are in force."""

    def __init__(self, symbols: Symbols) -> None:
        super().__init__(_BLANKS)
        self.states: dict[str, HaltDay] = {}
        self.unput: dict[str, Halted] = {}
        """What is to be shown of symbols that changed; whoever shows it takes it out."""
        self._symbols = symbols

    def fold(self, halts: Sequence[Halt], day_of: Callable[[int], Day]) -> tuple[Places, int, Told]:
        """Take *halts* in the order of arrival: whose rows changed, how many were late, and what is worth an alert."""
        changed: set[str] = set()
        late, told = 0, Told()
        for part in _once_each(halts):
            news: set[str] = set()
            more, found = fold_halts(self.states, part, day_of, news)
            late, told = late + more, told + found
            self._symbols.places(sorted(news))
            self.grow(len(self._symbols.names))
            for symbol in news:
                self._set_bands(self._symbols[symbol], self.states[symbol])
            changed |= news
        return self._symbols.places(sorted(changed)), late, told

    def _set_bands(self, place: int, state: HaltDay) -> None:
        bands = (np.nan, np.nan)
        if state.state not in _BANDLESS:
            bands = (
                np.nan if state.upper_band_usd is None else state.upper_band_usd,
                np.nan if state.lower_band_usd is None else state.lower_band_usd,
            )
        held = (self.upper_usd[place, 0], self.lower_usd[place, 0])
        if not np.array_equal(held, bands, equal_nan=True):
            for column in (self.upper_usd, self.lower_usd, self.bands_ms):
                column[place, 1:] = column[place, :-1].copy()
            self.upper_usd[place, 0], self.lower_usd[place, 0] = bands
            self.bands_ms[place, 0] = state.event_ms

    def near(self, at: Places, event_ms: Ints, price_usd: Floats) -> Near:
        """Prices that are within `NEAR_PCT` of a band that is in force at their time."""
        upper, lower = self.upper_usd[at, 0], self.lower_usd[at, 0]
        bands_ms = self.bands_ms[at, 0]
        past = np.flatnonzero(event_ms < bands_ms)
        if past.size:
            begun = event_ms[past, None] >= self.bands_ms[at[past]]
            held, known = (at[past], begun.argmax(axis=1)), begun.any(axis=1)
            upper[past] = np.where(known, self.upper_usd[held], np.nan)
            lower[past] = np.where(known, self.lower_usd[held], np.nan)
            bands_ms[past] = self.bands_ms[held]
        room = price_usd * (NEAR_PCT / 100) + _DUST_USD
        to_upper, to_lower = upper - price_usd, price_usd - lower
        which = np.flatnonzero((to_upper <= room) | (to_lower <= room))
        to_upper, to_lower = to_upper[which], to_lower[which]
        is_upper = (to_upper <= to_lower) | np.isnan(to_lower)
        band_usd = np.where(is_upper, upper[which], lower[which])
        return Near(which, band_usd, bands_ms[which])

    def mark(self, at: Places, day: Day, newest_ms: Ints, newest_trade_ms: Ints) -> None:
        """Say of the symbols *at* these places, whose newest day is *day*, how they trade, by all that was heard of them."""
        if not self.states:
            return
        for number, place in enumerate(at.tolist()):
            symbol = self._symbols.names[place]
            state = self.states.get(symbol)
            if state is None or (state.state is HaltState.TRADING and np.isnan(self.halt[place])):
                continue
            event_ms = max(int(newest_ms[number]), state.event_ms)
            trade_ms = int(newest_trade_ms[number])
            word, since_ms = halt_of(state, day.name, event_ms, trade_ms)
            self.halt[place] = np.nan if word is None else HALTS.index(word)
            self.halt_ms[place] = np.nan if since_ms is None else since_ms
            self.unput[symbol] = halted(state, event_ms, trade_ms)


def _once_each(halts: Sequence[Halt]) -> Iterator[Sequence[Halt]]:
    """*halts* in parts with one message of a symbol, for each may be the begin of a band: nearly always one part."""
    begin, symbols = 0, set[str]()
    for number, halt in enumerate(halts):
        if halt.symbol in symbols:
            yield halts[begin:number]
            begin, symbols = number, set()
        symbols.add(halt.symbol)
    yield halts[begin:]
