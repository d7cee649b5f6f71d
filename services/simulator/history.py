"""Days before the first of a synthetic market: walked back from the closes that day is measured against.

The same seed and the same closes give the same days, whatever is asked for first: chance is a hash of
the seed, the ticker and the day. Prices are as if all splits had happened before.
"""

from collections import OrderedDict
from functools import lru_cache
from itertools import accumulate
from threading import Lock
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mesh.calendar import STANDARD, Calendar, Day
from mesh.partition import fnv1a_32
from services.simulator.events import DayBar, DayBars
from services.simulator.universe import E4, to_grid, usd


DEPTH_DAYS = 600
"""Trading days that can be asked for."""
_LEAST_VOLATILITY, _VOLATILITIES = 0.012, 0.04
_VOLUME_SPREAD = 0.35
_KEPT_DAYS = 40
_KEPT_TICKERS = 64
_WALK, _GAP, _RISE, _FALL, _TRADED = range(5)
"""What is left to chance."""

Numbers: TypeAlias = npt.NDArray[np.float64]
"""One for each ticker."""
Counts: TypeAlias = npt.NDArray[np.int64]
Hashes: TypeAlias = npt.NDArray[np.uint64]


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
        self._of_ticker = lru_cache(maxsize=_KEPT_TICKERS)(self._of_one)

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
        return _bar(*self._of_ticker(place), number)

    def _of_one(self, place: int) -> tuple[_Drawn, Numbers]:
        """All days of one ticker, newest first: much faster than all tickers of all days."""
        days = np.arange(len(self.days) + 1)
        one = np.full(len(days), place)
        factors = np.exp(self._normal(_WALK, one, days) * self._volatility[place]).tolist()
        first = float(self._closes[0][place])
        closes = np.array([*accumulate(factors[1:], _step, initial=first)])
        parts = np.where(self._is_half, 0.5, 1.0)
        return self._draw(closes[:-1], closes[1:], one[:-1], days[:-1], parts), closes[:-1]

    def _day(self, number: int) -> tuple[_Drawn, Numbers]:
        with self._drawing:
            every = np.arange(len(self._shares))
            while len(self._closes) <= number + 1:
                steps = self._normal(_WALK, every, np.full(len(every), len(self._closes)))
                self._closes.append(_on_grid(self._closes[-1] * np.exp(steps * self._volatility)))
            drawn = self._drawn.get(number)
            if drawn is None:
                part = np.full(len(every), 0.5 if self._is_half[number] else 1.0)
                closes, befores = self._closes[number], self._closes[number + 1]
                drawn = self._draw(closes, befores, every, np.full(len(every), number), part)
                self._drawn[number] = drawn
                if len(self._drawn) > _KEPT_DAYS:
                    self._drawn.popitem(last=False)
            return drawn, self._closes[number]

    def _draw(
        self, closes: Numbers, befores: Numbers, places: Counts, numbers: Counts, part: Numbers
    ) -> _Drawn:
        """Days of tickers: the nth is of the ticker at *places*[n], so many days ago."""
        gap, rise, fall, traded = (
            self._normal(what, places, numbers) for what in (_GAP, _RISE, _FALL, _TRADED)
        )
        volatility, shares = self._volatility[places], self._shares[places]
        opened = _on_grid(befores * np.exp(gap * volatility / 3))
        top, bottom = np.maximum(opened, closes), np.minimum(opened, closes)
        highs = np.maximum(top, _on_grid(top * (1 + np.abs(rise * volatility / 2))))
        lows = np.minimum(bottom, _on_grid(bottom / (1 + np.abs(fall * volatility / 2))))
        volume = np.maximum(1, np.rint(shares * part * np.exp(traded * _VOLUME_SPREAD)))
        volume = np.where(numbers == 0, shares, volume)  # the last day's are given
        return _Drawn(opened, highs, lows, volume)

    def _normal(self, what: int, places: Counts, numbers: Counts) -> Numbers:
        """Numbers of a normal distribution (Box and Muller's), one for each ticker and day."""
        salt = np.uint64(fnv1a_32(f"{self._seed}/{what}".encode()))
        key = (places.astype(np.uint64) << np.uint64(32)) + numbers.astype(np.uint64)
        first = _mixed(key ^ (salt << np.uint64(20)))
        second = _mixed(first)
        length = np.sqrt(-2 * np.log((first >> np.uint64(11)).astype(np.float64) * 2**-53 + 2**-54))
        found: Numbers = length * np.cos(
            2 * np.pi * 2**-53 * (second >> np.uint64(11)).astype(np.float64)
        )
        return found


def _mixed(values: Hashes) -> Hashes:
    """*values* without their order. Source: splitmix64."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _step(price_usd: float, factor: float) -> float:
    return usd(max(1, to_grid(price_usd * factor)))


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
