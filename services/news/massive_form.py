"""Articles as the vendor Massive lists them over REST, and what they are in our shape."""

from collections import Counter
from datetime import datetime

from msgspec import Raw, field

from schemas.news import Company, Sentiment
from schemas.wire import Wire, json_decoder
from services.news.draft import Draft, epoch_ms, sentiment_of


VENDOR = "massive"


class _Publisher(Wire, frozen=True):
    name: str | None = None


class _Insight(Wire, frozen=True):
    ticker: str | None = None
    sentiment: str | None = None


class _Article(Wire, frozen=True):
    title: str
    published: datetime = field(name="published_utc")
    number: str | None = field(name="id", default=None)
    link: str | None = field(name="article_url", default=None)
    publisher: _Publisher | None = None
    summary: str | None = field(name="description", default=None)
    image: str | None = field(name="image_url", default=None)
    tickers: list[str] | None = None
    keywords: list[str] | None = None
    insights: list[_Insight] | None = None
    last_updated: datetime | None = None


class Answer(Wire, frozen=True):
    """A page of the list; its articles stay as they came."""

    results: list[Raw] = field(default_factory=list)


class Stamp(Wire, frozen=True):
    """When an article of the list was published."""

    published_utc: datetime


_decode = json_decoder(_Article).decode


def read(payload: bytes, received_ms: int) -> Draft:
    """What *payload* says.

    Raises:
        DecodeError: it is no article of this vendor.
    """
    found = _decode(payload)
    published_ms = epoch_ms(found.published)
    return Draft(
        vendor=VENDOR,
        number=found.number,
        published_ms=published_ms,
        revised_ms=published_ms if found.last_updated is None else epoch_ms(found.last_updated),
        received_ms=received_ms,
        source=(found.publisher.name if found.publisher else None) or "",
        title=found.title,
        summary=found.summary or "",
        link=found.link,
        images=[found.image] if found.image else [],
        companies=[Company(ticker) for ticker in found.tickers or ()],
        sentiment=_overall(found.insights or []),
        confidence=None,
        language="en",
        countries=[],
        categories=found.keywords or [],
    )


def _overall(insights: list[_Insight]) -> Sentiment | None:
    """What most of what is said of single tickers comes to; neutral if there are as many for as against."""
    words = (sentiment_of(each.sentiment) for each in insights)
    said: Counter[Sentiment] = Counter(word for word in words if word is not None)
    if not said:
        return None
    most = said.most_common()
    return "neutral" if len(most) > 1 and most[0][1] == most[1][1] else most[0][0]
