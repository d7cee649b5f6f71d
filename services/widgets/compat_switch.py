"""Who takes what is published: clients of the replaced system's protocol by the names they have subscribed to."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from services.widgets.compat_names import Name, Pattern, is_pattern, parse


MAX_PATTERNS = 64
"""Different ones, of all clients together: each costs a little for every name that is published."""


class Taker(Protocol):
    """Somebody who subscribes."""

    def deliver(self, name: Name, frame: str) -> None:
        """Take a value of *name*."""


class Published(NamedTuple):
    """How far a name has come."""

    number: int
    """Of the newest event of a list; 0 for all other names."""
    value: str | None
    """The newest value of all other names."""


class Memory(Protocol):
    """What was published last."""

    def published(self, name: Name) -> Published:
        """How far *name* has come."""

    def since(self, name: Name, position: Published) -> Sequence[str]:
        """What was published of *name* after *position*: each event, oldest first, or the newest value."""


class Switch:
    """Subscriptions of all clients of a process.

    `takers` is asked for every value: it remembers what it found, until somebody subscribes anew.
    """

    def __init__(self, memory: Memory) -> None:
        self.published: Callable[[Name], Published] = memory.published
        self.since: Callable[[Name, Published], Sequence[str]] = memory.since
        self._exact: dict[str, set[Taker]] = {}
        self._patterns: dict[str, tuple[Pattern, set[Taker]]] = {}
        self._found: dict[str, tuple[Taker, ...]] = {}

    def add(self, taker: Taker, feed: str) -> bool:
        """Subscribe *taker* to *feed*; False, and nothing is changed, if there are too many patterns."""
        if is_pattern(feed):
            if feed not in self._patterns:
                if len(self._patterns) >= MAX_PATTERNS:
                    return False
                self._patterns[feed] = (Pattern(feed), set())
            self._patterns[feed][1].add(taker)
            self._found.clear()
        elif parse(feed) is not None:
            self._exact.setdefault(feed, set()).add(taker)
            self._found.pop(feed, None)
        return True

    def remove(self, taker: Taker, feed: str) -> None:
        """End the subscription of *taker* to *feed*, if there is one."""
        if is_pattern(feed):
            _, takers = self._patterns.get(feed, (None, set[Taker]()))
            takers.discard(taker)
            if not takers:
                self._patterns.pop(feed, None)
            self._found.clear()
        else:
            takers = self._exact.get(feed, set())
            takers.discard(taker)
            if not takers:
                self._exact.pop(feed, None)
            self._found.pop(feed, None)

    def has(self, taker: Taker, name: str) -> bool:
        """Whether *taker* takes values of *name*."""
        return taker in self.takers(name)

    def takers(self, name: str) -> tuple[Taker, ...]:
        """Everybody who has subscribed to the declared *name*, by itself or by a pattern; each once."""
        found = self._found.get(name)
        if found is None:
            takers = set(self._exact.get(name, ()))
            for pattern, more in self._patterns.values():
                if not more <= takers and pattern.matches(name):
                    takers |= more
            found = self._found[name] = tuple(takers)
        return found
