"""Market events as the mesh carries them, and the batches that they travel in.

Times are integer milliseconds since the epoch, UTC, of the event; prices are in US dollars, sizes
and volumes in shares and possibly fractional. `None` is unknown and never zero. Events are arrays
on the wire (no field names): 500 of them cost 0.3 µs each to decode, as objects twice that.
"""

from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Raw

from schemas.wire import Wire


class Bar(Wire, array_like=True, frozen=True):
    """A second bar or a minute bar (which, the class of the stream says).

    A bar may come again with new values: (symbol, start) identifies it, the later copy replaces.
    """

    symbol: str
    start_ms: int
    end_ms: int
    """End of the window, exclusive."""
    open_usd: float
    high_usd: float
    low_usd: float
    close_usd: float
    volume_shares: float
    """Of the window."""
    day_volume_shares: float | None
    """Of the day so far, all sessions; None where the source does not accumulate."""
    vwap_usd: float | None
    """Of the window."""
    day_vwap_usd: float | None
    official_open_usd: float | None
    """The day's official opening price; None until there is one."""
    average_size_shares: float | None = None
    """Of the trades in the window."""


class Print(Wire, array_like=True, frozen=True):
    """The part of a trade that rows are made of: who needs no more decodes no more."""

    symbol: str
    event_ms: int
    sequence: int
    """Increases by symbol within a day, with holes; the same number again is the same trade."""
    price_usd: float
    size_shares: float
    conditions: tuple[int, ...]
    """The vendor's condition ids; empty for a regular sale."""


class Trade(Print, array_like=True, frozen=True):
    """A print of the consolidated tape."""

    exchange: int
    """The vendor's exchange id; 0 is unknown."""
    trade_id: str


class Best(Wire, array_like=True, frozen=True):
    """The part of a quote that rows are made of. A side without a quote is None."""

    symbol: str
    event_ms: int
    sequence: int
    bid_usd: float | None
    bid_shares: float
    ask_usd: float | None
    ask_shares: float


class Quote(Best, array_like=True, frozen=True):
    """A change of the national best bid or offer."""

    condition: int | None
    indicators: tuple[int, ...]


class Halt(Wire, array_like=True, frozen=True):
    """Limit-up limit-down bands of a symbol, or a change of its limit state."""

    symbol: str
    event_ms: int
    sequence: int
    upper_band_usd: float | None
    lower_band_usd: float | None
    indicators: tuple[int, ...]


class Other(Wire, array_like=True, frozen=True):
    """An event of a type that is not known here, kept as it came."""

    event_type: str
    symbol: str | None
    payload: bytes
    """The vendor's JSON object, untouched."""


Event = Bar | Trade | Quote | Halt | Other
EventT = TypeVar("EventT", Bar, Trade, Quote, Halt, Other)


class Batch(Wire, Generic[EventT], array_like=True, frozen=True):
    """Events of one class and partition, in the order in which they arrived.

    (epoch, number) tells a receiver about a gap or a duplicate by itself: *number* counts a
    producer's batches of one class and partition from 0 without holes; a producer that starts
    again has a greater *epoch*.
    """

    epoch: int
    number: Annotated[int, Meta(ge=0)]
    before: Annotated[int, Meta(ge=0)]
    """Events of this class and partition that the producer published before this batch, so that
    whoever misses batches knows how many events were in them."""
    received_ms: float
    """When the oldest event in the batch arrived from the vendor, by the listener's clock."""
    events: list[EventT]


class BatchHead(Wire, array_like=True, frozen=True):
    """A batch without its events: what the position guard needs before anything is decoded."""

    epoch: int
    number: Annotated[int, Meta(ge=0)]
    before: Annotated[int, Meta(ge=0)]
    received_ms: float
    events: Raw


class Repair(Wire, array_like=True, frozen=True):
    """A request for batches of one class and partition that somebody has missed."""

    epoch: int
    """Of the producer: one of another epoch has none of them."""
    first: Annotated[int, Meta(ge=0)]
    last: Annotated[int, Meta(ge=0)]
    """Inclusive."""


class Position(Wire, array_like=True, frozen=True):
    """How far into a producer's batches of one class and partition somebody has come, inclusive."""

    epoch: int
    number: int
    events: int
    """How many events the producer had published up to there, taken or lost."""


class OwnerPositions(Wire, frozen=True):
    """What an owner's checkpoint covers, reported so that a lossless producer can let it go."""

    partition: int
    owner: str
    """Differs from process to process: a new name means that the owner started again."""
    positions: dict[str, Position]
    """By class; a class of which nothing was folded is absent."""


class ProducerPositions(Wire, frozen=True):
    """How far a producer of a partition has come, said now and then: who lacks the newest batches learns of it here."""

    partition: int
    positions: dict[str, Position]
    """By class; a class of which nothing was published is absent."""
