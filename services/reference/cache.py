"""What the vendor said lately: values, absences and failures, each for so long, in so many bytes at most. Pure."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, Literal, NamedTuple, TypeVar


T = TypeVar("T")

State = Literal["value", "absent", "failed"]

_ENTRY_BYTES = 512
"""What an entry costs beside its value."""


class Ages(NamedTuple):
    """For how many seconds each state is good."""

    value_s: float
    absent_s: float
    failed_s: float
    stale_s: float = 0.0
    """So long an older value is still better than a failure."""


class Entry(NamedTuple, Generic[T]):
    """What came of a question."""

    state: State
    value: T | None
    """Of `value` alone."""
    message: str
    """Of `failed`: why."""
    asof_ms: float
    """When the vendor said so."""
    until_ms: float
    """When to ask again."""


class Cache(Generic[T]):
    """The latest answers; those that nobody has asked for longest make room."""

    def __init__(self, most_bytes: int) -> None:
        self.size_bytes = 0
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Hashable, tuple[Entry[T], int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, now_ms: float) -> Entry[T] | None:
        """The answer, unless it is time to ask again."""
        found = self._entries.get(key)
        if found is None or now_ms >= found[0].until_ms:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(
        self, key: Hashable, value: T | None, size_bytes: int, ages: Ages, now_ms: float
    ) -> Entry[T]:
        """Remember a value, or with None that there is none."""
        state: State = "absent" if value is None else "value"
        age_s = ages.absent_s if value is None else ages.value_s
        return self._keep(key, Entry(state, value, "", now_ms, now_ms + 1000 * age_s), size_bytes)

    def fail(self, key: Hashable, message: str, ages: Ages, now_ms: float) -> Entry[T]:
        """Remember a failure; a value that is not too old stays in its place until the next attempt."""
        until_ms = now_ms + 1000 * ages.failed_s
        before, size_bytes = self._entries.get(key, (None, 0))
        if before is not None and before.state == "value":
            best_before_ms = before.asof_ms + 1000 * (ages.value_s + ages.stale_s)
            if ages.stale_s and now_ms < best_before_ms:
                return self._keep(key, before._replace(until_ms=until_ms), size_bytes)
        return self._keep(key, Entry("failed", None, message, now_ms, until_ms), 0)

    def _keep(self, key: Hashable, entry: Entry[T], size_bytes: int) -> Entry[T]:
        self._drop(key)
        if size_bytes + _ENTRY_BYTES <= self._most_bytes:
            self._entries[key] = entry, size_bytes
            self.size_bytes += size_bytes + _ENTRY_BYTES
        while self.size_bytes > self._most_bytes:
            self._drop(next(iter(self._entries)))
        return entry

    def _drop(self, key: Hashable) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self.size_bytes -= found[1] + _ENTRY_BYTES
