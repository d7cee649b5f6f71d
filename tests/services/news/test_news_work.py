"""The program on a real broker: what becomes of each kind of article, and of processes that die."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mesh import direct
from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.naming import NEWS_OF_ALL, NEWS_STREAM
from services.news.service import serve
from tests.mesh.programs import RunningProgram, mesh_run, running_program
from tests.services.listener.programs import Told, running
from tests.services.news.tape import (
    PUBLISHED_MS,
    company,
    finlight,
    latest,
    of_symbol,
    put,
    stored,
    until_finished,
    until_stored,
)


pytestmark = [pytest.mark.broker, pytest.mark.slow]

LATER = "2026-01-05T14:40:00Z"


async def _dealt_with(connection: Connection, told: Told) -> None:
    await eventually(lambda: told.facts)
    await until_finished(connection)


async def test_an_article_reaches_its_symbols_and_the_market(
    settings: Settings, connection: Connection
) -> None:
    """Each symbol that it is about, and the whole market once."""
    article = finlight(companies=[company("AAPL"), company("BRK.B", "XNYS"), company("SAP", "XETR")])  # fmt: skip
    async with running(serve, settings):
        await put(connection, article)
        [found] = await until_stored(connection, 1)
        of_one = await until_stored(connection, 1, "news.BRK/B")

    assert of_one == [found]
    assert (found.title, found.tickers, found.revision) == ("Title 1", ["AAPL", "BRK.B"], 1)
    assert (found.published_ms, found.revised_ms) == (PUBLISHED_MS, PUBLISHED_MS)
    assert await stored(connection, "news.SAP") == []


async def test_an_article_about_nobody_is_of_the_market_alone(
    settings: Settings, connection: Connection
) -> None:
    """It has no symbol, so only whoever follows all news sees it."""
    async with running(serve, settings):
        await put(connection, finlight(title="Oil steadies; CEO and FDA are no tickers"))
        [found] = await until_stored(connection, 1)

    assert found.tickers == []
    assert len(await direct.every(connection, NEWS_STREAM, "news.>")) == 1


async def test_a_duplicate_is_published_once(settings: Settings, connection: Connection) -> None:
    """Also from another vendor, and with other bytes."""
    async with running(serve, settings) as told:
        await put(connection, finlight(companies=[company("AAPL")]))
        await put(connection, finlight(companies=[company("AAPL")], sentiment="neutral"))
        other = {"id": "x", "title": "Same", "published_utc": "2026-01-05T14:30:00Z",
                 "article_url": "https://wire.example/1?utm_source=y", "tickers": ["AAPL"]}  # fmt: skip
        await put(connection, other, "massive")
        await _dealt_with(connection, told)

        assert len(await stored(connection, "news.>")) == 2

    assert told.counters["articles"] == {"new": 1, "duplicate": 2}


async def test_a_revision_takes_the_place_of_the_version_before(
    settings: Settings, connection: Connection
) -> None:
    """It is published as the second version of the same article, and lists hold it alone."""
    async with running(serve, settings) as told:
        await put(connection, finlight(companies=[company("AAPL")]))
        await until_finished(connection)
        await put(connection, finlight(title="Corrected", revisedDate=LATER, companies=[company("AAPL")]))  # fmt: skip
        first, second = await until_stored(connection, 2)

        async def listed() -> list[str]:
            return [each.title for each in await of_symbol(connection, "AAPL")]

        await eventually(listed, lambda found: found == ["Corrected"])  # type: ignore[arg-type]
        head = await latest(connection)

    assert (first.id, first.revision, second.revision) == (second.id, 1, 2)
    assert second.published_ms == first.published_ms < second.revised_ms
    assert head is not None
    assert [each.title for each in head.articles] == ["Corrected"]
    assert told.counters["articles"] == {"new": 1, "revised": 1}


async def test_an_older_version_changes_nothing(settings: Settings, connection: Connection) -> None:
    """The newer one came first: the older is stale."""
    async with running(serve, settings) as told:
        await put(connection, finlight(title="Corrected", revisedDate=LATER))
        await until_finished(connection)
        await put(connection, finlight())
        await _dealt_with(connection, told)

        assert [each.title for each in await stored(connection)] == ["Corrected"]

    assert told.counters["articles"] == {"new": 1, "stale": 1}


async def test_a_late_article_goes_where_its_time_is(
    settings: Settings, connection: Connection
) -> None:
    """A symbol's list is by the time of publication, whenever an article came."""
    async with running(serve, settings):
        for number, hour in enumerate((14, 16, 15)):
            published = f"2026-01-05T{hour}:00:00Z"
            await put(connection, finlight(number, publishDate=published, companies=[company("A")]))
            await until_finished(connection)

        async def titles() -> list[str]:
            return [each.title for each in await of_symbol(connection, "A")]

        await eventually(titles, lambda found: found == ["Title 1", "Title 2", "Title 0"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"title":"T"}', b'{"title":5,"publishDate":"x"}',
     b'{"title":"T","publishDate":"yesterday"}', b"[" * 10_000,
     b'{"title":"<b></b>\\u0000","publishDate":"2026-01-05T14:30:00Z"}'],
)  # fmt: skip
async def test_what_is_no_article_is_counted_and_holds_nothing_up(
    settings: Settings, connection: Connection, payload: bytes
) -> None:
    """It is never given out again, and the next one is published."""
    async with running(serve, settings) as told:
        await put(connection, payload)
        await put(connection, finlight())
        assert len(await until_stored(connection, 1)) == 1
        await _dealt_with(connection, told)

    assert told.counters["rejected"] == 1
    assert len(told.said("article.rejected")) == 1


