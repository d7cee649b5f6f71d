"""The vendor's own client against the simulator: every message of the server, and every end of a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
from finlight_client.models import ApiConfig, GetArticlesWebSocketParams
from finlight_client.websocket_client import WebSocketClient

from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import eventually
from services.news.finlight import Attempt
from services.news.reconnect import RULES, Ending, rule
from services.simulator import finlight
from tests.services.news.newsroom import KEY, Vendors, vendors


class Listening:
    """An attempt, what it took, and how it ended."""

    def __init__(self, settings: Settings) -> None:
        self.articles: list[dict[str, Any]] = []
        self.ending: Ending | None = None
        self.attempt = Attempt(settings, self._take, set_up("test", "error"))

    def _take(self, payload: bytes) -> None:
        self.articles.append(msgspec.json.decode(payload))

    async def run(self) -> None:
        """Until the connection ends."""
        self.ending = await self.attempt.run()

    async def ended(self) -> Ending:
        """How it ended, once it has."""
        found = await eventually(lambda: self.ending)
        assert found is not None
        return found

    async def took(self, count: int) -> list[dict[str, Any]]:
        """The articles, once there are *count*."""
        return await eventually(lambda: self.articles, lambda found: len(found) >= count)


@asynccontextmanager
async def listening(room: Vendors, **chosen: Any) -> AsyncIterator[Listening]:
    """A client that listens to *room* until the end of the context, or until it is sent away."""
    found = Listening(msgspec.structs.replace(room.settings(Settings()), **chosen))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(found.run())
        yield found
        task.cancel()


@asynccontextmanager
async def admitted(**chosen: Any) -> AsyncIterator[tuple[Vendors, Listening]]:
    """The same, once it was let in."""
    async with vendors() as room, listening(room, **chosen) as client:
        await eventually(lambda: client.attempt.is_admitted)
        yield room, client


def _sent(link: str = "https://a.example/1", **fields: Any) -> dict[str, Any]:
    return {"link": link, "title": "T", "publishDate": "2026-01-05T14:30:00Z", **fields}


async def test_an_article_arrives_as_it_was_sent() -> None:
    """Nothing of an article is left out, also fields that nobody has told us of."""
    async with admitted() as (room, client):
        sent = _sent(companies=[], unheard_of={"a": [1, None]})
        await room.finlight.publish(sent)

        assert await client.took(1) == [sent]


async def test_every_filter_reaches_the_vendor() -> None:
    """What the setting asks for is what the vendor is asked for, and revisions always."""
    filters = {
        "query": "merger", "tickers": ["AAPL"], "sources": ["a.example"], "exclude_sources": ["b.example"],
        "opt_in_sources": ["c.example"], "language": "en", "countries": ["US"], "categories": ["markets"],
    }  # fmt: skip
    async with admitted(finlight_filters=msgspec.json.encode(filters).decode()) as (room, _):
        [query] = room.finlight.queries

    del filters["opt_in_sources"]  # of other vendors' making: ours has no such sources
    asked = msgspec.structs.asdict(query)
    assert {name: asked[name] for name in filters} == filters
    assert (query.include_updates, query.include_entities) == (True, True)


@pytest.mark.parametrize("mode", ["enhanced", "raw"])
async def test_stories_of_the_market_come_in_both_modes(mode: str) -> None:
    """What the newsroom writes while somebody listens arrives, with companies or without."""
    async with admitted(finlight_mode=mode) as (room, client):
        room.play(120)
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(room.finlight.run())
            found = await client.took(10)
            sending.cancel()

    assert all(each["link"].startswith("https://") for each in found)
    assert any("companies" in each for each in found) == (mode == "enhanced")
    assert all(("sentiment" in each) == (mode == "enhanced") for each in found)


async def test_a_revision_under_the_same_link_is_not_dropped() -> None:
    """The vendor's client keeps one article of a link; all of them are wanted here."""
    async with admitted() as (room, client):
        for title in ("first", "second", "second"):
            await room.finlight.publish(_sent(title=title))

        found = await client.took(3)
        assert [each["title"] for each in found] == ["first", "second", "second"]


@pytest.mark.parametrize(
    "frame",
    [b"", b"{", b"[]", b"5", b'{"action":"nonsense"}', b'{"action":5}', b"{}", '{"action":"pong"}'],
)
async def test_a_frame_that_makes_no_sense_changes_nothing(frame: bytes | str) -> None:
    """Whatever the server says, the connection goes on, and the next article arrives."""
    async with admitted() as (room, client):
        await room.finlight.say(frame)
        await room.finlight.publish(_sent())

        assert len(await client.took(1)) == 1
        assert client.ending is None


@pytest.mark.parametrize("article", [None, 5, "text", [], {}, {"title": None}])
async def test_what_is_no_article_is_handed_on_to_whoever_judges_it(article: Any) -> None:
    """The listener does not look into articles, so that none is lost in silence."""
    async with admitted() as (room, client):
        await room.finlight.publish(article)
        await room.finlight.publish(_sent())

        assert await client.took(2) == [article, _sent()]


