"""Whose turn it is: of one client's subscriptions those of which something may be new, one after the other."""

from services.widgets.subscription import Subscription


class Turns:
    """No subscription keeps another waiting for longer than one round. Times are as in `Session`."""

    __slots__ = ("_changed", "_paced")

    def __init__(self) -> None:
        self._changed: dict[Subscription, None] = {}
        """Those of which something may be new, whose turn is next first."""
        self._paced: dict[Subscription, None] = {}
        """Those of which something is, and for which it is too early."""

    def __bool__(self) -> bool:
        return bool(self._changed or self._paced)

    def mark(self, held: Subscription) -> None:
        """There may be something new of *held*."""
        self._changed[held] = None

    def forget(self, held: Subscription) -> None:
        """*held* waits for nothing."""
        self._changed.pop(held, None)
        self._paced.pop(held, None)

    def next(self, now_ms: float) -> Subscription | None:
        """Take out the next one for which it is not too early; None if there is none."""
        if self._paced:
            for held in [each for each in self._paced if each.is_due(now_ms)]:
                del self._paced[held]
                self._changed[held] = None
        while self._changed:
            held = next(iter(self._changed))
            del self._changed[held]
            if held.is_due(now_ms):
                return held
            self._paced[held] = None
        return None

    def wait_ms(self, now_ms: float) -> float | None:
        """In how many milliseconds it is not too early for one; None if none waits for that."""
        if not self._paced:
            return None
        return max(0.0, min(each.due_ms for each in self._paced) - now_ms)
