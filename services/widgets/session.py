"""What one client is owed: a state machine that is asked for the next frame when the last was taken."""

from collections import deque
from collections.abc import Callable
from functools import partial

from msgspec import UNSET

from schemas.widget import (
    TOO_SLOW,
    Ack,
    Auth,
    ClientFrame,
    Close,
    Feeds,
    Get,
    Lag,
    Ping,
    ServerError,
    ServerFrame,
    Set,
    Subscribe,
    Unsubscribe,
    View,
)
from schemas.wire import DecodeError, encode_json, json_decoder
from services.widgets.catalogue import Catalogue, Live, is_table
from services.widgets.limits import Allowance
from services.widgets.subscription import FellBehindError, Position, Subscription
from services.widgets.want import ViewError, changed


MOST_CELLS = 2_000_000
"""Of all tables of a client, as large as they may become: four whole markets with every field."""
MAX_REPLIES = 256
"""Answers that wait for a client which asks and does not read; more end the connection."""

_decode: Callable[[str | bytes], ClientFrame] = json_decoder(ClientFrame).decode  # type: ignore[arg-type]  # a union is no type to mypy

May = Callable[[str], bool]
"""Whether the client may see a feed."""


class Session:
    """One client. Nothing is queued for it but answers: `next_frame` looks at what is true then.

    So a slow client costs no memory and delays nobody: it is asked less often, and what it is
    given is always current. Times are milliseconds of any clock that only grows.

    Args:
        wake: called whenever there may be something for the client.
    """

    def __init__(
        self, catalogue: Catalogue, allowance: Allowance, wake: Callable[[], None]
    ) -> None:
        self.closing: Close | None = None
        """Set once: the connection is to be closed, with this."""
        self.reason = ""
        self.may: May = _nothing
        """Nothing, until `welcome`."""
        self.token: str | None = None
        """Of an `auth` frame; whoever checks it takes it out."""
        self._catalogue = catalogue
        self._allowance = allowance
        self._wake = wake
        self._generation = catalogue.generation
        self._replies: deque[bytes] = deque()
        self._subscriptions: dict[int, Subscription] = {}
        self._changed: dict[int, None] = {}
        """Subscriptions of which something may be new, whose turn is next first."""
        self._paced: dict[int, None] = {}
        """Those of which something is, and for which it is too early."""
        self._given: list[int] = []
        """Subscriptions whose frames were given and are not known to be taken."""

    def welcome(self, hello: ServerFrame, may: May) -> None:
        """The client is known: it may see what *may* says, and no longer what it could before and now may not."""
        self.may = may
        self._catalogue.enter(self._wake)
        self.say(hello)
        for number, held in list(self._subscriptions.items()):
            if not may(held.feed):
                self._drop(number)
                self.say(ServerError(_unseen(held.feed), number))

    @property
    def is_welcome(self) -> bool:
        """Whether the client is known."""
        return self.may is not _nothing

    def close(self, why: Close, reason: str = "") -> None:
        """Have the connection closed; the first reason counts."""
        if self.closing is None:
            self.closing, self.reason = why, reason or why.meaning
            self._wake()

    def leave(self) -> None:
        """The connection is gone: follow nothing any more."""
        self._catalogue.exit(self._wake)
        for subscription in self._subscriptions.values():
            self._catalogue.leave(subscription.live, subscription.watcher)
        self._subscriptions.clear()

    def say(self, frame: ServerFrame) -> None:
        """Have *frame* sent before anything else, if the connection is not to be closed."""
        if len(self._replies) >= MAX_REPLIES:
            self.close(TOO_SLOW, "answers were not taken")
        if self.closing is not None:
            return
        self._replies.append(encode_json(frame))
        self._wake()

    def on_text(self, text: str | bytes, now_ms: float) -> None:
        """Take a frame of the client; one that is refused is answered and changes nothing."""
        if self.closing is not None:
            return
        too_many = self._allowance.frame(now_ms / 1000)
        if too_many is not None:
            self.close(too_many, "too many frames")
            return
        try:
            frame: ClientFrame = _decode(text)
        except DecodeError as error:
            why = self._allowance.bad_frame()
            if why is not None:
                self.close(why)
            self._refuse(f"a frame must be a JSON object of protocol 1: {error}")
            return
        if isinstance(frame, Auth):
            self.token = frame.token
        elif not self.is_welcome:
            self._refuse("say who you are first: {'action': 'auth', 'token': ...}")
        else:
            try:
                self._carry_out(frame)
            except ViewError as error:
                self.say(ServerError(str(error), frame.id, error.place))

    def next_frame(self, now_ms: float) -> bytes | None:
        """The next frame to send, None if there is none now. Subscriptions take turns."""
        if self._replies:
            return self._replies.popleft()
        if self._generation != self._catalogue.generation and self.is_welcome:
            self._generation = self._catalogue.generation
            feeds = Feeds([name for name in self._catalogue.names if self.may(name)])
            return encode_json(feeds)
        if self._paced:
            for number in [each for each in self._paced if self._is_due(each, now_ms)]:
                del self._paced[number]
                self._changed[number] = None
        while self._changed and self.closing is None:
            number = next(iter(self._changed))
            del self._changed[number]
            held = self._subscriptions[number]
            if held.due_ms > now_ms and not held.live.has_ended:
                self._paced[number] = None
            elif (frame := self._of(number, held, now_ms)) is not None:
                return frame
        return None

    def wait_ms(self, now_ms: float) -> float | None:
        """In how many milliseconds there is a frame, if nothing changes before; None if there is none then."""
        if not self._paced:
            return None
        return max(0.0, min(self._subscriptions[each].due_ms for each in self._paced) - now_ms)

    def on_sent(self, waited_ms: float, now_ms: float) -> None:
        """What was given since the last call was taken, after *waited_ms*."""
        given, self._given = self._given, []
        for number in given:
            subscription = self._subscriptions.get(number)
            if subscription is not None and subscription.pace(waited_ms, now_ms):
                slowed_ms = subscription.slowed_ms
                hz = 1000.0 / slowed_ms if slowed_ms else None
                self.say(Lag(number, hz, int(waited_ms)))

    def _carry_out(self, frame: Subscribe | Set | Unsubscribe | Get | Ping) -> None:
        match frame:
            case Subscribe():
                asked = None
                if frame.epoch is not None and frame.seq is not None:
                    asked = Position(frame.epoch, frame.seq)
                self._follow(frame.id, frame.feed, frame.view, asked)
            case Get():
                self._follow(frame.id, frame.feed, frame.view, None)
                self._subscriptions[frame.id].is_once = True
            case Set():
                self._set(frame)
            case Unsubscribe():
                self._get(frame.id)
                self._drop(frame.id)
                self.say(Ack("unsub", frame.id))
            case Ping():
                self.say(Ack("ping", frame.id))

    def _follow(self, number: int, feed: str, view: View, asked: Position | None) -> None:
        if not self.may(feed):
            raise ViewError(_unseen(feed))
        held = len(self._subscriptions)
        if number not in self._subscriptions and not self._allowance.may_subscribe(held):
            raise ViewError(f"a client may have {held} subscriptions at a time")
        if not is_table(feed) and _unordered(view):
            raise ViewError(f"{feed!r} is a sequence: of a view it has `top` alone")
        watcher = partial(self._mark, number)
        live = self._catalogue.follow(feed, view, watcher)
        self._check_size(number, live, watcher)
        self._drop(number)
        self._subscriptions[number] = Subscription(feed, view, live, watcher, asked)
        self._mark(number)

    def _check_size(self, number: int, live: Live, watcher: Callable[[], None]) -> None:
        """Follow *live* no more if it is more than a client may have made for itself.

        Raises:
            ViewError: it is.
        """
        others = (held.live for each, held in self._subscriptions.items() if each != number)
        cells = sum(each.most_cells for each in (live, *others))
        if cells > MOST_CELLS:
            self._catalogue.leave(live, watcher)
            raise ViewError(
                f"a client may follow {MOST_CELLS:,} cells, this would make it {cells:,}: "
                "ask for fewer columns, or a smaller `top` or `window`"
            )

    def _mark(self, number: int) -> None:
        """There may be something new of a subscription."""
        self._changed[number] = None
        self._wake()

    def _set(self, frame: Set) -> None:
        held = self._get(frame.id)
        view = changed(held.view, frame.view)
        if not is_table(held.feed) and _unordered(view):
            raise ViewError(f"{held.feed!r} is a sequence: of a view it has `top` alone")
        live = self._catalogue.follow(held.feed, view, held.watcher)
        self._check_size(frame.id, live, held.watcher)
        self._catalogue.leave(held.live, held.watcher)
        held.look_again(view, live)
        self.say(Ack("set", frame.id))
        self._paced.pop(frame.id, None)
        self._mark(frame.id)

    def _get(self, number: int) -> Subscription:
        held = self._subscriptions.get(number)
        if held is None:
            raise ViewError("there is no such subscription")
        return held

    def _drop(self, number: int) -> None:
        held = self._subscriptions.pop(number, None)
        if held is not None:
            self._changed.pop(number, None)
            self._paced.pop(number, None)
            self._catalogue.leave(held.live, held.watcher)

    def _is_due(self, number: int, now_ms: float) -> bool:
        held = self._subscriptions[number]
        return held.due_ms <= now_ms or held.live.has_ended

    def _of(self, number: int, held: Subscription, now_ms: float) -> bytes | None:
        """The next frame of one subscription, if there is one."""
        if held.live.has_ended:
            return self._ended(number, f"feed {held.feed!r} has ended")
        try:
            frame = held.next_frame(now_ms)
        except FellBehindError:
            self.close(TOO_SLOW, f"{held.feed} was not taken in time")
            return None
        if frame is None:
            return None
        self._given.append(number)
        if held.is_once:
            self._drop(number)
        return frame.numbered(number)

    def _ended(self, number: int, message: str) -> bytes:
        self._drop(number)
        return encode_json(ServerError(message, number))

    def _refuse(self, message: str) -> None:
        self.say(ServerError(message))


def _nothing(feed: str) -> bool:
    del feed
    return False


def _unseen(feed: str) -> str:
    return f"your token does not let you see {feed[:100]!r}"


def _unordered(view: View) -> bool:
    """Whether *view* asks for what a sequence has not: columns, an order, a condition."""
    names = ("columns", "sort", "where", "window", "symbols", "hz")
    return any(getattr(view, name) not in (None, UNSET) for name in names)
