"""The market-data vendor's news over REST: the newest articles, each with the tickers that it is about."""

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
        ticker = asked(request).get("ticker")
        stories = list(newsroom.published)
        rows = [_article(story) for story in stories if not ticker or _ticker(story) == ticker]
        return page(request, rows, usual=10, most=1000, applied="ticker")

    return [news]


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
