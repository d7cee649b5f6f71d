"""What one client is owed: a state machine that is asked for the next frame when the last was taken."""

from collections import deque
from collections.abc import Callable

from schemas.widget import ClientFrame, Hello, ServerError, Subscribe, Unsubscribe
from schemas.wire import DecodeError, encode_json, json_decoder
from services.widgets.feeds import Catalogue
from services.widgets.view import Position


MAX_SUBSCRIPTIONS = 64
MAX_REPLIES = 32
"""Refusals that wait for a client which does not read; beyond it the oldest are forgotten."""

_decode: Callable[[str], ClientFrame] = json_decoder(ClientFrame).decode  # type: ignore[arg-type]  # a union is no type to mypy


class Session:
    """One client. Nothing is queued for it but refusals: `next_frame` looks at what is true then.

    So a slow client costs no memory and delays nobody: it is asked less often, and what it is
    given is always current.
    """

    def __init__(self, catalogue: Catalogue, hello: Hello) -> None:
        self._catalogue = catalogue
        self._generation = catalogue.generation
        self._replies = deque([encode_json(hello).decode()], maxlen=MAX_REPLIES)
        self._feeds: dict[int, str] = {}
        self._positions: dict[int, Position | None] = {}
        """By subscription, whose turn is next first. None: begins with a snap."""

    def on_text(self, text: str) -> None:
        """Take a frame of the client; one that is refused is answered and changes nothing."""
        try:
            frame: ClientFrame = _decode(text)
        except DecodeError as error:
            self._refuse(f"a frame must be a JSON object of protocol 1: {error}")
            return
        match frame:
            case Subscribe():
                self._subscribe(frame)
            case Unsubscribe():
                self._unsubscribe(frame.id)

    def next_frame(self) -> str | None:
        """The next frame to send, None if the client has everything. Subscriptions take turns."""
        if self._replies:
            return self._replies.popleft()
        if self._generation != self._catalogue.generation:
            self._generation = self._catalogue.generation
            return self._catalogue.announcement
        for subscription, position in self._positions.items():
            view = self._catalogue.views.get(self._feeds[subscription])
            if view is None:
                return self._ended(subscription)
            frame = view.after(position)
            if frame is not None:
                del self._positions[subscription]
                self._positions[subscription] = frame.position
                return frame.numbered(subscription)
        return None

    def _subscribe(self, frame: Subscribe) -> None:
        if frame.feed not in self._catalogue.views:
            self._refuse(f"there is no feed {frame.feed[:100]!r}", frame.id)
        elif frame.id not in self._feeds and len(self._feeds) >= MAX_SUBSCRIPTIONS:
            self._refuse(f"a client may have {MAX_SUBSCRIPTIONS} subscriptions", frame.id)
        else:
            self._feeds[frame.id] = frame.feed
            self._positions[frame.id] = None

    def _unsubscribe(self, subscription: int) -> None:
        if self._feeds.pop(subscription, None) is None:
            self._refuse("there is no such subscription", subscription)
        else:
            del self._positions[subscription]

    def _ended(self, subscription: int) -> str:
        feed = self._feeds.pop(subscription)
        del self._positions[subscription]
        return encode_json(ServerError(f"feed {feed!r} has ended", subscription)).decode()

    def _refuse(self, message: str, subscription: int | None = None) -> None:
        self._replies.append(encode_json(ServerError(message, subscription)).decode())
