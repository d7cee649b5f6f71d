"""All who follow one table or sequence. Those that have come equally far are told of a change together.

Thousands of clients look at the same board, number it alike and keep up. To look up for each of them how
far it is and what its next frame is would cost more memory traffic than the frame: they are gathered in
cohorts, which have one position, and of each client only its way is touched.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from services.widgets.frame import Frame
from services.widgets.way import Way


AT_ONCE = 50
"""Watchers between two looks at the clock: a cohort has no more members."""

Watcher = Callable[[], None]


class Brought(NamedTuple):
    """What was sent at once."""

    frames: int
    size_bytes: int
    conflated: int
    """Updates that were no frames of their own, because these came late."""


NOTHING = Brought(0, 0, 0)


class Source(Protocol):
    """What is followed."""

    received_ms: float
    """When the oldest change of the newest update arrived from the vendor; 0 if that does not count."""
    links: Sequence[str]
    """The contexts of what was traced of the newest update."""
    seq: int
    has_ended: bool

    def after(self, seq: int) -> Frame | None:
        """The frame that leads from *seq* to now; None if there is none."""

    def missed(self, seq: int) -> int:
        """Updates that this frame stands for beside its own: a table's are merged."""


class Member(Protocol):
    """A subscription that can be told together with others. It is a watcher: called, it is served by itself."""

    number: int
    way: Way | None
    cohort: "Cohort | None"

    def __call__(self) -> None:
        """There may be something new."""

    def go_on_from(self, seq: int, sent_ms: float) -> None:
        """Alone from now on: the last frame was that of *seq*."""

    def on_full(self) -> None:
        """What was brought has left no room for more."""


class Cohort:
    """At most `AT_ONCE` members, with one number, at one position."""

    __slots__ = ("_audience", "_members", "_served", "number", "sent_ms", "seq")

    def __init__(self, audience: "Audience", number: int, seq: int, sent_ms: float) -> None:
        self.number = number
        self.seq = seq
        self.sent_ms = sent_ms
        self._audience = audience
        self._members: dict[Way, Member] = {}
        self._served: Way | None = None

    def __len__(self) -> int:
        return len(self._members)

    def take(self, member: Member, way: Way) -> None:
        """Have one more, which is where the others are."""
        self._members[way] = member
        member.cohort = self

    def part(self, member: Member) -> None:
        """*member* goes on alone."""
        if member.way is not None:
            del self._members[member.way]
        member.cohort = None
        member.go_on_from(self.seq, self.sent_ms)
        self._audience.put_back(member, self)

    def bring(self, now_ms: float) -> Brought:
        """Send what is new to all who keep up and are owed nothing else; the others go on alone."""
        source = self._audience.source
        if self.seq >= source.seq and not source.has_ended:
            return NOTHING
        frame = None if source.has_ended else source.after(self.seq)
        if frame is None:
            self._dismiss(list(self._members))
            return NOTHING
        before = len(self._members)
        framed = frame.framed(self.number)
        missed = source.missed(self.seq)
        busy: list[Way] = []
        full: list[Way] = []
        ways = iter(self._members)
        try:
            for way in ways:
                self._served = way
                if not (way.is_free and way.has_room):
                    busy.append(way)
                elif not way.push(framed):
                    full.append(way)
        finally:  # after a mistake with one of them the rest has not been sent it either
            self._dismiss([*busy, *ways])
            self.seq, self.sent_ms = frame.seq, now_ms
        for member in [self._members[way] for way in full]:
            self.part(member)
            member.on_full()
        frames = before - len(busy)
        return Brought(frames, frames * len(framed), frames * missed)

    def abort(self) -> None:
        """End the connection of the member that was served last."""
        if self._served is not None:
            self._served.abort()

    def _dismiss(self, ways: list[Way]) -> None:
        """They go on alone from where they are, and there is something new for them."""
        for member in [self._members[way] for way in ways]:
            self.part(member)
            member()


class Audience:
    """Everybody who follows *source*."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._alone: dict[Watcher, int] = {}
        """Watchers, and how often each follows."""
        self._cohorts: dict[Cohort, None] = {}

    def __bool__(self) -> bool:
        return bool(self._alone or self._cohorts)

    def add(self, watcher: Watcher) -> None:
        """Tell *watcher* too."""
        self._alone[watcher] = self._alone.get(watcher, 0) + 1

    def remove(self, watcher: Watcher) -> None:
        """The end of one `add`, of a watcher that is alone."""
        self._alone[watcher] -= 1
        if not self._alone[watcher]:
            del self._alone[watcher]

    def gather(self, member: Member, now_ms: float) -> None:
        """*member* keeps up, and was just given what is newest: have it told together with others, if it still follows."""
        if member.way is None or self._alone.pop(member, None) is None:
            return
        place = (member.number, self.source.seq)
        for cohort in reversed(self._cohorts):
            if (cohort.number, cohort.seq) == place and len(cohort) < AT_ONCE:
                break
        else:
            cohort = Cohort(self, *place, now_ms)
            self._cohorts[cohort] = None
        cohort.take(member, member.way)

    def put_back(self, member: Member, cohort: Cohort) -> None:
        """*member* has left its *cohort*."""
        self.add(member)
        if not cohort:
            self._cohorts.pop(cohort, None)

    def everybody(self) -> Iterator[Cohort | Watcher]:
        """All who are there now."""
        return iter((*self._cohorts, *self._alone))

    def tell(self) -> None:
        """Call everybody by itself."""
        for watcher in tuple(self._alone):
            watcher()