async def test_a_huge_article_is_cut(settings: Settings, connection: Connection) -> None:
    """Of a megabyte, what leaves is a few kilobytes; lists hold fifty of them without growing too large."""
    huge = finlight(title="<b>word</b> " * 30_000, summary="sum\u0000mary " * 60_000,
                    images=[f"https://i.example/{'x' * 700}"] * 500,
                    categories=["c" * 1000] * 100, countries=["US"] * 1000)  # fmt: skip
    async with running(serve, settings):
        await put(connection, huge)
        [found] = await until_stored(connection, 1)
        [message] = await direct.every(connection, NEWS_STREAM, NEWS_OF_ALL)

    assert len(message.payload) < 6000
    assert found.title.startswith("word word")
    assert found.title.endswith("…")


async def test_markup_never_leaves(settings: Settings, connection: Connection) -> None:
    """What a page would take for a tag, a script or a link that runs is gone from every field."""
    nasty = (
        "&lt;img src=x onerror=alert(1)&gt;<script>alert(2)</script>Hello <b>world</b>\u202e\x07"
    )
    article = finlight(title=nasty, summary=nasty, source=nasty, link="javascript:alert(3)",
                       images=["data:text/html,x", "https://ok.example/1.png"],
                       companies=[company("AAPL", name=nasty)], categories=[nasty])  # fmt: skip
    async with running(serve, settings):
        await put(connection, article)
        [found] = await until_stored(connection, 1)
        [message] = await direct.every(connection, NEWS_STREAM, NEWS_OF_ALL)

    assert (found.title, found.summary, found.source) == ("Hello world",) * 3
    assert (found.link, found.images) == (None, ["https://ok.example/1.png"])
    assert found.companies[0].name == "Hello world"
    assert not any(each in message.payload for each in (b"<", b">", b"script", b"onerror", b"\\u"))


async def _owned(program: RunningProgram) -> list[str]:
    return list((await program.until(ready=True)).facts["roles"])


async def test_two_share_the_work_and_one_that_is_killed_loses_and_doubles_nothing(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    """Every article is published exactly once per symbol and once for all, by its sequences and ids."""
    total = 600
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(running_program(mesh_run("news"), settings, tmp_path / f"{name}.log"))
            for name in ("one", "other")
        ]  # fmt: skip
        await asyncio.gather(one.until(ready=True), other.until(ready=True))

        async def both_have_a_role() -> bool:
            roles = [*await _owned(one), *await _owned(other)]
            return sorted(roles) == ["listener", "lists"] and len(await _owned(one)) == 1

        await eventually(both_have_a_role, timeout_s=20.0)  # type: ignore[arg-type]
        for number in range(total):
            await put(
                connection, finlight(number, companies=[company("AAPL"), company("F", "XNYS")])
            )
            if number == total // 2:
                one.process.kill()
        await one.process.wait()
        await until_finished(connection)
        await until_stored(connection, total)

        async def listed() -> int:
            head = await latest(connection)
            return 0 if head is None else len(head.articles) + 50 * head.pages

        await eventually(listed, lambda count: count == total, timeout_s=20.0)  # type: ignore[arg-type]
    messages = await direct.every(connection, NEWS_STREAM, "news.>")

    ids = [message.headers["Nats-Msg-Id"] for message in messages]
    assert len(ids) == len({*ids}) == 3 * total
    assert [each.sequence for each in messages] == list(range(1, 3 * total + 1))
    assert {each.title for each in await stored(connection)} == {f"Title {n}" for n in range(total)}
    counted = [record["articles"] for record in other.said("service.stopped")]
    assert 0 < counted[0]["new"] < total
