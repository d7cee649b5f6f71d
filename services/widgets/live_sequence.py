"""A sequence that clients follow: what happened, one after the other, nothing left out.

The newest are kept for whoever comes or comes back. Somebody who falls behind all that is kept cannot
be helped: the session ends with a code that says so.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from msgspec import Raw

from schemas.widget import Event
from services.widgets.frame import Frame, frame


MOST_KEPT = 2000
MOST_BYTES = 8 << 20
DEFAULT_FIRST = 50


class LiveSequence:
    """What happened that *pattern* matches; positions count the values from 1."""

    def __init__(self, pattern: str, epoch: str) -> None:
        self.pattern = pattern
        self.conflates = False
        self.received_ms = 0.0
        """Unknown: what happened says itself when."""
        self.links: Sequence[str] = ()
        self.epoch = epoch
        self.seq = 0
        self.has_ended = False
        """Never: something may always happen."""
        self._kept: deque[bytes] = deque()
        self._bytes = 0
        self._after: dict[int, Frame] = {}

    @property
    def most_cells(self) -> int:
        """None: it is no table."""
        return 0

    def put(self, value: bytes) -> None:
        """One more, a JSON value."""
        self.seq += 1
        self._kept.append(value)
        self._bytes += len(value)
        while len(self._kept) > MOST_KEPT or self._bytes > MOST_BYTES:
            self._bytes -= len(self._kept.popleft())
        self._after = {}

    def begin(self, top: int, *, recovered: bool | None) -> Frame:
        """The newest *top* of them."""
        first = max(self.seq - top, self.seq - len(self._kept))
        return self._event(first, recovered, after=0)

    def resume(self, epoch: str, seq: int) -> Frame | None:
        """All after *seq* of *epoch*, maybe none; None if some are no longer kept, or it is of another sequence."""
        if epoch != self.epoch or not self.seq - len(self._kept) <= seq <= self.seq:
            return None
        return self._event(seq, recovered=True, after=seq)

    def after(self, seq: int) -> Frame | None:
        """All after *seq*; None if some are no longer kept."""
        if seq < self.seq - len(self._kept):
            return None
        found = self._after.get(seq)
        if found is None:
            found = self._after[seq] = self._event(seq, recovered=None, after=seq)
        return found

    def newest(self, top: int) -> list[Raw]:
        """The newest *top* of them, oldest first."""
        first = max(0, len(self._kept) - top)
        return [Raw(value) for value in islice(self._kept, first, None)]

    def _event(self, first: int, recovered: bool | None, after: int) -> Frame:
        skipped = first - (self.seq - len(self._kept))
        values = [Raw(value) for value in islice(self._kept, skipped, None)]
        return frame(Event(0, self.pattern, self.epoch, after, self.seq, values, recovered))


def matches(pattern: str, feed: str) -> bool:
    """Whether *feed* is one of *pattern*: by the rules of subjects, with `/` between the tokens."""
    wanted, given = pattern.split("/"), feed.split("/")
    if wanted[-1] == ">":
        return len(given) >= len(wanted) and _fit(wanted[:-1], given)
    return len(given) == len(wanted) and _fit(wanted, given)


def _fit(wanted: list[str], given: list[str]) -> bool:
    return all(want in ("*", have) for want, have in zip(wanted, given, strict=False))
