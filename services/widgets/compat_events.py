"""Lists of the replaced system: the newest alerts of each name, numbered, none of them twice."""

from collections import deque
from itertools import islice


MOST_EVENTS = 1000
"""Of a list, as in the old system."""
_MOST_IDS = 50_000


class Events:
    """The last events of each name."""

    def __init__(self) -> None:
        self.number = 0
        """Of the newest event, whatever its name."""
        self._lists: dict[str, deque[tuple[int, str]]] = {}
        self._ids: dict[str, None] = {}
        """Of events that were taken, oldest first: a stream is read again after a reconnect."""

    def add(self, name: str, event_id: str, value: str) -> bool:
        """Take the next event of *name*; False if it was taken before."""
        if event_id in self._ids:
            return False
        self._ids[event_id] = None
        if len(self._ids) > _MOST_IDS:
            del self._ids[next(iter(self._ids))]
        self.number += 1
        self._lists.setdefault(name, deque(maxlen=MOST_EVENTS)).append((self.number, value))
        return True

    def newest(self, name: str, limit: int) -> list[str]:
        """The newest *limit* (0: all) events of *name*, newest first."""
        events = reversed(self._lists.get(name, ()))
        return [value for _, value in islice(events, min(limit, MOST_EVENTS) or None)]

    def since(self, name: str, number: int) -> list[str]:
        """Events of *name* after the one that was *number*, oldest first."""
        return [value for at, value in self._lists.get(name, ()) if at > number]
