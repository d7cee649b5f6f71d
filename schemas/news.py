"""Articles: what is written about symbols or the market, in one shape whoever it came from."""

from typing import Literal

import msgspec
from msgspec import field

from schemas.wire import Wire


Sentiment = Literal["positive", "neutral", "negative"]
Impact = Literal["high", "medium", "low"]


class Company(Wire, frozen=True):
    """A company that an article is about; None is not said."""

    ticker: str
    name: str | None = None
    exchange: str | None = None
    """Market identifier code of the listing: `XNAS`."""


class Article(Wire, frozen=True):
    """One version of an article. As JSON the payload of `news.{SYM}` and `news.market`.

    Texts are plain: without markup, control characters or invisible ones, and bounded. Links lead to
    http or https alone. `id` and `revision` name a version: a greater revision replaces what came
    before under the same id.
    """

    id: str
    """Follows from the link; from what else identifies it where there is none."""
    revision: int
    """1, 2, … in the order in which they were taken."""
    published_ms: int
    """When it was first published, epoch milliseconds UTC."""
    revised_ms: int
    """When this version was written; `published_ms` of one that was never revised."""
    received_ms: int
    """When this version reached us."""
    vendor: str
    """Who delivered it: `finlight` or `massive`."""
    source: str
    """Who published it."""
    title: str
    summary: str = ""
    link: str | None = None
    """None if there is none that a browser may follow."""
    images: list[str] = field(default_factory=list)
    """Links."""
    tickers: list[str] = field(default_factory=list)
    """Symbols that it is about, sorted; empty: the market as a whole."""
    companies: list[Company] = field(default_factory=list)
    """Of those tickers that the vendor names companies of."""
    sentiment: Sentiment | None = None
    confidence: float | None = None
    """Of the sentiment, 0 to 1."""
    impact: Impact = "low"
    """What news of its topic usually does to a price."""
    topic: str | None = None
    """What it is about: `merger`, `earnings`, …; None for no topic that moves prices."""
    language: str | None = None
    countries: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)


class Latest(Wire, frozen=True):
    """The value of KV `news` `latest`: the newest articles, newest first, and where the older ones are."""

    sequence: int
    """Of stream `NEWS`, up to which articles are in here."""
    pages: int
    """Full pages that were made so far; page n is at `latest.{n modulo 200, three digits}`."""
    articles: list[Article]


class Page(Wire, frozen=True):
    """The value of KV `news` `latest.{number}`: articles before those in `latest`, newest first."""

    number: int
    articles: list[Article]


class OfSymbol(Wire, frozen=True):
    """The value of KV `news` `{SYM}`: the newest articles about a symbol, by the time of publication."""

    symbol: str
    sequence: int
    """Of stream `NEWS`, up to which articles are in here."""
    articles: list[Article]


Category = Literal[
    "markets", "economy", "business", "politics", "geopolitics", "regulation", "technology", "energy", "commodities",
    "crypto", "health", "climate", "security",
]  # fmt: skip
"""Of articles, as Finlight names them."""


class Filters(Wire, frozen=True, forbid_unknown_fields=True):
    """Which articles the vendor Finlight is asked for; None does not filter."""

    query: str | None = None
    tickers: list[str] | None = None
    sources: list[str] | None = None
    exclude_sources: list[str] | None = None
    opt_in_sources: list[str] | None = None
    language: str | None = None
    countries: list[str] | None = None
    categories: list[Category] | None = None


def parse_filters(text: str) -> Filters:
    """The filters that *text*, a JSON object, asks for.

    Raises:
        ValueError: it is no such object.
    """
    return msgspec.json.decode(text, type=Filters)
