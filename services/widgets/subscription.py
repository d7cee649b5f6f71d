"""One feed as one client follows it: how far it has come, and how often it may come."""

from typing import Literal, NamedTuple, Protocol

from schemas.widget import View
from services.widgets.audience import NOTHING, Brought, Cohort
from services.widgets.catalogue import Live
from services.widgets.frame import Frame
from services.widgets.live_sequence import DEFAULT_FIRST, LiveSequence
from services.widgets.way import Way


_SLOW_MS = 1000.0
"""A frame that waited so long for its client to take it makes the next ones come half as often."""
_QUICK_MS = 100.0
_SLOWEST_MS = 8000.0
_FIRST_STEP_MS = 500.0
_SPEED_UP_MS = 10_000.0
"""A client that takes its frames at once for so long is given them twice as often again."""
_PATIENCE_MS = 1000.0
"""A client may be further than this process for so long: then its position is none."""
_LOOK_MS = 20.0


Verdict = Literal["replayed", "snapshot"]


class Position(NamedTuple):
    """The last frame of a subscription that a client has."""

    epoch: str
    seq: int


class FellBehindError(Exception):
    """Values of a sequence are no longer kept that the client has not been given."""


class Holder(Protocol):
    """Whoever gives the client what it is owed."""

    def mark(self, held: "Subscription") -> None:
        """There may be something new of *held*."""

    def on_full(self, held: "Subscription") -> None:
        """What was brought of *held* has left no room for more."""

    @property
    def way(self) -> Way | None:
        """To the client, if it takes what it is brought."""

    def abort(self) -> None:
        """End the connection."""


