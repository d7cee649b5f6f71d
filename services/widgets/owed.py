"""What one client is owed: a state machine that is asked for the next frame when the last was taken."""

from collections import deque
from collections.abc import Callable

from schemas.widget import TOO_SLOW, Close, Feeds, Lag, ServerError, ServerFrame
from schemas.wire import encode_json
from services.widgets.catalogue import Catalogue
from services.widgets.subscription import FellBehindError, Subscription
from services.widgets.turns import Turns
from services.widgets.way import Way


MAX_REPLIES = 256
"""Answers that wait for a client which asks and does not read; more end the connection."""

May = Callable[[str], bool]
"""Whether the client may see a feed."""


class Owed:
    """One client. Nothing is queued for it but answers: `next_frame` looks at what is true then.

    So a slow client costs no memory and delays nobody: it is asked less often, and what it is
    given is always current. Times are milliseconds of any clock that only grows.

    Args:
        wake: called whenever there may be something for the client.
        way: takes what is new of a subscription at once while nothing else is owed; None: all is asked for.
    """

    __slots__ = (
        "_catalogue", "_generation", "_given", "_replies", "_subscriptions", "_turns", "_wake", "closing", "may", "reason",
        "way",
    )  # fmt: skip

    def __init__(
        self, catalogue: Catalogue, wake: Callable[[], None], way: Way | None = None
    ) -> None:
        self.closing: Close | None = None
        """Set once: the connection is to be closed, with this."""
        self.reason = ""
        self.may: May = _nothing
        """Nothing, until `welcome`."""
        self._catalogue = catalogue
        self._wake = wake
        self.way = way
        self._generation = catalogue.generation
        self._replies: deque[bytes] = deque()
        self._subscriptions: dict[int, Subscription] = {}
        self._turns = Turns()
        self._given: list[Subscription] = []
        """Those whose frames were given and are not known to be taken."""

    def welcome(self, hello: ServerFrame, may: May) -> None:
        """The client is known: it may see what *may* says, and no longer what it could before and now may not."""
        self.may = may
        self._catalogue.enter(self._rouse)
        self.say(hello)
        for held in self.subscriptions:
            if not may(held.feed):
                self._drop(held)
                self.say(ServerError(unseen(held.feed), held.number))

    @property
    def subscriptions(self) -> list[Subscription]:
        """All that the client follows."""
        return list(self._subscriptions.values())

    @property
    def is_welcome(self) -> bool:
        """Whether the client is known."""
        return self.may is not _nothing

    def close(self, why: Close, reason: str = "") -> None:
        """Have the connection closed; the first reason counts."""
        if self.closing is None:
            self.closing, self.reason = why, reason or why.meaning
            self._rouse()

    def abort(self) -> None:
        """End the connection at once, because of a mistake of ours."""
        if self.way is not None:
            self.way.abort()

    def leave(self) -> None:
        """The connection is gone: follow nothing any more."""
        self._catalogue.exit(self._rouse)
        for held in self.subscriptions:
            self._drop(held)

    def say(self, frame: ServerFrame) -> None:
        """Have *frame* sent before anything else, if the connection is not to be closed."""
        if len(self._replies) >= MAX_REPLIES:
            self.close(TOO_SLOW, "answers were not taken")
        if self.closing is not None:
            return
        self._replies.append(encode_json(frame))
        self._rouse()

    def mark(self, held: Subscription) -> None:
        """There may be something new of *held*: it comes in its turn."""
        if self._subscriptions.get(held.number) is held:
            self._turns.mark(held)
            self._rouse()

    def on_full(self, held: Subscription) -> None:
        """What was brought of *held* has left no room for more: it is not known to be taken."""
        self._given.append(held)

    def next_frame(self, now_ms: float) -> bytes | None:
        """The next frame to send, None if there is none now. Subscriptions take turns."""
        if self._replies:
            return self._replies.popleft()
        if self._generation != self._catalogue.generation and self.is_welcome:
            self._generation = self._catalogue.generation
            feeds = Feeds([name for name in self._catalogue.names if self.may(name)])
            return encode_json(feeds)
        while self.closing is None:
            held = self._turns.next(now_ms)
            if held is None:
                if self.way is not None:
                    self.way.is_free = not self._turns
                return None
            frame = self._of(held, now_ms)
            if frame is not None:
                return frame
        return None

    def wait_ms(self, now_ms: float) -> float | None:
        """In how many milliseconds there is a frame, if nothing changes before; None if there is none then."""
        return self._turns.wait_ms(now_ms)

    def on_sent(self, waited_ms: float, now_ms: float) -> None:
        """What was given since the last call was taken, after *waited_ms*."""
        given, self._given = self._given, []
        for held in given:
            if self._subscriptions.get(held.number) is held and held.pace(waited_ms, now_ms):
                hz = 1000.0 / held.slowed_ms if held.slowed_ms else None
                self.say(Lag(held.number, hz, int(waited_ms)))

    def _of(self, held: Subscription, now_ms: float) -> bytes | None:
        """The next frame of one subscription, if there is one."""
        if held.live.has_successor:
            self._follow_again(held)
        elif held.live.has_ended:
            self._drop(held)
            return encode_json(ServerError(f"feed {held.feed!r} has ended", held.number))
        try:
            frame = held.next_frame(now_ms)
        except FellBehindError:
            self.close(TOO_SLOW, f"{held.feed} was not taken in time")
            return None
        if frame is None:
            if held.due_ms > now_ms:
                self._turns.mark(held)
            return None
        self._count(held)
        self._given.append(held)
        if held.is_once:
            self._drop(held)
        return frame.numbered(held.number)

    def _follow_again(self, held: Subscription) -> None:
        """Begin anew with what has come instead of what was followed."""
        held.part()
        live = self._catalogue.follow(held.feed, held.view, held)
        self._catalogue.leave(held.live, held)
        held.begin_anew(live)

    def _count(self, held: Subscription) -> None:
        """Of a frame that was made."""
        self._catalogue.conflated += held.conflated
        if held.verdict is not None:
            self._catalogue.recoveries[held.verdict] += 1
            held.verdict = None

    def _drop(self, held: Subscription) -> None:
        del self._subscriptions[held.number]
        self._turns.forget(held)
        held.part()
        self._catalogue.leave(held.live, held)
        held.end()

    def _rouse(self) -> None:
        """There may be something for the client."""
        if self.way is not None:
            self.way.is_free = False
        self._wake()


def unseen(feed: str) -> str:
    """What is said of a *feed* that a client may not see."""
    return f"your token does not let you see {feed[:100]!r}"


def _nothing(feed: str) -> bool:
    del feed
    return False
