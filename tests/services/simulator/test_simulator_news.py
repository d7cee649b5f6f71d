"""Simulated news: stories that fit who moves, the same from the same seed, over both vendors' protocols."""

import asyncio
from typing import Any

from massive import RESTClient

from services.simulator.finlight import Query
from services.simulator.market import Market, start_of
from services.simulator.newsroom import Newsroom, Story
from services.simulator.synthetic import SyntheticCatalogue
from tests.services.news.newsroom import KEY, vendors


SYMBOLS = 600


def _market() -> tuple[Market, Newsroom]:
    market = Market(
        seed=3, symbols=SYMBOLS, start_ms=start_of("2026-01-05T09:29:00"), trades_a_s=20.0
    )
    return market, Newsroom(market, SyntheticCatalogue(market, 3).tickers, 3)


def _stories(seconds: int) -> tuple[Market, list[Story]]:
    """What comes out in so many seconds, asked for once a second."""
    market, room = _market()
    events, stories = iter(market), list(room.published)
    end_ms = market.now_ms + 1000 * seconds
    while market.now_ms < end_ms:
        now_ms = market.now_ms
        while market.now_ms == now_ms:
            next(events)
        stories += room.due()
    return market, stories


def test_same_seed_writes_the_same_stories() -> None:
    """In order of their time, each link with one story."""
    _, one = _stories(120)
    _, other = _stories(120)

    assert one == other
    live = [story.due_ms for story in one if story.due_ms > start_of("2026-01-05T09:29:00")]
    assert len(live) > 15


def test_whoever_runs_or_gaps_has_a_reason() -> None:
    """Good news before the run begins; good or bad by the direction of the gap, before the open."""
    market, stories = _stories(300)
    about = {story.about.ticker: story for story in reversed(stories) if story.about is not None}
    begun = [each for each in market.runners if each.from_ms <= market.now_ms]

    assert begun
    for runner in begun:
        told = [each for each in stories if each.about and each.about.ticker == runner.listing.sym]
        assert any(each.time_ms < runner.from_ms and each.sentiment == "positive" for each in told)
    assert {each.sym for each in market.gappers} <= set(about)


def test_stories_are_revised_repeated_and_about_nobody() -> None:
    """All that a reader of news must bear: a revision has the link of its story."""
    _, stories = _stories(900)
    first: dict[int, Story] = {}
    for story in stories:
        first.setdefault(story.number, story)
    revised = [story for story in stories if story.revised_ms is not None]

    assert revised
    assert all(story.link == first[story.number].link for story in revised)
    assert len(stories) - len(revised) > len(first)
    assert any(story.about is None for story in stories)
    assert any("<" in story.title or "&" in story.title for story in stories)


def test_filters_of_the_vendor() -> None:
    """Each alone lets through what fits; revisions come to those who ask for them."""
    _, stories = _stories(600)

    def passed(**chosen: Any) -> list[Story]:
        return [story for story in stories if Query(include_updates=True, **chosen).wants(story)]

    ticker = next(story.about.ticker for story in stories if story.about)
    assert len(passed()) == len(stories)
    assert {story.about.ticker for story in passed(tickers=[ticker]) if story.about} == {ticker}
    assert {story.category for story in passed(categories=["health"])} == {"health"}
    assert {story.source for story in passed(sources=["www.example-markets.com"])} == {"www.example-markets.com"}  # fmt: skip
    assert "www.example-markets.com" not in {each.source for each in passed(exclude_sources=["www.example-markets.com"])}  # fmt: skip
    assert 0 < len(passed(query="conference")) < len(stories)
    assert passed(language="de") == passed(countries=["FR"]) == []
    assert all(Query().wants(story) == (story.revised_ms is None) for story in stories)


async def test_massive_lists_news_for_its_own_client() -> None:
    """Newest first, from an instant on, of one ticker, page after page."""
    async with vendors() as room:
        room.play(60)
        room.newsroom.due()
        client = RESTClient(KEY, base=f"http://127.0.0.1:{room.rest_port}")

        def listed(**query: Any) -> list[Any]:
            return list(client.list_ticker_news(order="desc", sort="published_utc", **query))

        found = await asyncio.to_thread(listed, limit=5)
        of_one = await asyncio.to_thread(listed, ticker=next(each.tickers[0] for each in found if each.tickers))  # fmt: skip
        later = await asyncio.to_thread(listed, published_utc_gte=found[3].published_utc)

    assert len(found) == len(room.newsroom.published)
    times = [each.published_utc for each in found]
    assert times == sorted(times, reverse=True)
    assert of_one
    assert len({each.tickers[0] for each in of_one}) == 1
    assert len(later) == 4
    assert all(each.insights[0].sentiment in ("positive", "negative", "neutral") for each in found if each.tickers)  # fmt: skip