async def test_half_a_character_is_counted_and_left_out() -> None:
    """A surrogate without its other half cannot be text, here or anywhere after."""
    async with admitted() as (room, client):
        await room.finlight.say(b'{"action":"sendArticle","data":{"title":"\\ud800"}}')
        await room.finlight.publish(_sent())

        assert len(await client.took(1)) == 1
        assert client.attempt.unreadable == 1


async def test_an_article_of_a_million_bytes_arrives() -> None:
    """Up to a mebibyte, what the client takes."""
    async with admitted() as (room, client):
        await room.finlight.publish(_sent(content="x" * 1_000_000))

        assert len((await client.took(1))[0]["content"]) == 1_000_000


async def test_a_larger_article_ends_the_connection_as_too_large() -> None:
    """The client cannot be told to take more: it comes back, and the next article arrives."""
    async with admitted() as (room, client):
        await room.finlight.publish(_sent(content="x" * 1_100_000))

        ending = await client.ended()
        assert (ending.code, rule(ending).wait_s) == (1009, None)


async def test_pings_are_answered() -> None:
    """The vendor's client asks for a sign of life, and would leave without one."""
    async with vendors() as room, asyncio.TaskGroup() as tasks:
        config = ApiConfig(api_key=KEY, wss_url=room.settings(Settings()).finlight_url)
        client = WebSocketClient(config, ping_interval=0.02)
        client.last_pong_time = 0.0
        request = GetArticlesWebSocketParams()
        listening = tasks.create_task(client.connect(request, lambda _: None))
        first_s = await eventually(lambda: client.last_pong_time)
        await eventually(lambda: client.last_pong_time, lambda last_s: last_s > first_s)
        client.stop()
        await room.finlight.close(1001)
        await listening


async def test_preempted_means_to_stay_away_for_a_minute() -> None:
    """Two meshes with one key must not take turns every second."""
    async with admitted() as (room, client):
        await room.finlight.say(finlight.preempted("lease-2"))

        ending = await client.ended()
        assert (ending.code, rule(ending).wait_s) == (1000, 60.0)


async def test_a_newcomer_takes_the_connection_over() -> None:
    """A standby that takes over is let in at once, and the one before it is sent away."""
    async with admitted() as (room, before), listening(room) as after:
        assert (await before.ended()).code == 1000
        await eventually(lambda: after.attempt.is_admitted)


async def test_a_kick_says_for_how_long() -> None:
    """An operator's wish counts, not our table."""
    async with admitted() as (room, client):
        await room.finlight.say(finlight.admin_kick(120_000))

        ending = await client.ended()
        assert ending.code == 4003
        assert ending.asked_s == pytest.approx(120, abs=10)


@pytest.mark.parametrize(
    ("text", "code", "asked_s"),
    [("connection limit reached", 4001, 60), ("you are blocked", 4002, 3600)],
)
async def test_errors_that_end_the_connection(text: str, code: int, asked_s: float) -> None:
    """A limit is waited out for a minute, a block for an hour."""
    async with admitted() as (room, client):
        await room.finlight.say(finlight.error(text))

        ending = await client.ended()
        assert ending.code == code
        assert ending.asked_s == pytest.approx(asked_s, abs=10)


async def test_another_error_does_not_end_the_connection() -> None:
    """It is the vendor's to close."""
    async with admitted() as (room, client):
        await room.finlight.say(finlight.error("one article could not be sent"))
        await room.finlight.publish(_sent())

        assert len(await client.took(1)) == 1


@pytest.mark.parametrize("code", sorted({*RULES} - {1006, 1000}))
async def test_close_codes_are_known_by_their_number(code: int) -> None:
    """Whatever the server closes with is what the table is asked for."""
    async with admitted() as (room, client):
        await room.finlight.close(code)

        assert (await client.ended()).code == code


async def test_a_connection_that_is_cut_counts_as_lost() -> None:
    """No close frame, no code of the server's: 1006."""
    async with admitted() as (room, client):
        room.finlight.cut()

        assert (await client.ended()).code == 1006


@pytest.mark.parametrize(("status", "wait_s"), [(429, 60.0), (403, 900.0), (401, 900.0), (503, None)])  # fmt: skip
async def test_refused_handshakes_are_known_by_their_status(
    status: int, wait_s: float | None
) -> None:
    """The client logs what the server has answered and forgets it; we do not."""
    async with vendors() as room:
        room.finlight.refusal = HTTPStatus(status)
        async with listening(room) as client:
            ending = await client.ended()

    assert ending.status == status
    assert rule(ending).wait_s == wait_s


async def test_a_wrong_key_is_refused() -> None:
    """It may be mended while we run, so it is tried again, seldom."""
    async with vendors() as room, listening(room, finlight_key="wrong") as client:
        assert (await client.ended()).status == 403


async def test_nobody_at_the_address_counts_as_lost() -> None:
    """There is no code and no status, and growing delays."""
    async with vendors() as room, listening(room, finlight_url="ws://127.0.0.1:1") as client:
        ending = await client.ended()

    assert (ending.code, ending.status, rule(ending).wait_s) == (None, None, None)


async def test_an_attempt_that_is_cancelled_leaves_no_task_behind() -> None:
    """The client would leave its timers, the longest for two hours."""
    before = asyncio.all_tasks()
    async with admitted() as (room, _):
        pass

    await eventually(lambda: not room.finlight.is_connected)
    assert asyncio.all_tasks() <= before