class Subscription:
    """What a client is to be given of a feed. `begin` comes first. Times are milliseconds of any clock that only grows.

    Args:
        holder: is told when there may be something new.
        number: the client's own.
        asked: where the client says that it is.
    """

    __slots__ = (
        "_asked",
        "_interval_ms",
        "_patience_ms",
        "_quick_since_ms",
        "_sent_ms",
        "_seq",
        "cohort",
        "conflated",
        "due_ms",
        "feed",
        "holder",
        "is_once",
        "live",
        "number",
        "slowed_ms",
        "verdict",
        "view",
        "way",
    )  # fmt: skip

    live: Live
    view: View

    def __init__(
        self, holder: Holder, number: int, feed: str, asked: Position | None = None
    ) -> None:
        self.holder = holder
        self.way = holder.way
        self.cohort: Cohort | None = None
        """With whom it is told of what is new; it knows where this is then, and not the subscription."""
        self.number = number
        self.feed = feed
        self.is_once = False
        """Whether one frame is all that was asked for."""
        self.slowed_ms = 0.0
        """Between two frames at least, because the client does not keep up."""
        self.conflated = 0
        """Updates that the last frame of `next_frame` stands for beside its own."""
        self.verdict: Verdict | None = None
        """What came of where the client said that it was, once its first frame is made; whoever counts it takes it out."""
        self._asked = asked
        self._patience_ms: float | None = None
        """Until when the position that was asked for may still be reached."""
        self._seq: int | None = None
        """Where the client is; None before its first frame."""
        self._quick_since_ms: float | None = None
        self._sent_ms: float | None = None
        """When the last frame was made; None before the first."""
        self._interval_ms = self.due_ms = 0.0

    def __call__(self) -> None:
        """What is followed has changed."""
        self.holder.mark(self)

    def part(self) -> None:
        """Be told of nothing together with others any more."""
        if self.cohort is not None:
            self.cohort.part(self)

    def go_on_from(self, seq: int, sent_ms: float) -> None:
        """Alone from now on: the last frame was that of *seq*."""
        self._seq, self._sent_ms = seq, sent_ms

    def on_full(self) -> None:
        """What was brought has left no room for more."""
        self.holder.on_full(self)

    @property
    def is_at_any_rate(self) -> bool:
        """Whether its frames come as often as there are any."""
        return not (self._interval_ms or self.slowed_ms)

    def begin(self, view: View, live: Live) -> None:
        """What is followed is *live*."""
        self.live = live
        self.look_again(view, live)

    def look_again(self, view: View, live: Live) -> None:
        """Go on with another view; begin anew if it is of something else."""
        self.view = view
        self._interval_ms = 1000.0 / view.hz if isinstance(view.hz, float) else 0.0
        self.due_ms = 0.0
        if self._sent_ms is not None:
            self.due_ms = self._sent_ms + max(self.slowed_ms, self._interval_ms)
        if live is not self.live:
            self.live, self._seq, self._asked = live, None, None

    def begin_anew(self, live: Live) -> None:
        """Go on with *live*, which has come instead of what was followed; or begin with it what has not begun."""
        self.live, self._seq = live, None

    def end(self) -> None:
        """There is nothing to be given any more."""
        self._seq = None

    def is_due(self, now_ms: float) -> bool:
        """Whether it is not too early for the next frame, which may say that there will be none."""
        return self.due_ms <= now_ms or self.live.has_ended

    def bring(self, now_ms: float) -> Brought:
        """Send what is new at once, if nothing else is owed and the client keeps up; otherwise nothing, and nothing is changed.

        A tick of a table is one for thousands of clients. To have each of them woken, queued and asked
        what its next frame is would cost more than the frame, and so does looking at more than must be.
        """
        way, live, seq = self.way, self.live, self._seq
        if (
            way is None
            or self.cohort is not None
            or not (way.is_free and way.has_room)
            or seq is None
            or seq >= live.seq
            or self.due_ms > now_ms
            or self.slowed_ms
            or live.has_ended
        ):
            return NOTHING
        frame = live.after(seq)
        if frame is None:
            return NOTHING
        self._seq, self._sent_ms, self.due_ms = frame.seq, now_ms, now_ms + self._interval_ms
        framed = frame.framed(self.number)
        if not way.push(framed):
            self.on_full()
        return Brought(1, len(framed), live.missed(seq))

    def next_frame(self, now_ms: float) -> Frame | None:
        """The frame that takes the client to now; None if it is there.

        Raises:
            FellBehindError: there is none that leaves nothing out, and nothing may be.
        """
        live, seq = self.live, self._seq
        if seq is None:
            frame = self._first(now_ms)
        elif seq >= live.seq:  # a sequence may be known further than what is in it
            return None
        else:
            frame = live.after(seq)
            if frame is None:
                if isinstance(live, LiveSequence):
                    raise FellBehindError
                frame = live.begin(recovered=None)
        if frame is not None:
            self.conflated = 0 if seq is None else live.missed(seq)
            self._seq, self._sent_ms = frame.seq, now_ms
            self.due_ms = now_ms + max(self.slowed_ms, self._interval_ms)
        return frame

    def pace(self, waited_ms: float, now_ms: float) -> bool:
        """A frame was taken after *waited_ms*: whether frames come more or less often from now on."""
        before_ms = self.slowed_ms
        if waited_ms >= _SLOW_MS:
            self.slowed_ms = min(max(2 * before_ms, _FIRST_STEP_MS), _SLOWEST_MS)
            self._quick_since_ms = None
        elif waited_ms > _QUICK_MS or not before_ms:
            self._quick_since_ms = None
        elif self._quick_since_ms is None:
            self._quick_since_ms = now_ms
        elif now_ms - self._quick_since_ms >= _SPEED_UP_MS:
            self._quick_since_ms = now_ms
            self.slowed_ms = 0.0 if before_ms <= _FIRST_STEP_MS else before_ms / 2
        return self.slowed_ms != before_ms

    def _first(self, now_ms: float) -> Frame | None:
        """The first frame; None while there is nothing to see."""
        live, asked, self._asked = self.live, self._asked, None
        recovered = False if asked else None
        if self._must_wait(asked, now_ms):
            self._asked = asked
            return None
        found = self._resumed(asked)
        if isinstance(live, LiveSequence):
            top = self.view.top
            first = top if isinstance(top, int) else DEFAULT_FIRST
            return found or live.begin(first, recovered=recovered)
        return found or live.begin(recovered=recovered)

    def _must_wait(self, asked: Position | None, now_ms: float) -> bool:
        """Whether there is no first frame yet; `due_ms` says when to look again, if not only when something changes.

        The process that a client comes from may have heard of a message a moment earlier.
        """
        if not self.live.is_known:
            return True
        if asked is None or not self.live.is_behind(*asked):
            return False
        if self._patience_ms is None:
            self._patience_ms = now_ms + _PATIENCE_MS
        self.due_ms = now_ms + _LOOK_MS
        return now_ms < self._patience_ms

    def _resumed(self, asked: Position | None) -> Frame | None:
        """The frame that goes on from where the client says that it is, if it says so and there is one."""
        if asked is None:
            return None
        found = self.live.resume(*asked)
        self.verdict = "snapshot" if found is None else "replayed"
        return found
