"""A client that is coupled to a session without any network, and asks again for all that it had."""

from typing import Any

from schemas.widget import (
    Hello,
    Set,
    Subscribe,
    Unsubscribe,
    View,
)
from schemas.wire import encode_json
from services.widgets.catalogue import Catalogue
from services.widgets.frame import text_message
from services.widgets.limits import Allowance
from services.widgets.session import Session
from services.widgets.want import changed
from services.widgets.way import Way
from tests.services.widgets.boards import ModelClient, encoded


BOARD = "board/gainers"
MOST_BROUGHT = 3
"""Frames that a prompt client is brought before it has no room."""


def everything(feed: str) -> bool:
    """Let a client see every feed."""
    return bool(feed)


class Player(ModelClient):
    """A client with subscriptions, which it takes along from connection to connection.

    Args:
        is_prompt: whether frames are brought to it while it is owed nothing else, and not only taken by it.
    """

    def __init__(
        self, catalogue: Catalogue, allowance: Allowance | None = None, *, is_prompt: bool = False
    ) -> None:
        super().__init__()
        self._is_prompt = is_prompt
        self._room = MOST_BROUGHT
        self.wanted: dict[int, tuple[str, View]] = {}
        self.resuming: set[int] = set()
        """Subscriptions that were asked for with a position, and whose first frame has not come."""
        self.unsure: set[int] = set()
        """Those whose view was changed meanwhile: another table has no positions of this one."""
        self.connect(catalogue, allowance)

    def connect(self, catalogue: Catalogue, allowance: Allowance | None = None) -> None:
        """Come, or come back: everything is asked for again, from where it was."""
        self.awake = False
        self.due_ms = 0.0
        self.way = Way(self.abort)
        self.way.write = self.brought
        self.session = Session(
            catalogue, allowance or Allowance(1e9), self.wake, self.way if self._is_prompt else None
        )
        hello = Hello(1, "1.0", "simulated", 5, catalogue.names)
        self.session.welcome(hello, everything)
        self.resuming.clear()
        self.unsure.clear()
        for number, (feed, view) in self.wanted.items():
            held = self.tables.get(number) or self.sequences.get(number)
            if held is None or not held.epoch:
                self.say(Subscribe(number, feed, view))
            else:
                self.resuming.add(number)
                self.say(Subscribe(number, feed, view, held.epoch, held.seq))

    def wake(self) -> None:
        """Be told that there may be something."""
        self.awake = True

    def say(self, frame: Any, now_ms: float = 0.0) -> None:
        """Send a frame, or a text."""
        text = frame if isinstance(frame, str) else encode_json(frame).decode()
        self.session.on_text(text, now_ms)

    def subscribe(self, number: int, feed: str, view: View) -> None:
        """Begin something anew."""
        self.forget(number)
        self.wanted[number] = feed, view
        self.say(Subscribe(number, feed, view))

    def set(self, number: int, view: View) -> None:
        """Ask for another view."""
        feed, before = self.wanted[number]
        self.wanted[number] = feed, changed(before, view)
        if number in self.resuming:
            self.unsure.add(number)
        self.say(Set(number, view))

    def unsubscribe(self, number: int) -> None:
        """End something."""
        self.forget(number)
        self.say(Unsubscribe(number))

    def forget(self, number: int) -> None:
        """Know nothing of a subscription any more."""
        self.wanted.pop(number, None)
        self.tables.pop(number, None)
        self.sequences.pop(number, None)
        self.resuming.discard(number)
        self.unsure.discard(number)

    def brought(self, framed: bytes) -> None:
        """Be brought a frame; some are enough until it takes one itself."""
        payload = framed[framed.index(b"{") :]
        assert framed == text_message(payload)
        self._check_first(self.take(payload))
        self._room -= 1
        self.way.has_room = self._room > 0

    def abort(self) -> None:
        """Nobody makes mistakes here."""
        raise AssertionError

    def take_next(self, now_ms: float) -> dict[str, Any] | None:
        """The next frame; nobody who was not woken, and for whom nothing is due, is owed any."""
        self._room, self.way.has_room = MOST_BROUGHT, True
        text = self.session.next_frame(now_ms)
        if text is None:
            self.awake = False
            wait_ms = self.session.wait_ms(now_ms)
            self.due_ms = float("inf") if wait_ms is None else now_ms + wait_ms
            return None
        assert self.awake or now_ms >= self.due_ms, "there was a frame, and nobody had been woken"
        frame = self.take(text)
        self._check_first(frame)
        if frame["type"] == "error" and "has ended" in frame["message"]:
            self.forget(frame["id"])
        return frame

    def drain(self, now_ms: float) -> float:
        """Take all that is owed, as time goes by; the time then."""
        while True:
            while self.take_next(now_ms) is not None:
                self.session.on_sent(0.0, now_ms)
            if self.session.closing is not None or self.due_ms == float("inf"):
                return now_ms
            now_ms = self.due_ms

    def _check_first(self, frame: dict[str, Any]) -> None:
        """Who asked to go on from a position is told whether that is so; nobody else is."""
        if frame["type"] not in ("snap", "delta", "event"):
            return
        number = frame["id"]
        was_asked = number in self.resuming
        self.resuming.discard(number)
        if number in self.unsure:
            self.unsure.discard(number)
            return
        if frame["type"] == "snap":
            assert frame["recovered"] is (False if was_asked else None)
        if frame["type"] == "event":
            assert (frame["recovered"] is not None) == was_asked


def put(catalogue: Catalogue, score: float, name: str = "gainers") -> None:
    """Another value of a board."""
    catalogue.put_board(name, encoded(("A", score, 2.0), name=name), 6.0)


def taken(client: Player, now_ms: float = 0.0) -> list[str]:
    """The kinds of all frames that are owed at one moment."""
    client.kinds.clear()
    while client.take_next(now_ms) is not None:
        client.session.on_sent(0.0, now_ms)
    return list(client.kinds)
