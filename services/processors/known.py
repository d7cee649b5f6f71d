"""What rows are measured against: days before theirs, and how volume comes in over a day."""

from array import array
from collections.abc import Iterable

import numpy as np

from mesh.calendar import Day
from schemas.columns import Places
from schemas.reference import Stair, SymbolDay, VolumeCurve
from services.processors.sheet import Floats, Ints, Sheet, Symbols


_NOTHING: dict[str, SymbolDay] = {}

_MINUTES = 960
"""From 04:00 to 20:00."""

NUMBERS = (
    "previous_close_usd", "average_volume_shares", "free_float_shares", "atr_usd", "previous_open_usd",
    "previous_high_usd", "previous_low_usd", "previous_volume_shares", "previous_vwap_usd",
)  # fmt: skip
"""Fields of a `SymbolDay` that are columns here, in their order."""


class Curve:
    """The average volume of a symbol until each minute of a day."""

    def __init__(self, curve: VolumeCurve) -> None:
        self.days = curve.days
        self._cumulative = array("f")
        self._cumulative.frombytes(curve.cumulative_shares)

    def until(self, minute: int) -> float | None:
        """Shares by the end of a minute since 04:00, of the day after its last; None before it, or if none are usual."""
        if minute < 0 or len(self._cumulative) != _MINUTES:
            return None
        return self._cumulative[min(minute, _MINUTES - 1)] or None


class Knowledge:
    """What a worker has learned so far; it grows, and everybody sees it at once."""

    def __init__(self) -> None:
        self.days: dict[str, dict[str, SymbolDay]] = {}
        """What is known before a trading day (ISO), by symbol."""
        self.curves: dict[str, Curve] = {}

    def of(self, trading_day: str, symbol: str) -> SymbolDay | None:
        """What is known of *symbol* before *trading_day*."""
        return self.days.get(trading_day, _NOTHING).get(symbol)


class Known(Sheet):
    """What is known of the symbols of a partition before one day, in columns.

    They are read off the knowledge once; `forget` has them read again.
    """

    numbers: Floats
    """By the places of `NUMBERS`."""
    minute: Ints
    """The minute of the day that `usual_shares` is of."""
    usual_shares: Floats
    curve_days: Ints
    reached_usd: Floats
    """Up to which high, and down to which low, the days since hold: they are found again beyond."""
    days_since: Floats

    def __init__(self, knowledge: Knowledge, symbols: Symbols, day: str) -> None:
        super().__init__({
            "numbers": (np.nan, len(NUMBERS)), "minute": (-2, 0), "usual_shares": (np.nan, 0),
            "curve_days": (0, 0), "reached_usd": (np.nan, 2), "days_since": (np.nan, 2),
        })  # fmt: skip
        self.day = day
        self._knowledge = knowledge
        self._symbols = symbols
        self._read = 0

    def forget(self) -> None:
        """What is known has changed."""
        self.clear(np.arange(self._read))
        self._read = 0

    def read(self) -> None:
        """Have columns for every symbol."""
        names = self._symbols.names
        self.grow(len(names))
        for place in range(self._read, len(names)):
            known = self._knowledge.of(self.day, names[place])
            if known is not None:
                self.numbers[place] = [getattr(known, name) for name in NUMBERS]
        self._read = len(names)

    def usual(self, at: Places, day: Day, event_ms: Ints) -> tuple[Floats, Ints]:
        """The usual volume until the minute of each event, and how many days that is the average of."""
        minute = np.maximum((event_ms - day.pre_ms) // 60_000, -1)
        news = at[self.minute[at] != minute]
        if news.size:
            curves = self._knowledge.curves
            self.minute[at] = minute
            for place in news.tolist():
                curve = curves.get(self._symbols.names[place])
                if curve is not None:
                    usual = curve.until(int(self.minute[place]))
                    self.usual_shares[place] = np.nan if usual is None else usual
                    self.curve_days[place] = curve.days
        return self.usual_shares[at], self.curve_days[at]

    def since(self, at: Places, high_usd: Floats, low_usd: Floats) -> tuple[Floats, Floats]:
        """Trading days since a price was as high as the high, and as low as the low; as `days_since` says it."""
        news = ~np.isnan(high_usd)
        self._find(at[news & ~(high_usd <= self.reached_usd[at, 0])], at, high_usd, above=True)
        self._find(at[news & ~(low_usd >= self.reached_usd[at, 1])], at, low_usd, above=False)
        high_days, low_days = np.where(news, self.days_since[at].T, np.nan)
        return high_days, low_days

    def _find(self, wanted: Places, at: Places, price_usd: Floats, *, above: bool) -> None:
        if not wanted.size:
            return
        column, beyond_all = (0, np.inf) if above else (1, -np.inf)
        prices = dict(zip(at.tolist(), price_usd.tolist(), strict=True))
        for place in wanted.tolist():
            known = self._knowledge.of(self.day, self._symbols.names[place])
            self.reached_usd[place, column] = beyond_all
            if known is None or not known.history_days:
                continue
            stair = _stair(known.highs if above else known.lows, prices[place], above=above)
            self.days_since[place, column] = known.history_days
            if stair is not None:
                self.days_since[place, column] = stair.days_ago - 1
                self.reached_usd[place, column] = stair.price_usd


def days_since(
    stairs: Iterable[Stair], price_usd: float | None, history_days: int, *, above: bool
) -> int | None:
    """Trading days between the day and the last one that reached *price_usd*: 0 if yesterday did.

    All that are held if none did; None if none are held.
    """
    if price_usd is None or not history_days:
        return None
    stair = _stair(stairs, price_usd, above=above)
    return history_days if stair is None else stair.days_ago - 1


def _stair(stairs: Iterable[Stair], price_usd: float, *, above: bool) -> Stair | None:
    """The last day that reached a price."""
    for stair in stairs:
        if (stair.price_usd >= price_usd) if above else (stair.price_usd <= price_usd):
            return stair
    return None
