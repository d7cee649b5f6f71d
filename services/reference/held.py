"""Daily bars of the whole market, as traded: what the arithmetic of a day is made of.

A bar is seven doubles in an array of its symbol, newest first: a year of 11,000 symbols are 155 MB.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from math import isnan, nan

from schemas.naming import is_symbol
from services.reference import answers
from services.reference.daily import Bar


_FIELDS = 7


class Held:
    """The bars of days that were asked for; days are numbered (`date.toordinal`)."""

    def __init__(self) -> None:
        self.days: list[int] = []
        """Those with bars, newest first."""
        self.asked: set[int] = set()
        """Those that the vendor has answered for."""
        self._bars: dict[str, array[float]] = {}

    def add(self, day: int, bars: Iterable[answers.Bar]) -> int:
        """Keep the bars of *day*, which has not been asked before; how many there are."""
        count = 0
        for bar in bars:
            if bar.c and bar.c > 0 and is_symbol(bar.T):
                self._insert(day, bar, bar.c)
                count += 1
        self.asked.add(day)
        if count:
            self.days.insert(bisect_left(self.days, -day, key=int.__neg__), day)
        return count

    def symbols(self, since: int, before: int) -> Iterable[str]:
        """Those that were traded on a day from *since* (not 0) on, before the day *before*."""
        for symbol, flat in self._bars.items():
            last = next((day for day in flat[::_FIELDS] if day < before), 0)
            if last >= since:
                yield symbol

    def bars(self, symbol: str, before: int, since: int = 0) -> list[Bar]:
        """The bars of *symbol* on days from *since* on, before the day *before*; newest first."""
        flat = self._bars.get(symbol)
        if flat is None:
            return []
        found = []
        for at in range(0, len(flat), _FIELDS):
            if since <= flat[at] < before:
                day, opened, high, low, close, volume, vwap = flat[at : at + _FIELDS]
                known = None if isnan(vwap) else vwap
                found.append(Bar(int(day), opened, high, low, close, volume, known))
        return found

    def forget(self, before: int) -> None:
        """Let go of days before *before*."""
        self.days = [day for day in self.days if day >= before]
        self.asked = {day for day in self.asked if day >= before}
        for symbol, flat in list(self._bars.items()):
            while flat and flat[-_FIELDS] < before:
                del flat[-_FIELDS:]
            if not flat:
                del self._bars[symbol]

    def _insert(self, day: int, bar: answers.Bar, close: float) -> None:
        flat = self._bars.setdefault(bar.T, array("d"))
        at = len(flat)
        while at and flat[at - _FIELDS] < day:
            at -= _FIELDS
        opened = bar.o or close
        flat[at:at] = array(
            "d",
            (
                day,
                opened,
                bar.h or max(opened, close),
                bar.l or min(opened, close),
                close,
                bar.v or 0.0,
                bar.vw or nan,
            ),
        )
