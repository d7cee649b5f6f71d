"""What tests of the old protocol's sessions share: a board to publish on, and a client without any network."""

from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.wire import encode_json
from services.widgets.compat import CompatSession
from services.widgets.compat_events import Events
from services.widgets.compat_names import Name, parse
from services.widgets.compat_switch import Published, Switch


class Board:
    """Values and events that a test publishes."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.events = Events()
        self.switch = Switch(self)

    def published(self, name: Name) -> Published:
        """How far *name* has come."""
        return Published(self.events.number, self.values.get(name.text))

    def since(self, name: Name, position: Published) -> Sequence[str]:
        """What came after *position*."""
        if name.is_list:
            return self.events.since(name.text, position.number)
        value = self.values.get(name.text)
        return [value] if value is not None and value != position.value else []

    def publish(self, text: str, value: str) -> None:
        """Publish *value* as *text*."""
        name = parse(text)
        assert name is not None
        if name.is_list:
            self.events.add(text, value, value)
        else:
            self.values[text] = value
        for taker in self.switch.takers(text):
            taker.deliver(name, value)


class Client:
    """A session without any network."""

    def __init__(self, board: Board, *, let_in: bool = True) -> None:
        self.keys = {"key"}
        self.wakes = 0
        self.session = CompatSession(board.switch, self.keys.__contains__, self._woken)
        if let_in:
            assert self.ask(action="auth", api_key="key") == [{"status": "authorized"}]

    def _woken(self) -> None:
        self.wakes += 1

    def say(self, **frame: Any) -> None:
        """Send a frame."""
        self.session.on_text(encode_json(frame).decode())

    def ask(self, **frame: Any) -> list[Any]:
        """Send a frame and take all that is owed."""
        self.say(**frame)
        return self.take()

    def take(self) -> list[Any]:
        """Take all that is owed."""
        frames = iter(self.session.next_frame, None)
        return [msgspec.json.decode(frame) for frame in frames]

    def code(self) -> int | None:
        """With which the connection is to be closed; None if it goes on."""
        return self.session.ending and self.session.ending.code

    def subscribe(self, feed: str) -> list[Any]:
        """Subscribe."""
        return self.ask(action="subscribe", feed=feed)
