"""News under the replaced system's names: what there was, and what comes."""

import pytest
from msgspec.structs import replace

from mesh.connection import Connection
from schemas.naming import NEWS_OF_ALL
from schemas.news import Article, Company
from schemas.wire import encode_json
from tests.services.widgets.compat_serving import serving


pytestmark = pytest.mark.broker

FEED = "news:feed:latest"
ARTICLE = Article(
    "a1", 1, 1_767_623_400_000, 1_767_623_400_000, 1_767_623_400_500, "finlight", "wire.example", "Name Corp & news",
    "Summary", "https://wire.example/1", ["https://wire.example/1.png"], ["BRK.B", "F"],
    [Company("BRK.B", "Berkshire", "XNYS")], "positive", 0.93, "high", "merger", "en", ["US"], ["markets"],
)  # fmt: skip


async def _publish(connection: Connection, article: Article) -> None:
    await connection.acknowledged(NEWS_OF_ALL, encode_json(article))


async def test_compat_articles_have_the_fields_that_old_pages_read(connection: Connection) -> None:
    """Title, link, time, sentiment, and companies with their listing, also those that nobody has named."""
    await _publish(connection, ARTICLE)
    async with serving(connection) as service, service.visiting() as client:
        found = await client.ask(action="get", cache=FEED, limit=1000)

    [article] = found["data"]
    listing = {"ticker": "BRK.B", "exchangeCode": "XNYS", "exchangeCountry": "US"}
    assert article["publishDate"] == "2026-01-05T14:30:00Z"
    assert (article["title"], article["link"]) == (ARTICLE.title, ARTICLE.link)
    assert (article["sentiment"], article["confidence"]) == ("positive", 0.93)
    assert article["companies"][0] == {"ticker": "BRK.B", "name": "Berkshire", "exchange": "XNYS", "primaryListing": listing}  # fmt: skip
    assert article["companies"][1]["ticker"] == article["companies"][1]["name"] == "F"


async def test_compat_news_comes_to_its_tickers_and_to_the_feed(connection: Connection) -> None:
    """Newest first as a cache, one by one as a feed; of a symbol only what is about it."""
    async with serving(connection) as service, service.visiting() as client:
        await service.until_loaded()
        for feed in (FEED, "news:ticker:BRK.B", "news:ticker:GME"):
            await client.ask(action="subscribe", feed=feed)
        await _publish(connection, ARTICLE)
        await _publish(connection, replace(ARTICLE, id="a2", title="Another", tickers=[]))
        heard = [(await client.hear())["title"] for _ in range(3)]
        caches = [
            [each["title"] for each in (await client.ask(action="get", cache=name))["data"]]
            for name in (FEED, "news:ticker:BRK.B", "news:ticker:GME")
        ]

    assert heard == [ARTICLE.title, ARTICLE.title, "Another"]
    assert caches == [["Another", ARTICLE.title], [ARTICLE.title], []]


async def test_compat_revision_takes_the_place_of_its_article(connection: Connection) -> None:
    """It is published, and the list has it once."""
    async with serving(connection) as service, service.visiting() as client:
        await client.ask(action="subscribe", feed=FEED)
        await service.until_loaded()
        await _publish(connection, ARTICLE)
        await _publish(connection, replace(ARTICLE, revision=2, title="Corrected"))
        heard = [await client.hear(), await client.hear()]
        found = await client.ask(action="get", cache=FEED)

    assert [each["isUpdate"] for each in heard] == [False, True]
    assert [each["title"] for each in found["data"]] == ["Corrected"]


async def test_compat_lists_are_as_long_as_they_were(connection: Connection) -> None:
    """A hundred of a ticker; of the feed as many as are asked for."""
    for number in range(130):
        await _publish(connection, replace(ARTICLE, id=f"a{number}", title=f"T{number}"))
    await connection.acknowledged(NEWS_OF_ALL, b"garbage")
    async with serving(connection) as service, service.visiting() as client:
        ticker = await client.ask(action="get", cache="news:ticker:F", limit=1000)
        feed = await client.ask(action="get", cache=FEED)
        few = await client.ask(action="get", cache=FEED, limit=3)

    assert [len(each["data"]) for each in (ticker, feed, few)] == [100, 130, 3]
    assert few["data"][0]["title"] == ticker["data"][0]["title"] == "T129"
