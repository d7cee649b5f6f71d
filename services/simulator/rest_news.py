"""The market-data vendor's news over REST: the newest articles, each with the tickers that it is about."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from services.simulator.finlight import iso
from services.simulator.newsroom import Newsroom, Story
from services.simulator.paging import Row, asked, page


def routes(newsroom: Newsroom) -> list[HTTPRouteHandler]:
    """The handler of news."""

    @get("/v2/reference/news", sync_to_thread=True)
    def news(request: Request[Any, Any, Any]) -> Response[bytes]:
        return page(request, _rows(request, newsroom), usual=10, most=1000, applied="ticker")

    return [news]


def _rows(request: Request[Any, Any, Any], newsroom: Newsroom) -> Iterator[Row]:
    """Of the ticker that is asked for, or of all and none."""
    try:
        ticker = asked(request).get("ticker")
    except ValueError:
        return  # `page` refuses it
    for story in list(newsroom.published):
        if not ticker or _ticker(story) == ticker:
            yield _article(story)


def _ticker(story: Story) -> str:
    return story.about.ticker if story.about is not None else ""


def _article(story: Story) -> Row:
    tickers = [_ticker(story)] if story.about is not None else []
    return {
        "id": sha256(story.link.encode()).hexdigest(),
        "publisher": {"name": story.source, "homepage_url": f"https://{story.source}/"},
        "title": story.title,
        "author": "Staff",
        "published_utc": iso(story.time_ms),
        "article_url": story.link,
        "tickers": tickers,
        "image_url": f"https://{story.source}/images/{story.number}.jpg",
        "description": story.summary,
        "keywords": [story.category],
        "insights": [
            {"ticker": ticker, "sentiment": story.sentiment, "sentiment_reasoning": story.summary}
            for ticker in tickers
        ],
    }
