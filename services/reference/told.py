"""The vendor's answers about one company, as far as they are read; what is missing is None, what is of a wrong type is refused."""

from typing import Generic, TypeVar

from msgspec import Struct

from schemas.wire import Wire, json_decoder
from services.reference.answers import Details, Events


RowT = TypeVar("RowT")


class Branding(Wire, frozen=True):
    """Where pictures are; to get them one must show the key."""

    logo_url: str | None = None
    icon_url: str | None = None


class Address(Wire, frozen=True):
    """Of the headquarters."""

    city: str | None = None
    state: str | None = None


class Company(Details, frozen=True):
    """A company, with what else is told of it."""

    name: str | None = None
    description: str | None = None
    homepage_url: str | None = None
    branding: Branding | None = None
    address: Address | None = None
    primary_exchange: str | None = None
    type: str | None = None
    sic_description: str | None = None
    list_date: str | None = None
    market_cap: float | None = None
    total_employees: int | None = None
    phone_number: str | None = None
    cik: str | None = None
    composite_figi: str | None = None


class ShortInterest(Wire, frozen=True):
    """Of a day of settlement."""

    settlement_date: str
    short_interest: float | None = None
    avg_daily_volume: float | None = None
    days_to_cover: float | None = None


class ShortVolume(Wire, frozen=True):
    """Of a day."""

    date: str
    short_volume: float | None = None
    exempt_volume: float | None = None
    total_volume: float | None = None
    nyse_short_volume: float | None = None
    nasdaq_carteret_short_volume: float | None = None
    nasdaq_chicago_short_volume: float | None = None
    adf_short_volume: float | None = None


class Split(Wire, frozen=True):
    """*split_to* shares for *split_from* before."""

    execution_date: str
    split_from: float
    split_to: float
    adjustment_type: str | None = None


class Filing(Wire, frozen=True):
    """A line of the SEC's index."""

    filing_date: str
    form_type: str
    issuer_name: str | None = None
    cik: str | None = None
    accession_number: str | None = None
    filing_url: str | None = None


class NamedEvents(Events, frozen=True):
    """All that happened to a listing, and its name."""

    name: str | None = None


class DetailsOf(Wire, frozen=True):
    """An answer about one ticker."""

    results: Company | None = None


class EventsOf(Wire, frozen=True):
    """An answer about one ticker."""

    results: NamedEvents | None = None


class List(Struct, Generic[RowT], frozen=True, gc=False):
    """The first page of a list."""

    results: list[RowT] | None = None


DETAILS = json_decoder(DetailsOf)
EVENTS = json_decoder(EventsOf)
SHORT_INTERESTS = json_decoder(List[ShortInterest])
SHORT_VOLUMES = json_decoder(List[ShortVolume])
SPLITS = json_decoder(List[Split])
FILINGS = json_decoder(List[Filing])
