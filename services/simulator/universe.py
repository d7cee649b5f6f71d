"""The symbols of the synthetic market: their names, how active they are, and where each stands.

A few thousandths of the symbols make most of the trades (Zipf), as on a real tape. Names have one
to five letters, and the awkward forms are there on purpose: share classes (`BRK.B`), preferreds in
mixed case (`BACpL`), warrants (`ACHR.WS`), units.
"""

import string
from itertools import accumulate
from math import exp, log

from services.simulator.chance import Chance
from services.simulator.events import DayBar, Number


E4 = 10_000
"""Prices are whole ten-thousandths of a dollar, so that sums are exact."""

_KNOWN = {
    "NVDA": 188.0, "TSLA": 438.0, "SPY": 683.0, "AAPL": 271.0, "QQQ": 613.0, "AMD": 223.0,
    "PLTR": 167.0, "AMZN": 226.0, "INTC": 39.0, "F": 13.2, "SOFI": 27.5, "BAC": 56.0, "T": 24.7,
    "MSFT": 472.0, "META": 650.0, "GOOGL": 315.0, "NIO": 4.9, "PLUG": 2.2, "GME": 21.0, "X": 54.0,
}  # fmt: skip
"""The most active ones, most active first, with a price in USD to start from."""
_AWKWARD = {
    "BRK.B": 498.0, "BF.B": 26.4, "ACHR.WS": 0.85, "BACpL": 1248.0, "BRK.A": 747_000.0,
    "WFCpL": 1210.0, "JPMpC": 25.1, "CCIV.U": 10.2,
}  # fmt: skip
_LENGTHS = (3, 3, 3, 4, 4, 4, 4, 4, 2, 5)
_SUFFIXES = (".WS", ".U", "pA", "pB", "pC", ".A", ".B", "W")
_SUFFIXED = 0.04
_MEDIAN_USD, _SPREAD = 21.0, 1.15
_ZIPF = 1.0
_DAILY_VOLATILITY = (0.012, 0.05)
_MOST_STEP = 0.004


class Listing:
    """One symbol: what it is, and what happened so far in the second, the minute and the day.

    Prices are in E4 units, `*_value` are prices times shares, volumes are shares. A window
    without trades has volume 0 and meaningless prices.
    """

    __slots__ = (
        "day_close",
        "day_high",
        "day_low",
        "day_open",
        "day_value",
        "day_volume",
        "fair_usd",
        "high",
        "low",
        "minute_close",
        "minute_high",
        "minute_low",
        "minute_open",
        "minute_trades",
        "minute_value",
        "minute_volume",
        "official_open",
        "open",
        "previous_close",
        "price",
        "quote_sequence",
        "sequence",
        "step",
        "sym",
        "tape",
        "trades",
        "value",
        "volume",
    )  # fmt: skip

    def __init__(self, sym: str, tape: int, price: int, step: float) -> None:
        self.sym = sym
        self.tape = tape
        self.step = step
        """Standard deviation of one trade's price change (dimensionless)."""
        self.previous_close = price
        self.sequence = self.quote_sequence = 0
        self.price = price
        self.fair_usd = price / E4
        self.volume = self.value = self.trades = self.open = self.high = self.low = 0
        self.minute_volume = self.minute_value = self.minute_trades = 0
        self.minute_open = self.minute_high = self.minute_low = self.minute_close = 0
        self.begin_day()

    def begin_day(self) -> None:
        """Forget the day, but not where the price and the sequence stand."""
        self.day_volume = self.day_value = self.official_open = 0
        self.day_open = self.day_high = self.day_low = 0
        self.day_close = 0
        """Last price of the regular session, 0 before there is one."""

    def end_day(self) -> DayBar | None:
        """The day's bar, None without a trade; its close is what the next day is measured against."""
        if self.day_close:
            self.previous_close = self.day_close
        return self._bar(self.previous_close)

    def so_far(self) -> DayBar | None:
        """The day's bar up to the last second, None without a trade."""
        return self._bar(self.price)

    def _bar(self, close: int) -> DayBar | None:
        if not self.day_volume:
            return None
        return DayBar(
            usd(self.official_open or self.day_open),
            usd(self.day_high),
            usd(self.day_low),
            usd(close),
            self.day_volume,
            usd(round(self.day_value / self.day_volume)),
        )


def usd(price: int) -> Number:
    """A price in E4 units as dollars."""
    return price / E4


def to_grid(price_usd: float) -> int:
    """The price (E4 units) that may be quoted next to *price_usd*: whole cents from one dollar on."""
    if price_usd >= 1.0:
        return round(price_usd * 100.0) * 100
    return round(price_usd * E4) or 1


def listings(chance: Chance, count: int, trades_a_day: float) -> tuple[list[Listing], list[float]]:
    """*count* symbols, most active first, and the cumulative weights to draw them with."""
    weights = [1.0 / (rank + 1) ** _ZIPF for rank in range(count)]
    total = sum(weights)
    made = []
    for (sym, price_usd), weight in zip(_named(chance, count), weights, strict=True):
        volatility = chance.uniform(*_DAILY_VOLATILITY)
        step = min(_MOST_STEP, volatility / max(1.0, trades_a_day * weight / total) ** 0.5)
        made.append(Listing(sym, chance.choice((1, 2, 3, 3)), to_grid(price_usd), step))
    return made, list(accumulate(weights))


def _named(chance: Chance, count: int) -> list[tuple[str, float]]:
    """(symbol, price in USD), most active first; half of a small universe is awkward names."""
    awkward = list(_AWKWARD.items())[: count // 2]
    known = list(_KNOWN.items())[: count - len(awkward)]
    taken = dict(known) | dict(awkward)
    others: dict[str, float] = {}
    while len(others) < count - len(taken):
        sym = _invent(chance)
        if sym not in taken:
            others[sym] = max(0.02, exp(chance.gauss(log(_MEDIAN_USD), _SPREAD)))
    ranked = known + list(others.items())
    for pair in awkward:
        ranked.insert(chance.randrange(len(known), len(ranked) + 1), pair)
    return ranked


def _invent(chance: Chance) -> str:
    letters = "".join(chance.choices(string.ascii_uppercase, k=chance.choice(_LENGTHS)))
    return letters + chance.choice(_SUFFIXES) if chance.random() < _SUFFIXED else letters
