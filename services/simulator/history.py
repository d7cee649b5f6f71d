"""Days before the first of a synthetic market: walked back from the closes that day is measured against.

The same seed and the same closes give the same days, whatever is asked for first. Prices are as if
all splits had happened before.
"""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mesh.calendar import STANDARD, Calendar, Day
from mesh.partition import fnv1a_32
from services.simulator.events import DayBar, DayBars
from services.simulator.universe import E4


DEPTH_DAYS = 600
"""Trading days that can be asked for."""
_LEAST_VOLATILITY, _VOLATILITIES = 0.012, 0.04
_VOLUME_SPREAD = 0.35
_KEPT_DAYS = 40

Numbers: TypeAlias = npt.NDArray[np.float64]
"""One for each ticker."""


class _Drawn(NamedTuple):
    """A day of all tickers by column."""

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
        self._shares = np.array([bar.volume_shares for bar in last.values()], np.float64)
        parts = np.array([fnv1a_32(ticker.encode()) / 2**32 for ticker in last])
        self._volatility = _LEAST_VOLATILITY + _VOLATILITIES * parts
        self._closes: list[Numbers] = [np.array([bar.close_usd for bar in last.values()])]
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
        steps = self._normal("walk", number, 1)[0]
        return _on_grid(self._closes[-1] * np.exp(steps * self._volatility))

    def _draw(self, number: int) -> _Drawn:
        gap, rise, fall, traded = self._normal("bars", number, 4)
        close, volatility = self._closes[number], self._volatility
        opened = _on_grid(self._closes[number + 1] * np.exp(gap * volatility / 3))
        top, bottom = np.maximum(opened, close), np.minimum(opened, close)
        highs = np.maximum(top, _on_grid(top * (1 + np.abs(rise * volatility / 2))))
        lows = np.minimum(bottom, _on_grid(bottom / (1 + np.abs(fall * volatility / 2))))
        part = 0.5 if self._is_half[number] else 1.0
        volume = np.maximum(1, np.rint(self._shares * part * np.exp(traded * _VOLUME_SPREAD)))
        return _Drawn(
            opened, highs, lows, volume if number else self._shares
        )  # the last day's are given

    def _normal(self, what: str, number: int, count: int) -> Numbers:
        """Numbers of a normal distribution; of a generator that no version of the library changes any more."""
        chance = np.random.RandomState(fnv1a_32(f"{self._seed}/{what}/{number}".encode()))
        return chance.standard_normal((count, len(self._shares)))


def _bar(drawn: _Drawn, closes: Numbers, place: int) -> DayBar:
    opened, high, low, close = (
        float(column[place]) for column in (drawn.opens, drawn.highs, drawn.lows, closes)
    )
    shares = int(drawn.shares[place])
    vwap = round((opened + high + low + 2 * close) / 5, 4)
    return DayBar(opened, high, low, close, shares, vwap, max(1, shares // 100))


def _on_grid(prices_usd: Numbers) -> Numbers:
    """The prices that may be quoted next to *prices_usd*, as `universe.to_grid` has them."""
    cents, fine = np.rint(prices_usd * 100) * 100, np.rint(prices_usd * E4)
    return np.maximum(1, np.where(prices_usd >= 1, cents, fine)) / E4
