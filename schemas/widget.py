"""Frames between the Widget Data Service and its clients: JSON text, protocol 1."""

from typing import Any

from schemas.wire import Wire


PROTOCOL = 1


class Hello(Wire, tag_field="type", tag="hello", frozen=True):
    """First frame of the server."""

    protocol: int
    version: str
    """Of the service."""
    source: str
    """Where the data comes from: `live`, `tape` or `simulated`."""
    server_ms: int
    """The service's clock, so that a client can correct its own when it shows ages."""
    feeds: list[str]
    """Feeds that can be subscribed to: `board/{name}`."""


class Snap(Wire, tag_field="type", tag="snap", frozen=True):
    """The whole state of a feed at (epoch, seq); deltas from seq + 1 on follow."""

    id: int
    """The client's number for the subscription."""
    feed: str
    epoch: str
    """Changes when the service cannot continue its numbering; then a snap follows."""
    seq: int
    received_ms: float
    """When the oldest change in it arrived from the vendor; 0 if that is not known."""
    head: dict[str, Any]
    """Fields of the board itself: trading_day, session, asof_ms."""
    columns: list[str]
    """Names of the cells of a row, in order; the first is `symbol`."""
    rows: list[list[Any]]
    """Cells in the order of *columns*, best row first."""


class Delta(Wire, tag_field="type", tag="delta", frozen=True):
    """What changed since seq − 1: cells, and the order only if it changed."""

    id: int
    seq: int
    received_ms: float
    head: dict[str, Any]
    cells: dict[str, dict[int, Any]]
    """By symbol: column number → new value; a symbol that is new to the board has all of its cells."""
    order: list[str] | None
    """All symbols of the board, best first; None if no place changed."""


class ServerError(Wire, tag_field="type", tag="error", frozen=True):
    """A client's frame was refused; the connection goes on."""

    message: str
    id: int | None = None


ServerFrame = Hello | Snap | Delta | ServerError


class Subscribe(Wire, tag_field="action", tag="sub", forbid_unknown_fields=True, frozen=True):
    """Ask for a feed; answered by a snap and then by deltas."""

    id: int
    """The client's own number, which every frame of the subscription carries."""
    feed: str


class Unsubscribe(Wire, tag_field="action", tag="unsub", forbid_unknown_fields=True, frozen=True):
    """End a subscription."""

    id: int


ClientFrame = Subscribe | Unsubscribe
