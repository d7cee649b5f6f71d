"""What the mesh asks its vendor for people: questions on `vendor.{what}`, and the values that clients get as JSON.

Times are epoch milliseconds, days are ISO dates; None is unknown.
"""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from schemas.naming import is_symbol
from schemas.wire import Wire


class What(StrEnum):
    """What can be asked about a symbol."""

    BARS = "bars"
    COMPANY = "company"
    LOGO = "logo"
    SHORT_INTEREST = "short-interest"
    SHORT_VOLUME = "short-volume"
    SPLITS = "splits"
    FILINGS = "filings"
    TICKER_EVENTS = "ticker-events"


class Interval(StrEnum):
    """How long a bar is."""

    SECOND = "1s"
    MINUTE = "1m"
    MINUTES_5 = "5m"
    MINUTES_15 = "15m"
    HOUR = "1h"
    HOURS_4 = "4h"
    DAY = "1d"
    WEEK = "1w"


MOST_BARS = 50_000
USUAL_BARS = 5_000
MOST_DAYS = 20_000
LAST_MS = 4_102_444_800_000
"""The year 2100."""


def is_askable(symbol: str) -> bool:
    """Whether *symbol* can be asked about; dots alone would be another place in the vendor's paths."""
    return is_symbol(symbol) and symbol.strip(".") != ""


class Question(Wire, frozen=True):
    """About one symbol."""

    symbol: str


class LogoQuestion(Wire, frozen=True):
    """A picture of a company."""

    symbol: str
    kind: Literal["logo", "icon"] = "logo"


class BarsQuestion(Wire, frozen=True):
    """Bars that begin at `from_ms` or later, and before `to_ms`."""

    symbol: str
    interval: Interval
    from_ms: Annotated[int, Meta(ge=0, le=LAST_MS)] | None = None
    """None: as many days before the end as `days` says, or as is usual for the interval."""
    to_ms: Annotated[int, Meta(ge=0, le=LAST_MS)] | None = None
    """None: up to now."""
    days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_BARS)] = USUAL_BARS
    """The newest so many."""
    adjusted: bool = True
    """As if every split had happened before."""


class VendorAnswer(Wire, frozen=True):
    """What came of a question."""

    state: Literal["value", "absent", "failed", "wrong", "busy"]
    """`absent`: the vendor has none. `failed`: it did not say. `wrong`: there is no such question. `busy`: too many at once."""
    message: str = ""
    """Why there is no value, for people."""
    body: bytes = b""
    """The value: JSON, or a picture."""
    media_type: str = "application/json"
    fresh_s: float = 0.0
    """So long it need not be asked again."""


class Bars(Wire, frozen=True):
    """Bars in columns, oldest first: the nth of each column is of the nth bar."""

    symbol: str
    interval: Interval
    adjusted: bool
    asof_ms: int
    """When the newest of them were asked for."""
    is_cut: bool
    """Whether older bars of the range were left out."""
    start_ms: list[int]
    open_usd: list[float]
    high_usd: list[float]
    low_usd: list[float]
    close_usd: list[float]
    volume_shares: list[float]
    vwap_usd: list[float | None]
    trades: list[int | None]


class Company(Wire, frozen=True):
    """Who is behind a symbol."""

    symbol: str
    asof_ms: int
    name: str | None
    description: str | None
    homepage_url: str | None
    """http or https, nothing else."""
    logo: str | None
    """Path of `/v1/logo` for the picture, if there is one."""
    icon: str | None
    exchange: str | None
    """Market identifier code: `XNAS`."""
    kind: str | None
    """The vendor's type: `CS` a common stock, `ETF`, `WARRANT`."""
    industry: str | None
    listed_day: str | None
    market_cap_usd: float | None
    shares_outstanding: float | None
    employees: int | None
    phone: str | None
    city: str | None
    state: str | None
    cik: str | None
    figi: str | None


class ShortInterestRow(Wire, frozen=True):
    """Shares sold short and not yet bought back on a day of settlement."""

    day: str
    short_shares: float | None
    average_volume_shares: float | None
    days_to_cover: float | None


class ShortInterest(Wire, frozen=True):
    """Short interest, newest first."""

    symbol: str
    asof_ms: int
    rows: list[ShortInterestRow]


class ShortVolumeRow(Wire, frozen=True):
    """Shares sold short on a day, as reported off the exchanges."""

    day: str
    short_shares: float | None
    exempt_shares: float | None
    total_shares: float | None
    short_pct: float | None
    """Of the total."""
    nyse_short_shares: float | None
    nasdaq_carteret_short_shares: float | None
    nasdaq_chicago_short_shares: float | None
    adf_short_shares: float | None


class ShortVolume(Wire, frozen=True):
    """Short volume, newest first."""

    symbol: str
    asof_ms: int
    rows: list[ShortVolumeRow]


class SplitRow(Wire, frozen=True):
    """`to_shares` for each `from_shares` before."""

    day: str
    from_shares: float
    to_shares: float
    kind: str | None
    """`forward_split`, `reverse_split` or `stock_dividend`."""


class Splits(Wire, frozen=True):
    """Splits, newest first; those to come are among them."""

    symbol: str
    asof_ms: int
    rows: list[SplitRow]


Impact = Literal["high", "medium", "low"]


class FilingRow(Wire, frozen=True):
    """What was filed with the SEC."""

    day: str
    form: str
    impact: Impact
    """How likely such a form is to move the price."""
    issuer: str | None
    accession: str | None
    index_url: str | None
    """The SEC's page of the filing."""
    text_url: str | None
    """The filing itself."""


class Filings(Wire, frozen=True):
    """Filings, newest first."""

    symbol: str
    asof_ms: int
    rows: list[FilingRow]


class TickerEventRow(Wire, frozen=True):
    """From a day on the listing was traded as `symbol`."""

    day: str
    kind: str
    """`ticker_change`."""
    symbol: str | None


class TickerEvents(Wire, frozen=True):
    """Changes of a ticker, newest first; the oldest is the one that it was listed under."""

    symbol: str
    asof_ms: int
    name: str | None
    rows: list[TickerEventRow]
