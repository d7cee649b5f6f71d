"""What each symbol did in the last seconds, minutes and the last hour, by event time. Days do not divide it.

Everything here is fed with whole seconds, made of trades or, where the feed has none, of the
vendor's second bars. Windows end with the newest second of the symbol and move in steps: those of up
to a minute by a second, of five minutes by 15 s, of an hour by a minute. A window that is 60 s
long in steps of 1 s holds the newest second and the 59 before it.
"""

from typing import NamedTuple

import numpy as np

from schemas.columns import Mask, Places
from services.processors.sheet import Blank, Floats, Ints, Kept, Sheet, picked
from services.processors.windows import Window, millionths


LENGTHS_S = (5, 15, 60)
"""Of the short windows."""
_COUNTED = ("prints", "shares", "usd")
_MINUTES = 16
"""Closes of so many minutes are kept one by one: prices are asked for up to the begin of the minute 15 back."""
_TENS = 6
"""A run is looked for in the last six spans of ten seconds: 50 to 60 s."""
_NEVER = -(1 << 40)


class Seconds(NamedTuple):
    """A second of each of some symbols."""

    at: Places
    second: Ints
    """Since the epoch."""
    prints: Ints
    shares: Floats
    usd: Floats
    """Shares times price, summed."""
    close_usd: Floats
    """Last eligible price until its end; NaN if there was none yet."""

    def take(self, which: Places | Mask) -> "Seconds":
        """Some of them."""
        return picked(self, which)


_BLANKS: dict[str, Blank] = {
    "newest": (0, 0), "minute": (_NEVER, _MINUTES), "close_usd": (np.nan, _MINUTES),
    "older_minute": (_NEVER, 0), "older_usd": (np.nan, 0),
    "ten": (_NEVER, _TENS), "low_usd": (np.nan, _TENS), "high_usd": (np.nan, _TENS),
}  # fmt: skip


class Closes(Sheet):
    """Prices at the ends of minutes, and the extremes of the last spans of ten seconds."""

    newest: Ints
    """The newest second that is complete."""
    minute: Ints
    """Since the epoch."""
    close_usd: Floats
    older_minute: Ints
    """The newest minute that was driven out of the others, so that a symbol that rests keeps a price before."""
    older_usd: Floats
    ten: Ints
    low_usd: Floats
    high_usd: Floats

    def __init__(self) -> None:
        super().__init__(_BLANKS)


class Pulse:
    """The recent past of the symbols of a partition."""

    def __init__(self) -> None:
        self.closes = Closes()
        self.short = Window(1, 60, _COUNTED)
        self.signed = Window(1, 60, ("shares",))
        """Bought less sold shares."""
        self.medium = Window(15, 20, _COUNTED)
        self.long = Window(60, 60, _COUNTED)
        self.sheets: dict[str, Kept] = {
            "closes": self.closes, "short": self.short, "signed": self.signed, "medium": self.medium,
            "long": self.long,
        }  # fmt: skip

    def take(self, seconds: Seconds) -> None:
        """Count seconds, one of a symbol."""
        amounts = _amounts(seconds)
        for window in (self.short, self.medium, self.long):
            window.add(seconds.at, seconds.second, amounts)

    def take_late(self, seconds: Seconds) -> None:
        """Count seconds that were counted before: they change no price, and a symbol may come more than once."""
        amounts = _amounts(seconds)
        for window in (self.short, self.medium, self.long):
            window.add_many(seconds.at, seconds.second, amounts)

    def close(self, seconds: Seconds) -> Mask:
        """Take the prices of seconds that were counted, one of a symbol; of which the price is news."""
        newest = self.closes.newest
        timely = seconds.second >= newest[seconds.at]
        newest[seconds.at[timely]] = seconds.second[timely]
        priced: Mask = timely & ~np.isnan(seconds.close_usd)
        at, second, close_usd = seconds.at[priced], seconds.second[priced], seconds.close_usd[priced]  # fmt: skip
        self._close_minutes(at, second // 60, close_usd)
        self._close_spans(at, second // 10, close_usd)
        return priced

    def _close_minutes(self, at: Places, minute: Ints, close_usd: Floats) -> None:
        closes, slot = self.closes, minute % _MINUTES
        held = closes.minute[at, slot]
        leaves = (held != minute) & (held > closes.older_minute[at])
        if leaves.any():
            gone = at[leaves]
            closes.older_minute[gone] = held[leaves]
            closes.older_usd[gone] = closes.close_usd[gone, slot[leaves]]
        closes.minute[at, slot], closes.close_usd[at, slot] = minute, close_usd

    def _close_spans(self, at: Places, ten: Ints, close_usd: Floats) -> None:
        closes, slot = self.closes, ten % _TENS
        begins = closes.ten[at, slot] != ten
        closes.ten[at, slot] = ten
        low = np.where(begins, close_usd, np.minimum(closes.low_usd[at, slot], close_usd))
        high = np.where(begins, close_usd, np.maximum(closes.high_usd[at, slot], close_usd))
        closes.low_usd[at, slot], closes.high_usd[at, slot] = low, high

    def extremes(self, at: Places) -> tuple[Floats, Floats]:
        """The lowest and the highest close of a second in the minute until the newest; NaN without any."""
        closes = self.closes
        valid = closes.ten[at] > (closes.newest[at] // 10 - _TENS)[:, None]
        low = np.where(valid, closes.low_usd[at], np.nan)
        high = np.where(valid, closes.high_usd[at], np.nan)
        return np.fmin.reduce(low, axis=1), np.fmax.reduce(high, axis=1)

    def price_before(self, at: Places, minute: Ints) -> Floats:
        """The last prices before *minute* (since the epoch, at most 16 back) began; NaN where unknown."""
        closes = self.closes
        held = closes.minute[at]
        found = np.where(held < minute[:, None], held, _NEVER)
        slot = found.argmax(axis=1)
        lines = np.arange(len(at))
        newest = found[lines, slot]
        is_older = closes.older_minute[at] > newest
        return np.where(is_older, closes.older_usd[at], np.where(newest == _NEVER, np.nan, closes.close_usd[at, slot]))  # fmt: skip

    def sign(self, at: Places, seconds: Ints, shares: Floats) -> None:
        """Count shares that were bought (or, negative, sold) in *seconds*."""
        self.signed.add_many(at, seconds, [millionths(shares)])


def _amounts(seconds: Seconds) -> list[Ints]:
    return [seconds.prints, millionths(seconds.shares), millionths(seconds.usd)]
