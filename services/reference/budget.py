"""How often the vendor may be asked: a token bucket."""

_BURST_S = 5.0


class Budget:
    """So many calls a minute, a few seconds' worth of them at once."""

    def __init__(self, calls_a_minute: int, now_s: float) -> None:
        self._rate = calls_a_minute / 60
        self._most = max(1.0, self._rate * _BURST_S)
        self._left = self._most
        self._asof_s = now_s

    def take(self, now_s: float) -> float:
        """Take a call; how many seconds to wait before it is made."""
        self._left = min(self._most, self._left + self._rate * (now_s - self._asof_s)) - 1
        self._asof_s = now_s
        return max(0.0, -self._left / self._rate)
