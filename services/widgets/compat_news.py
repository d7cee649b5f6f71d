"""Articles under their old names: the latest, those of each ticker, and each new one as it comes."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from mesh.connection import Connection
from mesh.stream import follow
from schemas.naming import NEWS_OF_ALL, NEWS_STREAM
from schemas.news import Article, Company
from schemas.wire import DecodeError, encode_json, json_decoder
from services.widgets.compat_names import Kind, Name, parse


FEED = "news:feed:latest"
_TICKER = "news:ticker:"
_MOST = {FEED: 10_000}
_MOST_OF_TICKER = 100
"""As in the old system, both."""

_decode = json_decoder(Article).decode


class News:
    """The articles of stream `NEWS`; *deliver* is called with each that comes after all that there were are known.

    A revision takes the place of the version before it in a list, and is delivered like an article: the
    old pages know articles by their links.
    """

    def __init__(self, connection: Connection, deliver: Callable[[Name, str], None]) -> None:
        self.number = 0
        """Of the newest version of an article."""
        self.rejected = 0
        """Messages that were no articles, and were left out."""
        self._connection = connection
        self._deliver = deliver
        self._lists: dict[str, dict[str, tuple[int, str]]] = {}
        """By name and id of the article, oldest first: the number of its version, and its value."""

    async def run(self, loaded: asyncio.Event) -> None:
        """Take articles for ever; *loaded* is set when all that there were are known."""
        async for stored in follow(self._connection, NEWS_STREAM, NEWS_OF_ALL, 0):
            for each in stored:
                try:
                    self._take(_decode(each.payload), is_new=loaded.is_set())
                except DecodeError:
                    self.rejected += 1
            if not stored:
                loaded.set()

    def newest(self, name: str, limit: int) -> list[str]:
        """The newest *limit* (0: all) articles of *name*, newest first."""
        values = reversed(self._lists.get(name, {}).values())
        return [value for _, value in islice(values, limit or None)]

    def since(self, name: str, number: int) -> list[str]:
        """Articles of *name* that came after the version that was *number*, oldest first."""
        later = sorted(each for each in self._lists.get(name, {}).values() if each[0] > number)
        return [value for _, value in later]

    def _take(self, article: Article, *, is_new: bool) -> None:
        self.number += 1
        frame = encode_json(old(article)).decode()
        for text in (FEED, *(f"{_TICKER}{ticker}" for ticker in article.tickers)):
            name = parse(text)
            if name is None or name.kind is not Kind.NEWS:
                continue
            held = self._lists.setdefault(text, {})
            held[article.id] = (self.number, frame)
            if len(held) > _MOST.get(text, _MOST_OF_TICKER):
                del held[next(iter(held))]
            if is_new:
                self._deliver(name, frame)


def old(article: Article) -> dict[str, Any]:
    """The fields that the old pages read, as the vendor named them; what is unknown is null."""
    known = {each.ticker: each for each in article.companies}
    return {
        "title": article.title,
        "summary": article.summary,
        "link": article.link or f"#{article.id}",  # lists are without duplicates by it
        "source": article.source,
        "publishDate": _iso(article.published_ms),
        "revisedDate": None if article.revision == 1 else _iso(article.revised_ms),
        "isUpdate": article.revision > 1,
        "language": article.language,
        "images": article.images,
        "sentiment": article.sentiment,
        "confidence": article.confidence,
        "categories": article.categories,
        "countries": article.countries,
        "companies": [_company(known.get(each, Company(each))) for each in article.tickers],
    }


def _company(company: Company) -> dict[str, Any]:
    listing = {
        "ticker": company.ticker, "exchangeCode": company.exchange, "exchangeCountry": "US",
    }  # fmt: skip
    return {
        "ticker": company.ticker,
        "name": company.name or company.ticker,
        "exchange": company.exchange,
        "primaryListing": listing,
    }


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).isoformat().replace("+00:00", "Z")
