"""Vendor events on their way to a connection, and the shapes that the simulator writes itself.

Field names are the vendor's. Prices are in US dollars, sizes and volumes in shares, times in
milliseconds since the epoch, UTC, unless a field says otherwise.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import UNSET, UnsetType, field

from schemas.wire import Wire


Number = int | float

NS_PER_MS = 1_000_000


class TapeEvent(Wire, frozen=True):
    """One vendor event, encoded, and what is needed to order and to filter it."""

    time_ms: int
    """When a live feed would know it; never goes back along a tape."""
    ev: str
    sym: str
    payload: bytes
    """The JSON object, as it goes over the wire."""


class DayBar(NamedTuple):
    """A day of one ticker: open and close of the regular session, extremes and volume of the day."""

    open_usd: Number
    high_usd: Number
    low_usd: Number
    close_usd: Number
    volume_shares: Number
    vwap_usd: Number | None = None
    """None if the source does not say."""
    trades: int | None = None
    """None if the source does not say."""


DayBars = Mapping[str, DayBar]
"""By ticker."""


class Aggregate(Wire, tag_field="ev", frozen=True):
    """Fields that second bars and minute bars share; what a source does not know is left out."""

    sym: str
    v: Number
    av: Number
    op: Number
    """Official open; 0 before there is one."""
    o: Number
    c: Number
    h: Number
    l: Number  # noqa: E741 (the vendor's name)
    s: int
    e: int
    vw: Number | UnsetType = UNSET
    a: Number | UnsetType = UNSET
    z: int | UnsetType = UNSET


class SecondAggregate(Aggregate, tag="A", frozen=True):
    """A second bar."""


class MinuteAggregate(Aggregate, tag="AM", frozen=True):
    """A minute bar."""


class Print(Wire, tag_field="ev", tag="T", frozen=True):
    """A trade."""

    sym: str
    x: int
    i: str
    z: int
    p: Number
    s: Number
    c: tuple[int, ...] | UnsetType
    """Condition ids; left out for a regular sale."""
    t: int
    q: int


class Nbbo(Wire, tag_field="ev", tag="Q", frozen=True):
    """A quote."""

    sym: str
    bx: int
    bp: Number
    bs: Number
    ax: int
    ap: Number
    as_: Number = field(name="as")
    c: int | UnsetType
    i: tuple[int, ...] | UnsetType
    t: int
    q: int
    z: int


class Bands(Wire, tag_field="ev", tag="LULD", frozen=True):
    """Limit-up limit-down bands: the ticker is `T`, the time in nanoseconds, as on the live wire."""

    T: str
    h: Number
    l: Number  # noqa: E741 (the vendor's name)
    i: tuple[int, ...]
    z: int
    t: int
    q: int
