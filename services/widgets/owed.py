"""What one client is owed: a state machine that is asked for the next frame when the last was taken."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from schemas.widget import TOO_SLOW, Close, Feeds, Lag, ServerError, ServerFrame
from schemas.wire import encode_json
from services.widgets.catalogue import Catalogue
from services.widgets.subscription import FellBehindError, Subscription
from services.widgets.turns import Turns


MAX_REPLIES = 256
"""Answers that wait for a client which asks and does not read; more end the connection."""

May = Callable[[str], bool]
"""Whether the client may see a feed."""


class Outlet(Protocol):
    """A connection that takes frames without being waited for."""

    @property
    def has_room(self) -> bool:
        """Whether what is sent now does not wait for the client to take it."""

    def push(self, framed: bytes) -> bool:
        """Send frames, each behind the head that the connection wants; whether there is room for more."""

    def abort(self) -> None:
        """End it at once."""


class Owed:
    """One client. Nothing is queued for it but answers: `next_frame` looks at what is true then.

    So a slow client costs no memory and delays nobody: it is asked less often, and what it is
    given is always current. Times are milliseconds of any clock that only grows.

    Args:
        wake: called whenever there may be something for the client.
        outlet: takes what is new of a subscription at once while nothing else is owed; None: all is asked for.
    """

    __slots__ = (
        "_catalogue", "_generation", "_given", "_outlet", "_replies", "_rests", "_subscriptions", "_turns", "_wake",
        "closing", "may", "reason",
    )  # fmt: skip

    def __init__(
        self, catalogue: Catalogue, wake: Callable[[], None], outlet: Outlet | None = None
    ) -> None:
        self.closing: Close | None = None
        """Set once: the connection is to be closed, with this."""
        self.reason = ""
        self.may: May = _nothing
        """Nothing, until `welcome`."""
        self._catalogue = catalogue
        self._wake = wake
        self._outlet = outlet
        self._rests = False
        """Whether all was given when it was last looked at, and nobody has said since that there may be more."""
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
        for held in list(self._subscriptions.values()):
            if not may(held.feed):
                self._drop(held)
                self.say(ServerError(unseen(held.feed), held.number))

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
        if self._outlet is not None:
            self._outlet.abort()

    def leave(self) -> None:
        """The connection is gone: follow nothing any more."""
        self._catalogue.exit(self._rouse)
        for held in list(self._subscriptions.values()):
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

    def bring(self, held: Subscription, now_ms: float) -> bool:
        """Send what is new of *held* at once; False if it must wait for its turn, because it is not all that is owed.

        A tick of a table is one for thousands of clients. Most are owed nothing else: to have each of them
        woken, queued and asked what its next frame is would cost more than the frame.
        """
        outlet = self._outlet
        if not self._rests or outlet is None or not outlet.has_room:
            return False
        frame = held.prompt_frame(now_ms)
        if frame is None:
            return False
        if not outlet.push(frame.framed(held.number)):
            self._given.append(held)
        return True

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
                self._rests = not self._turns
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
        if held.live.has_ended:
            self._drop(held)
            return encode_json(ServerError(f"feed {held.feed!r} has ended", held.number))
        try:
            frame = held.next_frame(now_ms)
        except FellBehindError:
            self.close(TOO_SLOW, f"{held.feed} was not taken in time")
            return None
        if frame is None:
            return None
        self._given.append(held)
        if held.is_once:
            self._drop(held)
        return frame.numbered(held.number)

    def _drop(self, held: Subscription) -> None:
        del self._subscriptions[held.number]
        self._turns.forget(held)
        self._catalogue.leave(held.live, held)
        held.end()

    def _rouse(self) -> None:
        """There may be something for the client."""
        self._rests = False
        self._wake()


def unseen(feed: str) -> str:
    """What is said of a *feed* that a client may not see."""
    return f"your token does not let you see {feed[:100]!r}"


def _nothing(feed: str) -> bool:
    del feed
    return False
