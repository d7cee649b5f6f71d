"""Days before the first of a synthetic market: walked back from the closes that day is measured against.

The same seed and the same closes give the same days, whatever is asked for first. Prices are as if
all splits had happened before.
"""

from array import array
from collections import OrderedDict
from math import exp
from threading import Lock
from typing import NamedTuple, TypeAlias

from mesh.calendar import STANDARD, Calendar, Day
from mesh.partition import fnv1a_32
from services.simulator.chance import Chance, seeded
from services.simulator.events import DayBar, DayBars
from services.simulator.universe import to_grid, usd


DEPTH_DAYS = 600
"""Trading days that can be asked for."""
_LEAST_VOLATILITY, _VOLATILITIES = 0.012, 0.04
_VOLUME_SPREAD = 0.35
_KEPT_DAYS = 40

Numbers: TypeAlias = "array[float]"
"""One for each ticker."""


class _Drawn(NamedTuple):
    """A day of all tickers by column: two megabytes less than as bars."""

    opens: Numbers
    highs: Numbers
    lows: Numbers
    shares: Numbers


class History:
    """The trading days up to *last_day*, whose closes and volumes are given."""

    def __init__(
        self, seed: int, last: DayBars, last_day: Day, calendar: Calendar = STANDARD
    ) -> None:
        days = [last_day]
        while len(days) < DEPTH_DAYS:
            days.append(calendar.previous_trading_day(days[-1]))
        self.days = [day.name for day in days]
        """ISO dates, newest first."""
        self._is_half = [day.is_half_day for day in days]
        self._numbers = {day: number for number, day in enumerate(self.days)}
        self._seed = seed
        self._places = {ticker: place for place, ticker in enumerate(last)}
        self._shares = [bar.volume_shares for bar in last.values()]
        self._volatility = [
            _LEAST_VOLATILITY + _VOLATILITIES * fnv1a_32(ticker.encode()) / 2**32 for ticker in last
        ]
        self._closes: list[Numbers] = [array("d", (bar.close_usd for bar in last.values()))]
        """By day, newest first."""
        self._drawn: OrderedDict[int, _Drawn] = OrderedDict()
        self._drawing = Lock()

    def day_bars(self, day: str) -> DayBars:
        """The bars of all tickers; none of a day that is not one of `days`."""
        number = self._numbers.get(day)
        if number is None:
            return {}
        drawn, closes = self._day(number)
        return {ticker: _bar(drawn, closes, place) for ticker, place in self._places.items()}

    def bar(self, ticker: str, day: str) -> DayBar | None:
        """The bar of one ticker, None if there is none."""
        number, place = self._numbers.get(day), self._places.get(ticker)
        if number is None or place is None:
            return None
        return _bar(*self._day(number), place)

    def _day(self, number: int) -> tuple[_Drawn, Numbers]:
        with self._drawing:
            while len(self._closes) <= number + 1:
                self._closes.append(self._walk(len(self._closes)))
            drawn = self._drawn.get(number)
            if drawn is None:
                drawn = self._drawn[number] = self._draw(number)
                if len(self._drawn) > _KEPT_DAYS:
                    self._drawn.popitem(last=False)
            return drawn, self._closes[number]

    def _walk(self, number: int) -> Numbers:
        chance = self._chance("walk", number)
        steps = zip(self._closes[-1], self._volatility, strict=True)
        return array("d", (_on_grid(close * exp(chance.gauss(0, each))) for close, each in steps))

    def _draw(self, number: int) -> _Drawn:
        chance = self._chance("bars", number)
        drawn = _Drawn(array("d"), array("d"), array("d"), array("d"))
        part = 0.5 if self._is_half[number] else 1.0
        for close, before, volatility, shares in zip(
            self._closes[number], self._closes[number + 1], self._volatility, self._shares, strict=True
        ):  # fmt: skip
            opened = _on_grid(before * exp(chance.gauss(0, volatility / 3)))
            up, down = (1 + abs(chance.gauss(0, volatility / 2)) for _ in range(2))
            volume = round(shares * part * exp(chance.gauss(0, _VOLUME_SPREAD)))
            drawn.opens.append(opened)
            drawn.highs.append(max(opened, close, _on_grid(max(opened, close) * up)))
            drawn.lows.append(min(opened, close, _on_grid(min(opened, close) / down)))
            drawn.shares.append(max(1, volume) if number else shares)  # the last day's are given
        return drawn

    def _chance(self, what: str, number: int) -> Chance:
        return seeded(fnv1a_32(f"{self._seed}/{what}/{number}".encode()))


def _bar(drawn: _Drawn, closes: Numbers, place: int) -> DayBar:
    opened, high, low, close = (
        column[place] for column in (drawn.opens, drawn.highs, drawn.lows, closes)
    )
    shares = int(drawn.shares[place])
    vwap = round((opened + high + low + 2 * close) / 5, 4)
    return DayBar(opened, high, low, close, shares, vwap, max(1, shares // 100))


def _on_grid(price_usd: float) -> float:
    return usd(max(1, to_grid(price_usd)))
