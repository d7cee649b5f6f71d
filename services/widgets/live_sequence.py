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
from services.widgets.recent import PLACES, Recent


MOST_KEPT = 2000
MOST_BYTES = 8 << 20
DEFAULT_FIRST = 50


class LiveSequence:
    """What happened that *pattern* matches. Clients are told numbers, here they are at places (`recent.PLACES`).

    Args:
        pattern: of feeds.
        recent: all of its kind. What matches is `put` here too.
    """

    def __init__(self, pattern: str, recent: Recent) -> None:
        self.pattern = pattern
        self.received_ms = 0.0
        """Unknown: what happened says itself when."""
        self.links: Sequence[str] = ()
        self.seq = 0
        """Place of the newest."""
        self.has_ended = self.has_successor = False
        """Whether another has come instead, because its stream has."""
        self._recent = recent
        self._floor = self._resumable = recent.floor
        """Places from which on all is kept, and from which on nothing was missed that others may have."""
        self._kept: deque[tuple[int, bytes | None]] = deque()
        self._bytes = 0
        self._after: dict[int, Frame] = {}

    @property
    def epoch(self) -> str:
        """Of the numbers; empty while nothing is known."""
        return self._recent.epoch

    @property
    def is_known(self) -> bool:
        """Whether there is a first frame: also if nothing has happened, but not before that is known."""
        return bool(self.epoch)

    @property
    def number(self) -> int:
        """How far the stream is known."""
        return self._recent.number

    @property
    def most_cells(self) -> int:
        """None: it is no table."""
        return 0

    def put(self, value: bytes | None, place: int) -> None:
        """One more, a JSON value. None: it was put without a number before, and this is where it belongs."""
        self.seq = place
        self._kept.append((place, value))
        self._bytes += len(value or b"")
        while len(self._kept) > MOST_KEPT or self._bytes > MOST_BYTES:
            self._floor, oldest = self._kept.popleft()
            self._bytes -= len(oldest or b"")
        self._after = {}

    def cut(self, number: int) -> None:
        """Up to *number* something may have been missed: whoever comes back from before it cannot go on."""
        self._resumable = max(self._resumable, number * PLACES)

    def begin(self, top: int, *, recovered: bool | None) -> Frame:
        """The newest *top* of them."""
        return self._event(0, self.newest(top), self._recent.place, recovered)

    def resume(self, epoch: str, seq: int) -> Frame | None:
        """All after *seq* of *epoch*, maybe none; None if some are no longer kept, or not known to be after it, or it is of another sequence."""
        place = seq * PLACES
        oldest = max(self._floor, self._resumable)
        if epoch != self.epoch or not oldest <= place <= self._recent.place:
            return None
        if self._recent.is_among_early(seq):
            return None
        return self._event(seq, self._behind(place), self._recent.place, recovered=True)

    def is_behind(self, epoch: str, seq: int) -> bool:
        """Whether *seq* of *epoch*, where another process may have been, lies before this one."""
        return self.epoch == epoch and self.number < seq

    def after(self, place: int) -> Frame | None:
        """All after *place*; None if some are no longer kept."""
        if place < self._floor:
            return None
        found = self._after.get(place)
        if found is None:
            found = self._event(place // PLACES, self._behind(place), self.seq)
            self._after[place] = found
        return found

    def missed(self, seq: int) -> int:
        """None: nothing is ever merged."""
        del seq
        return 0

    def newest(self, top: int) -> list[Raw]:
        """The newest *top* of them, oldest first."""
        values = (Raw(value) for _, value in reversed(self._kept) if value is not None)
        return [*islice(values, top)][::-1]

    def _behind(self, place: int) -> list[Raw]:
        found: list[Raw] = []
        for at, value in reversed(self._kept):
            if at <= place:
                break
            if value is not None:
                found.append(Raw(value))
        return found[::-1]

    def _event(
        self, after: int, values: list[Raw], place: int, recovered: bool | None = None
    ) -> Frame:
        number = place // PLACES
        event = Event(0, self.pattern, self.epoch, after, number, values, recovered)
        return frame(event, place)


def matches(pattern: str, feed: str) -> bool:
    """Whether *feed* is one of *pattern*: by the rules of subjects, with `/` between the tokens."""
    wanted, given = pattern.split("/"), feed.split("/")
    if wanted[-1] == ">":
        return len(given) >= len(wanted) and _fit(wanted[:-1], given)
    return len(given) == len(wanted) and _fit(wanted, given)


def _fit(wanted: list[str], given: list[str]) -> bool:
    return all(want in ("*", have) for want, have in zip(wanted, given, strict=False))
