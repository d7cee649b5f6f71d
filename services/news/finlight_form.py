"""Articles as the vendor Finlight sends them, and what they are in our shape.

Only the link, the title and the time are asked for; everything else may be missing or null.
"""

from datetime import datetime

from msgspec import field

from schemas.news import Company
from schemas.wire import DecodeError, Wire, json_decoder
from services.news.draft import Draft, epoch_ms, sentiment_of
from services.news.tickers import US_EXCHANGES


VENDOR = "finlight"


class _Listing(Wire, frozen=True):
    ticker: str
    exchange: str | None = field(name="exchangeCode", default=None)


class _Company(Wire, frozen=True):
    name: str | None = None
    ticker: str | None = None
    exchange: str | None = None
    primary: _Listing | None = field(name="primaryListing", default=None)
    others: list[_Listing] | None = field(name="otherListings", default=None)


class _Article(Wire, frozen=True):
    title: str
    published: datetime = field(name="publishDate")
    link: str | None = None
    source: str | None = None
    language: str | None = None
    summary: str | None = None
    images: list[str] | None = None
    created: datetime | None = field(name="createdAt", default=None)
    revised: datetime | None = field(name="revisedDate", default=None)
    is_update: bool | None = field(name="isUpdate", default=None)
    categories: list[str] | None = None
    sentiment: str | None = None
    confidence: float | str | None = None
    countries: list[str] | None = None
    companies: list[_Company] | None = None


_decode = json_decoder(_Article).decode


def read(payload: bytes, received_ms: int) -> Draft:
    """What *payload* says.

    Raises:
        DecodeError: it is no article of this vendor.
    """
    found = _decode(payload)
    published_ms = epoch_ms(found.published)
    revised = found.revised or (found.created if found.is_update else None)
    return Draft(
        vendor=VENDOR,
        number=None,
        published_ms=published_ms,
        revised_ms=published_ms if revised is None else epoch_ms(revised),
        received_ms=received_ms,
        source=found.source or "",
        title=found.title,
        summary=found.summary or "",
        link=found.link,
        images=found.images or [],
        companies=[each for company in found.companies or () for each in _listings(company)],
        sentiment=sentiment_of(found.sentiment),
        confidence=_number(found.confidence),
        language=found.language,
        countries=found.countries or [],
        categories=found.categories or [],
    )


def _listings(company: _Company) -> list[Company]:
    """Where a company is listed in the United States; one listing, the primary one if it is there."""
    listings = [company.primary] if company.primary is not None else []
    listings += company.others or []
    for each in listings:
        if each.exchange in US_EXCHANGES and each.ticker:
            return [Company(each.ticker, company.name, each.exchange)]
    if not listings and company.ticker and company.exchange in US_EXCHANGES:
        return [Company(company.ticker, company.name, company.exchange)]
    return []


def _number(given: float | str | None) -> float | None:
    """A confidence, which also comes as text."""
    try:
        number = float(given) if given is not None else None
    except ValueError as error:
        raise DecodeError(f"confidence must be a number, was {given!r:.50}") from error
    return number if number is not None and 0.0 <= number <= 1.0 else None
