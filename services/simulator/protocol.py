"""The vendor's conversation without a socket: what is answered to what, and who gets what.

Everything from the server is a JSON array; everything to it a single object. As on the live feed
an unknown channel, a subscription already held and one that is not held are not answered, an
unknown ticker is confirmed and stays silent, and a channel outside the plan is refused without
being named.
"""

from collections.abc import Iterable

from schemas.wire import DecodeError, Wire, encode_json, json_decoder
from services.simulator.events import TapeEvent
from services.simulator.lines import MALFORMED


CHANNELS = frozenset({"A", "AM", "T", "Q", "LULD"})
NOT_IN_PLAN = frozenset({"NOI", "FMV", "LV"})


class _Request(Wire, frozen=True):
    action: str
    params: str


class _Status(Wire, frozen=True):
    ev: str
    status: str
    message: str


_request = json_decoder(_Request).decode


def status_frame(*statuses: tuple[str, str]) -> bytes:
    """A frame of (status, message) pairs."""
    return encode_json([_Status("status", status, message) for status, message in statuses])


CONNECTED = status_frame(("connected", "Connected Successfully"))
AUTHENTICATED = status_frame(("auth_success", "authenticated"))
AUTH_FAILED = status_frame(("auth_failed", "authentication failed"))
EVICTED = status_frame(("max_connections", "Maximum number of websocket connections exceeded."))
END_OF_TAPE = status_frame(("end_of_tape", "the recorded tape is at its end"))


class Subscriptions:
    """What one connection has asked for: `A.*` for a channel, `T.AAPL` for one ticker of it."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._channels: set[str] = {MALFORMED}
        self._tickers: set[tuple[str, str]] = set()

    def add(self, subscription: str) -> bool:
        """Whether *subscription* was not held before."""
        if subscription in self._held:
            return False
        self._held.add(subscription)
        self._index()
        return True

    def remove(self, subscription: str) -> bool:
        """Whether *subscription* was held."""
        if subscription not in self._held:
            return False
        self._held.remove(subscription)
        self._index()
        return True

    def _index(self) -> None:
        pairs = [(channel, sym) for channel, _, sym in (s.partition(".") for s in self._held)]
        self._channels = {MALFORMED} | {channel for channel, sym in pairs if sym == "*"}
        self._tickers = {(channel, sym) for channel, sym in pairs if sym != "*"}

    @property
    def is_everything(self) -> bool:
        """Whether every event of every channel was asked for."""
        return self._channels >= CHANNELS

    def select(self, events: Iterable[TapeEvent]) -> list[TapeEvent]:
        """Those of *events* that were asked for, once each, in their order."""
        channels, tickers = self._channels, self._tickers
        if not tickers:
            return [event for event in events if event.ev in channels]
        return [
            event for event in events if event.ev in channels or (event.ev, event.sym) in tickers
        ]

    def __bool__(self) -> bool:
        return bool(self._held)


class Conversation:
    """One connection's side of the protocol: give it messages, send what it answers."""

    def __init__(self, key: str) -> None:
        self.subscriptions = Subscriptions()
        self.authenticated = False
        self.refused = False
        """The key was wrong: send the answer, then drop the connection."""
        self._key = key

    def on_message(self, message: str | bytes) -> bytes | None:
        """The frame to answer with, None for no answer."""
        try:
            request = _request(message)
        except (DecodeError, UnicodeDecodeError):
            return status_frame(("error", "a message must be an object with action and params"))
        if request.action == "auth":
            return self._on_auth(request.params)
        if not self.authenticated:
            return status_frame(("error", "not authenticated"))
        if request.action == "subscribe":
            return _answer(self._subscribe(s) for s in _split(request.params))
        if request.action == "unsubscribe":
            return _answer(self._unsubscribe(s) for s in _split(request.params))
        return status_frame(("error", f"unknown action: {request.action}"))

    def _on_auth(self, key: str) -> bytes:
        self.authenticated = key == self._key
        self.refused = not self.authenticated
        return AUTHENTICATED if self.authenticated else AUTH_FAILED

    def _subscribe(self, subscription: str) -> tuple[str, str] | None:
        channel, _, sym = subscription.partition(".")
        if channel in NOT_IN_PLAN:
            return "error", "not authorized"
        if channel not in CHANNELS or not sym or not self.subscriptions.add(subscription):
            return None
        return "success", f"subscribed to: {subscription}"

    def _unsubscribe(self, subscription: str) -> tuple[str, str] | None:
        if not self.subscriptions.remove(subscription):
            return None
        return "success", f"unsubscribed to: {subscription}"


def _split(params: str) -> list[str]:
    return [part.strip() for part in params.split(",")]


def _answer(statuses: Iterable[tuple[str, str] | None]) -> bytes | None:
    answered = [status for status in statuses if status is not None]
    return status_frame(*answered) if answered else None
