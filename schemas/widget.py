"""Frames between the Widget Data Service and its clients: JSON text, protocol 1.

A client says who it is (a token in the handshake or `auth` within 5 s; then comes `hello`), and
subscribes to feeds under numbers of its own (`id`). What it gets depends on the feed:

- A table (boards, rows, ranges) begins with a `snap` and goes on with deltas. A delta takes
  whoever is at `after` to `seq`: it holds all that changed between the two, so whoever could not
  take every update is given fewer and larger ones, and misses nothing. A client at another position
  than `after` has lost a frame: it subscribes again under the same number.
- A sequence (alerts, halts, trades, status) comes in `event` frames, chained by `after` and `seq` in the
  same way; nothing in it is ever merged or left out.

Subscribing with the (`epoch`, `seq`) of the last frame goes on from there. Alerts, news, halts and boards
as they are published have the positions of their streams, which every process of the service knows;
those of all else are of one process. If it cannot be gone on, because it is too long ago or another
process answers, the first frame says `recovered: false` and begins anew.

The checksum `crc` is the CRC-32 (zlib's) of a table as the client has it after the frame: first every
symbol, in the order of the rows, in UTF-8 and with a line feed; then column by column (without the
symbol's) every cell: a number as the 8 bytes of a little-endian IEEE 754 double, null as 8 bytes
0xFF, a text in UTF-8 with a line feed.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, UnsetType

from schemas.wire import Wire


PROTOCOL = 1
MAX_CLIENT_FRAME_BYTES = 64 * 1024
"""A client that sends more in one frame is closed with code 1009."""
AUTH_WITHIN_S = 5.0
"""A client that has not said who it is by then is closed."""
SUBPROTOCOL = "tickmesh.1"
"""A browser cannot set headers: it offers the subprotocols `tickmesh.1` and `token.{token}`."""

SubscriptionId = Annotated[int, Meta(ge=0, lt=1 << 31)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]


class Close(Wire, frozen=True):
    """Why the service ends a connection, and what the client does then."""

    code: int
    name: str
    again: Literal["now", "later", "never"]
    """`now`: connect again after a random delay of a second; `later`: with growing delays, half a minute
    and more; `never`: only after what is said has been mended."""
    meaning: str


CLOSE_CODES = (
    Close(1001, "restarting", "now", "The service stops; another, or the same again, will answer soon."),
    Close(1002, "malformed", "never", "The client sent what is no WebSocket frame."),
    Close(1009, "too-big", "never", "A frame of the client was larger than 64 KB."),
    Close(4400, "not-understood", "never", "Too many frames of the client were no frames of protocol 1."),
    Close(4401, "unauthenticated", "never", "No token within 5 s, or one that is not valid here: get another."),
    Close(4403, "revoked", "never", "The token was valid and is no longer: somebody took it back."),
    Close(4408, "too-slow", "later", "The client did not take what must not be left out, or nothing for 30 s."),
    Close(4419, "expired", "now", "The token has expired during the connection: come back with a new one."),
    Close(4429, "too-many", "later", "Too many frames, or too many connections of one user or address."),
)  # fmt: skip
"""Every code that the service closes with, as the documentation lists them."""

(
    RESTARTING,
    MALFORMED,
    TOO_BIG,
    NOT_UNDERSTOOD,
    UNAUTHENTICATED,
    REVOKED,
    TOO_SLOW,
    EXPIRED,
    TOO_MANY,
) = CLOSE_CODES


class View(Wire, forbid_unknown_fields=True, frozen=True):
    """What of a feed is wanted, and how.

    A field that is absent or null is as the feed has it by itself; in a `set`, one that is absent
    stays as it is.
    """

    columns: Annotated[list[Name], Meta(max_length=128)] | UnsetType | None = UNSET
    """Cells of a row, in this order; `symbol` always comes first and need not be named."""
    top: Annotated[int, Meta(ge=1, le=5000)] | UnsetType | None = UNSET
    """At most so many rows. Of a sequence: how many of its newest the first frame holds."""
    sort: Name | UnsetType | None = UNSET
    """A column to sort by, greatest first; with `+` before it, smallest first. Rows that have none are last."""
    where: Annotated[str, Meta(max_length=1000)] | UnsetType | None = UNSET
    """A condition on the fields of a row: only rows for which it holds. On a board it is asked of the
    whole market, not only of the rows that are published."""
    hz: Annotated[float, Meta(gt=0, le=50)] | UnsetType | None = UNSET
    """Updates a second, at most; None: as they come."""
    window: tuple[Annotated[int, Meta(ge=0)], Annotated[int, Meta(ge=0)]] | UnsetType | None = UNSET
    """Only the rows from one place (from 0) up to another, exclusive: what can be seen of a long list."""
    symbols: Annotated[list[Name], Meta(max_length=1000)] | UnsetType | None = UNSET
    """Only these symbols."""


class Auth(Wire, tag_field="action", tag="auth", forbid_unknown_fields=True, frozen=True):
    """Say who one is: the first frame of a client that brought no token, or later a newer token."""

    token: Annotated[str, Meta(max_length=8192)]


class Subscribe(Wire, tag_field="action", tag="sub", forbid_unknown_fields=True, frozen=True):
    """Ask for a feed. A number in use is begun anew."""

    id: SubscriptionId
    """The client's own number, which every frame of the subscription carries."""
    feed: Name
    view: View = View()
    epoch: str | None = None
    seq: int | None = None
    """With *epoch*, the last frame that the client has: go on after it."""


