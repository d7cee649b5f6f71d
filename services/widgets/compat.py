"""One client of the replaced system's protocol: a state machine that says which frame comes next.

The first frame of a client must be `{"action":"auth","api_key":…}`; then it subscribes, unsubscribes and
gets. Answers come in the order of its frames. What is published to it is the bare JSON value, without
any envelope. A name that is not declared is answered as the old system answered one that nobody
publishes: `subscribed`, and nothing ever comes; `null` for a `get`.

Other than the old system: what is no frame is answered before the connection ends; nobody gets a value
twice because two of its feeds mean the same name; and a value that is published between a `get` and
the `subscribe` that follows it is sent at once, so that the client has not missed it.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Raw

from schemas.widget import (
    EXPIRED,
    MAX_CLIENT_FRAME_BYTES,
    NOT_UNDERSTOOD,
    TOO_BIG,
    TOO_SLOW,
    Close,
)
from schemas.wire import DecodeError, encode_json, json_decoder
from services.widgets.compat_names import Name, is_pattern, parse
from services.widgets.compat_switch import Published, Switch


MAX_SUBSCRIPTIONS = 256
MAX_PATTERNS = 8
"""Of one client."""
MAX_NAME = 256
"""Characters of a feed or cache name."""
MAX_EVENTS = 1000
"""Alerts and news that wait for a client; with one more it is closed, for they must not be left out."""
MAX_REPLIES = 16
"""Answers that wait; until the client takes some, no further frame of it should be read."""

CheckToken = Callable[[str], bool]

_INVALID = "invalid action"
_decode: Callable[[str], Any] = json_decoder(object).decode


class Ending(NamedTuple):
    """How a connection is to be closed, once what is left has been sent."""

    code: int
    reason: str


REFUSED = Ending(1000, "")
"""As the old system closed whom it did not let in; what went wrong the last frame has said."""


class Wanted(NamedTuple):
    """A `get` that waits for its data."""

    cache: str
    limit: int
    """How many of a list; 0 is all."""


class CompatSession:
    """What one client is owed. Calls never overlap; after `ending` is set, frames of the client are ignored.

    Args:
        switch: what it subscribes at.
        check_token: whether a key lets its bearer in, now.
        on_ready: called when there is a frame to send, or the connection is to end.
    """

    def __init__(
        self, switch: Switch, check_token: CheckToken, on_ready: Callable[[], None]
    ) -> None:
        self.is_authorized = False
        self.ending: Ending | None = None
        self.wanted: Wanted | None = None
        """A `get` of the last frame: hand its data to `answer` before the next frame."""
        self._switch = switch
        self._check = check_token
        self._on_ready = on_ready
        self._token = ""
        self._feeds: set[str] = set()
        self._replies: deque[str] = deque()
        self._events: deque[tuple[str, str]] = deque()
        self._newest: dict[str, str] = {}
        """By name, what waits: in the order in which the names began to wait."""
        self._got: dict[str, Published] = {}

    @property
    def is_full(self) -> bool:
        """Whether so many answers wait that no more frames should be read."""
        return len(self._replies) >= MAX_REPLIES

    def on_text(self, text: str) -> None:
        """Take a frame of the client."""
        if self.ending is not None:
            return
        if len(text) > MAX_CLIENT_FRAME_BYTES:
            self.end(TOO_BIG)
            return
        try:
            frame = _decode(text)
        except DecodeError:
            frame = None
        if not isinstance(frame, dict):
            self._not_understood()
        elif self.is_authorized:
            self._act(frame)
        else:
            self._authorize(frame)

    def answer(self, data: str) -> None:
        """Answer the `get` that is `wanted` with the JSON text *data*."""
        if self.wanted is None:
            raise ValueError("an answer must be to a get")
        cache, self.wanted = self.wanted.cache, None
        name = parse(cache)
        if name is not None and len(self._got) < MAX_SUBSCRIPTIONS:
            self._got[cache] = self._switch.published(name)
        self._reply({"cache": cache, "data": Raw(data)})

    def deliver(self, name: Name, frame: str) -> None:
        """Take a value that was published; of all but events only the newest of a name waits."""
        if self.ending is not None:
            return
        if not name.is_list:
            self._newest[name.text] = frame
        elif len(self._events) < MAX_EVENTS:
            self._events.append((name.text, frame))
        else:
            self.end(TOO_SLOW)
        self._on_ready()

    def next_frame(self) -> str | None:
        """The next frame to send: answers first, then events, then values; None if there is none now."""
        if self._replies:
            return self._replies.popleft()
        if self._events:
            return self._events.popleft()[1]
        if self._newest:
            return self._newest.pop(next(iter(self._newest)))
        return None

    def end(self, close: Close | Ending) -> None:
        """Have the connection closed; of what waits only answers are still sent."""
        if self.ending is None:
            reason = close.name if isinstance(close, Close) else close.reason
            self.ending = Ending(close.code, reason)
            self.leave()
            self._on_ready()

    def leave(self) -> None:
        """End all subscriptions, and forget what waits of them."""
        for feed in self._feeds:
            self._switch.remove(self, feed)
        self._feeds.clear()
        self._events.clear()
        self._newest.clear()

    def check_again(self) -> None:
        """End if the key that let the client in does so no longer."""
        if self.is_authorized and not self._check(self._token):
            self.end(EXPIRED)

    def _authorize(self, frame: dict[Any, Any]) -> None:
        key = frame.get("api_key")
        if frame.get("action") != "auth":
            self._refuse("unauthorized")
        elif isinstance(key, str) and self._check(key):
            self.is_authorized, self._token = True, key
            self._status("authorized")
        else:
            self._refuse("invalid key")

    def _act(self, frame: dict[Any, Any]) -> None:
        match frame.get("action"):
            case "subscribe":
                self._with_name(frame.get("feed"), self._subscribe)
            case "unsubscribe":
                self._with_name(frame.get("feed"), self._unsubscribe)
            case "get":
                limit = frame.get("limit", 0)
                self._with_name(frame.get("cache"), lambda cache: self._get(cache, limit))
            case _:
                self._status(_INVALID)

    def _with_name(self, name: Any, act: Callable[[str], None]) -> None:
        if not name:
            return  # as in the old system: silence
        if not isinstance(name, str):
            self._not_understood()
        elif len(name) > MAX_NAME:
            self._status(_INVALID)
        else:
            act(name)

    def _subscribe(self, feed: str) -> None:
        if feed not in self._feeds and not self._has_room_for(feed):
            self._status("too many subscriptions", feed=feed)
            return
        self._feeds.add(feed)
        self._status("subscribed", feed=feed)
        name, got = parse(feed), self._got.pop(feed, None)
        if name is not None and got is not None:
            for frame in self._switch.since(name, got):
                self.deliver(name, frame)

    def _has_room_for(self, feed: str) -> bool:
        if len(self._feeds) >= MAX_SUBSCRIPTIONS:
            return False
        if is_pattern(feed) and sum(map(is_pattern, self._feeds)) >= MAX_PATTERNS:
            return False
        return self._switch.add(self, feed)

    def _unsubscribe(self, feed: str) -> None:
        if feed not in self._feeds:
            return  # as in the old system: silence
        self._feeds.discard(feed)
        self._switch.remove(self, feed)
        has = self._switch.has
        self._newest = {name: each for name, each in self._newest.items() if has(self, name)}
        self._events = deque(each for each in self._events if has(self, each[0]))
        self._status("unsubscribed", feed=feed)

    def _get(self, cache: str, limit: Any) -> None:
        try:
            self.wanted = Wanted(cache, max(int(limit), 0))
        except (TypeError, ValueError, OverflowError):
            self._not_understood()

    def _not_understood(self) -> None:
        self._status(_INVALID)
        self.end(NOT_UNDERSTOOD)

    def _refuse(self, status: str) -> None:
        self._status(status)
        self.end(REFUSED)

    def _status(self, status: str, **more: str) -> None:
        self._reply({"status": status, **more})

    def _reply(self, frame: dict[str, Any]) -> None:
        self._replies.append(encode_json(frame).decode())
        self._on_ready()
