"""Frames between the Widget Data Service and its clients: JSON text, protocol 1.

A client subscribes to feeds under numbers of its own (`id`). Each subscription is answered by a
`snap` and then by deltas, numbered without holes under one epoch. A client that could not take
its frames in time is not sent what it missed: it gets a new `snap`. So a client holds the state of
a feed if it replaces it by every `snap` and applies the `delta` whose `seq` follows its own; after
any other `delta` it has lost a frame and subscribes again under the same number.
"""

from typing import Annotated, Any

from msgspec import Meta

from schemas.wire import Wire


PROTOCOL = 1
MAX_CLIENT_FRAME_BYTES = 64 * 1024
"""A client that sends more in one frame is closed with code 1009."""

CLOSE_RESTARTING = 1001
"""The service stops; another, or the same again, will answer soon: come back after a random delay."""

SubscriptionId = Annotated[int, Meta(ge=0, lt=1 << 31)]


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
    """Feeds that can be subscribed to: `board/{name}`, sorted."""


class Feeds(Wire, tag_field="type", tag="feeds", frozen=True):
    """The feeds that there are now, sent when a feed has appeared or ended since the last time."""

    feeds: list[str]


class Head(Wire, frozen=True):
    """Fields of the board itself."""

    trading_day: str
    session: str
    asof_ms: int


class Snap(Wire, tag_field="type", tag="snap", frozen=True):
    """The whole state of a feed at (epoch, seq); deltas from seq + 1 on follow."""

    id: SubscriptionId
    """The client's number for the subscription. First, so that it can be set in encoded frames."""
    feed: str
    epoch: str
    """Changes when the service cannot continue its numbering; then a snap follows."""
    seq: int
    received_ms: float
    """When the oldest of the newest changes arrived from the vendor; 0 if that is not known."""
    head: Head
    columns: list[str]
    """Names of the cells of a row, in order; the first is `symbol`."""
    rows: list[tuple[Any, ...]]
    """Cells in the order of *columns*, best row first."""


class Delta(Wire, tag_field="type", tag="delta", frozen=True):
    """What changed since seq − 1: cells, and the order only if it changed."""

    id: SubscriptionId
    seq: int
    received_ms: float
    """When the oldest change in it arrived from the vendor; 0 if that is not known."""
    head: Head
    cells: dict[str, dict[int, Any]]
    """By symbol: column number → new value; a symbol that is new to the board has all of its cells."""
    order: list[str] | None
    """All symbols of the board, best first; None if no place changed. Who is not in it has left."""


class ServerError(Wire, tag_field="type", tag="error", frozen=True):
    """A client's frame was refused, or a subscription has ended; the connection goes on."""

    message: str
    id: SubscriptionId | None = None
    """The subscription that it is about."""


ServerFrame = Hello | Feeds | Snap | Delta | ServerError


class Subscribe(Wire, tag_field="action", tag="sub", forbid_unknown_fields=True, frozen=True):
    """Ask for a feed; answered by a snap and then by deltas. A number in use is begun anew."""

    id: SubscriptionId
    """The client's own number, which every frame of the subscription carries."""
    feed: str


class Unsubscribe(Wire, tag_field="action", tag="unsub", forbid_unknown_fields=True, frozen=True):
    """End a subscription. Frames that were on their way may still arrive."""

    id: SubscriptionId


ClientFrame = Subscribe | Unsubscribe
