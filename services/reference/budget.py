"""How often the vendor may be asked: a token bucket that its users take from in turns. Pure."""

from typing import Literal


Asker = Literal["loading", "people"]
"""What a program loads by itself, and what people wait for."""

_BURST_S = 5.0
_POLITE_S = 0.005
"""So soon whoever must let the other go first looks again."""


class Budget:
    """So many calls a minute, a few seconds' worth of them at once.

    Who is alone gets them all. When both wait, they take turns, so neither gets less than half.
    """

    def __init__(self, calls_a_minute: int, now_s: float) -> None:
        self._rate = calls_a_minute / 60
        self._most = max(1.0, self._rate * _BURST_S)
        self._left = self._most
        self._asof_s = now_s
        self._waiting: set[Asker] = set()
        self._last: Asker | None = None

    def take(self, who: Asker, now_s: float) -> float:
        """Take a call: 0 if it may be made; else nothing was taken, and so many seconds from now one may try again.

        Who was told to wait has a turn until it takes one or leaves. One at a time waits for each.
        """
        self._left = min(self._most, self._left + self._rate * (now_s - self._asof_s))
        self._asof_s = now_s
        self._waiting.add(who)
        if self._left < 1:
            return max(_POLITE_S, (1 - self._left) / self._rate)
        if self._last == who and len(self._waiting) > 1:
            return _POLITE_S
        self._left -= 1
        self._last = who
        self._waiting.discard(who)
        return 0.0

    def leave(self, who: Asker) -> None:
        """Wait no longer."""
        self._waiting.discard(who)