class Set(Wire, tag_field="action", tag="set", forbid_unknown_fields=True, frozen=True):
    """Change the view of a subscription; answered by an `ack`, and by a `snap` if it is another table then."""

    id: SubscriptionId
    view: View


class Unsubscribe(Wire, tag_field="action", tag="unsub", forbid_unknown_fields=True, frozen=True):
    """End a subscription; answered by an `ack`, after which no frame of it comes."""

    id: SubscriptionId


class Get(Wire, tag_field="action", tag="get", forbid_unknown_fields=True, frozen=True):
    """Ask for a feed as it is now, once: one `snap` or `event` under this number, and no more."""

    id: SubscriptionId
    feed: Name
    view: View = View()


class Ping(Wire, tag_field="action", tag="ping", forbid_unknown_fields=True, frozen=True):
    """Ask for a sign of life, an `ack`."""

    id: SubscriptionId = 0


ClientFrame = Auth | Subscribe | Set | Unsubscribe | Get | Ping


class Hello(Wire, tag_field="type", tag="hello", frozen=True):
    """First frame of the server, as soon as it knows who the client is."""

    protocol: int
    version: str
    """Of the service."""
    source: str
    """Where the data comes from: `live`, `tape` or `simulated`."""
    server_ms: int
    """The service's clock, so that a client can correct its own when it shows ages."""
    feeds: list[str]
    """Feeds that this client may subscribe to, sorted; `*` and `>` stand for symbols and kinds as in subjects."""
    user: str | None = None
    expires_ms: int | None = None
    """When the client's token expires; None: never, or there is none."""


class Feeds(Wire, tag_field="type", tag="feeds", frozen=True):
    """The feeds that there are now, sent when a feed has appeared or ended since the last time."""

    feeds: list[str]


class Status(Wire, tag_field="type", tag="status", frozen=True):
    """The service has lost what it serves from, or has it again. Subscriptions stay, and go on by themselves."""

    stale: bool
    server_ms: int


class Head(Wire, frozen=True):
    """What a table is of."""

    trading_day: str
    session: str
    asof_ms: int
    """Time of the newest event, epoch milliseconds UTC; 0 before the first."""


class Snap(Wire, tag_field="type", tag="snap", frozen=True):
    """The whole of a table at (epoch, seq)."""

    id: SubscriptionId
    """The client's number for the subscription. First, so that it can be set in encoded frames."""
    feed: str
    epoch: str
    """Of the numbering: no two tables share one, and of two processes only tables that are the same in both."""
    seq: int
    """It grows, and not always by one."""
    received_ms: float
    """When the oldest of the newest changes arrived from the vendor; 0 if that is not known."""
    head: Head
    columns: list[str]
    """Names of the cells of a row, in order; the first is `symbol`."""
    rows: list[list[Any]]
    """Cells in the order of *columns*, best row first."""
    total: int
    """How many rows there are before *top* and *window* leave some out."""
    crc: int
    recovered: bool | None = None
    """False: the client asked to go on from a position, and could not be taken there."""


class Delta(Wire, tag_field="type", tag="delta", frozen=True):
    """What changed between two positions of a table. Applied in this order: *gone*, *moves*, *cells*."""

    id: SubscriptionId
    after: int
    """For whoever is at this `seq`."""
    seq: int
    received_ms: float
    """When the oldest of the newest changes arrived from the vendor; 0 if that is not known."""
    head: Head
    gone: list[str]
    """Symbols that are no longer in the table."""
    moves: list[tuple[int, str]]
    """New and moved rows, by their new places, ascending: take these symbols out of the order, then put in
    each at its place. All cells of a row that is new are null at first."""
    rows: list[int]
    """Places, in the new order, of the rows in which something changed."""
    cells: list[list[Any]]
    """By column: `[number, new values]`, for the *rows* one after the other, or `[number, new values, places]`."""
    total: int
    crc: int | None = None
    """Every now and then."""


class Event(Wire, tag_field="type", tag="event", frozen=True):
    """The next of a sequence, in order; it may be empty."""

    id: SubscriptionId
    feed: str
    epoch: str
    after: int
    """`seq` of the frame before; 0 if this begins anew."""
    seq: int
    """It grows, and not by one for each value."""
    values: list[Raw]
    recovered: bool | None = None
    """In the first frame, if the client asked to go on from a position: whether it does."""


class Ack(Wire, tag_field="type", tag="ack", frozen=True):
    """A frame of the client was carried out."""

    of: str
    """Its `action`."""
    id: SubscriptionId = 0


class Lag(Wire, tag_field="type", tag="lag", frozen=True):
    """The client does not keep up: from now on a subscription comes less often, or as asked for again."""

    id: SubscriptionId
    hz: float | None
    """Updates a second at most, whatever the view says; None: as the view says."""
    waited_ms: int
    """How long the last frame waited for the client to take it."""


class Bye(Wire, tag_field="type", tag="bye", frozen=True):
    """Last frame: the service is about to close the connection."""

    code: int
    reason: str
    again_ms: int | None
    """In how many milliseconds to connect again, others for each client; None: not by itself."""


class ServerError(Wire, tag_field="type", tag="error", frozen=True):
    """A client's frame was refused, or a subscription has ended; the connection goes on."""

    message: str
    id: SubscriptionId | None = None
    """The subscription that it is about."""
    place: int | None = None
    """Where in `where` it is wrong, a character from 0 on."""


ServerFrame = Hello | Feeds | Status | Snap | Delta | Event | Ack | Lag | Bye | ServerError
