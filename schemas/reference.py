"""Reference data: what is known of symbols before the tape of a day begins."""

from typing import Annotated, Literal

from msgspec import Meta, field

from schemas.wire import Wire


CURVE_MINUTES = 960
"""Minutes of a day from 04:00 to 20:00 in New York."""


class PreviousCloses(Wire, frozen=True):
    """The official closes that a trading day is measured against, for the whole market."""

    trading_day: str
    """The day that is measured (ISO date)."""
    closes_day: str | None
    """The trading day before it, whose closes these are; None if no data was found for it."""
    closes_usd: dict[str, Annotated[float, Meta(gt=0)]]
    """By symbol. Changes are divided by it, so 0 is refused with the whole message."""


class Stair(Wire, array_like=True, frozen=True):
    """A price that no day since has exceeded (a high), or undercut (a low)."""

    days_ago: int
    """Trading days before the day; 1 is the trading day before it."""
    price_usd: float


class SymbolDay(Wire, array_like=True, frozen=True):
    """All that is known of a symbol before a trading day; None is unknown.

    Prices and numbers of shares are adjusted for the splits that are effective up to and including
    that day, so that they compare with its tape.
    """

    symbol: str
    previous_close_usd: float | None = None
    """Official close of the last day on which the symbol traded; so are the four below, of that day."""
    previous_open_usd: float | None = None
    previous_high_usd: float | None = None
    previous_low_usd: float | None = None
    previous_volume_shares: float | None = None
    previous_vwap_usd: float | None = None
    average_volume_shares: float | None = None
    """Mean of up to 30 full trading days before the day: never of the day itself, never of half days."""
    average_days: int = 0
    """How many days the average is of."""
    atr_usd: float | None = None
    """Average true range, Wilder's over 14 daily bars; None under 15 days."""
    highs: list[Stair] = field(default_factory=list)
    """Going back in time, each day whose high exceeds that of every later day."""
    lows: list[Stair] = field(default_factory=list)
    """Going back in time, each day whose low undercuts that of every later day."""
    history_days: int = 0
    """Trading days before the day of which anything is held: how far `highs` and `lows` reach."""
    free_float_shares: float | None = None
    float_day: str | None = None
    """When the free float became effective (ISO date)."""
    shares_outstanding: float | None = None
    name: str | None = None
    exchange: str | None = None
    """Market identifier code of the primary listing: `XNAS`."""
    kind: str | None = None
    """The vendor's type: `CS` a common stock, `ETF`, `WARRANT`."""
    split_factor: float = 1.0
    """Shares after the split of this very day for each one before it; 1 without a split."""
    renamed_from: str | None = None
    """The ticker under which part of the history was traded."""


class ReferenceDay(Wire, array_like=True, frozen=True):
    """What is known before a trading day of the symbols of a partition; put again as it gets more."""

    trading_day: str
    partition: int
    complete: bool
    """Whether all of it is there that is asked for in bulk."""
    symbols: list[SymbolDay]


class VolumeCurve(Wire, array_like=True, frozen=True):
    """How the volume of an average day of a symbol grows, minute by minute."""

    symbol: str
    asof_day: str
    """The days averaged are before it (ISO date)."""
    days: int
    """How many days the average is of."""
    cumulative_shares: bytes
    """960 little-endian float32: at m, the volume from 04:00 New York to the end of minute m; the last is the whole day."""


PartName = Literal["daily", "float", "shares", "name", "splits", "events", "curve"]


class Part(Wire, frozen=True):
    """Whether something was found, and when."""

    state: Literal["value", "absent", "failed"]
    """`absent`: the vendor has none. `failed`: not known, and worth another question."""
    asof_ms: float
    """When the vendor said so, epoch milliseconds."""


class Extremes(Wire, frozen=True):
    """Highest high and lowest low of some trading days before the day."""

    days: int
    high_usd: float
    low_usd: float


class Reference(Wire, frozen=True):
    """All that is known of a symbol before a trading day, for people; see `SymbolDay` for the meanings."""

    symbol: str
    trading_day: str
    name: str | None = None
    exchange: str | None = None
    kind: str | None = None
    previous_close_usd: float | None = None
    average_volume_shares: float | None = None
    atr_usd: float | None = None
    free_float_shares: float | None = None
    float_day: str | None = None
    shares_outstanding: float | None = None
    split_factor: float = 1.0
    renamed_from: str | None = None
    renamed_day: str | None = None
    """The first day of the new ticker (ISO date)."""
    extremes: list[Extremes] = field(default_factory=list)
    """Of 5, 20 and 252 trading days, where the history reaches."""
    parts: dict[PartName, Part] = field(default_factory=dict)
    """A part that is left out was not asked for yet."""


class LoadedParts(Wire, frozen=True):
    """How far the bulk parts of a trading day have come: put after the values that it speaks of."""

    trading_day: str
    parts: dict[PartName, Part]
