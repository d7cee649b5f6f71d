"""Attacks on what may be seen: beyond a token's scopes, and beyond what is a feed at all."""

from collections.abc import AsyncIterator

import pytest

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from schemas.naming import Bucket
from schemas.widget import Event, Feeds, Hello, ServerError, Snap
from tests.services.widgets.attacking import attacked
from tests.services.widgets.boards import encoded
from tests.services.widgets.market import Market, row
from tests.services.widgets.serving import Running, visiting


pytestmark = pytest.mark.broker


@pytest.fixture
def market(connection: Connection) -> Market:
    """What publishes."""
    return Market(connection)


@pytest.fixture
async def program(
    settings: Settings, market: Market, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Running]:
    """The program as it is by itself, closed, and whole afterwards."""
    await market.show(row("A", 10.0), row("B", 20.0))
    async with attacked(settings, caplog) as made:
        yield made


@pytest.mark.parametrize(
    "feed",
    ["row/B", "row/*", "row/>", "range/A", "board/gainers", "board/*", ">", "*", "*/A", "alert/high/B", "alert/*/A",
     "alert/>", "alert/high/*", "halt/A", "trades/A", "status", "row/A/x", "row/a", " row/A", "row//A", "/row/A"],
)  # fmt: skip
@pytest.mark.parametrize("action", ["sub", "get"])
async def test_scope_is_not_escaped(program: Running, feed: str, action: str) -> None:
    """Point "authorise every action": neither a feed nor a pattern that holds more than the token's is shown."""
    token = program.token("row/A", "alert/high/A")
    async with visiting(program, token=token) as visitor:
        await visitor.say(action=action, id=1, feed=feed)
        error = await visitor.hear(ServerError)
        await visitor.follow(2, "row/A")

    assert error.id == 1
    assert [frame.id for frame in visitor.heard if isinstance(frame, Snap | Event)] == [2]


async def test_scope_bounds_what_is_named(program: Running, connection: Connection) -> None:
    """Point "authorise every action": not even the names of other feeds are told, in the hello or when one appears."""
    async with visiting(program, token=program.token("row/A", "board/mine")) as visitor:
        hello = await visitor.hear(Hello)
        boards = KeyValue(connection, Bucket.BOARDS)
        await boards.put("secret", encoded(("A", 1.0, 2.0), name="secret"))
        await boards.put("mine", encoded(("A", 1.0, 2.0), name="mine"))
        while "board/mine" not in visitor.feeds:
            await visitor.hear(Feeds)

    assert hello.feeds == []
    assert visitor.feeds == ["board/mine"]


async def test_smaller_token_takes_away_what_it_does_not_show(
    program: Running, market: Market
) -> None:
    """Point "authorise every action": with a newer token of less scope, what is followed beyond it ends."""
    async with visiting(program) as visitor:
        await visitor.follow(1, "row/*", columns=["last_usd"])
        await visitor.follow(2, "row/A", columns=["last_usd"])
        await visitor.say(action="auth", token=program.token("row/A"))
        assert (await visitor.hear(ServerError)).id == 1
        before = len(visitor.heard)
        await market.show(row("A", 11.0), row("B", 21.0))
        while visitor.tables[2].rows["A"][1] != 11:
            await visitor.next()

    assert {getattr(frame, "id", 2) for frame in visitor.heard[before:]} == {2}


@pytest.mark.parametrize(
    "feed",
    ["revoked", "reference/A", "KV_revoked", "$KV.revoked.>", "board/../revoked", "../../etc/passwd", "row/../../x",
     "board/%2e%2e/x", "checkpoints/0", "images/03", "daily/A", "board/gainers\u0000", "\u0000", "$SYS.>", "row.A",
     "$JS.API.STREAM.INFO.KV_boards", "board", "row", "range/", "alert", "trades/A B", "trades/>", "x" * 100],
)  # fmt: skip
@pytest.mark.parametrize("action", ["sub", "get"])
async def test_nothing_but_feeds_can_be_read(program: Running, feed: str, action: str) -> None:
    """No key, subject, bucket or file of any name is a feed, also for who may see everything."""
    async with visiting(program) as visitor:
        await visitor.hear(Hello)
        await visitor.say(action=action, id=1, feed=feed)
        error = await visitor.hear(ServerError)
        assert await visitor.is_served()

    assert error.id == 1
    assert not any(isinstance(frame, Snap | Event) for frame in visitor.heard)
