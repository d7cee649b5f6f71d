"""Every kind of feed, from what the other programs publish on a real broker to a real client."""

from collections.abc import AsyncIterator

import httpx
import pytest

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.partition import partition_of
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection
from schemas.naming import Bucket, MarketClass, symbol_token, tape_subject
from schemas.widget import Ack, Delta, Event, Hello, ServerError, Snap, Status
from schemas.wire import encode_json
from tests.services.widgets.market import PARTITIONS, Market, row
from tests.services.widgets.serving import Running, Visitor, on_free_port, running, visiting


pytestmark = pytest.mark.broker


@pytest.fixture
def market(connection: Connection) -> Market:
    """What publishes."""
    return Market(connection)


@pytest.fixture
async def program(settings: Settings, market: Market) -> AsyncIterator[Running]:
    """The program, with a market of three."""
    await market.show(row("A", 10.0), row("BRK.B", 20.0), row("C", 30.0))
    async with running(on_free_port(settings, ws_flush_ms=10)) as made:
        yield made


@pytest.fixture
async def visitor(program: Running) -> AsyncIterator[Visitor]:
    """Who follows."""
    async with visiting(program) as made:
        yield made


async def test_rows_of_all_symbols_go_on(visitor: Visitor, market: Market) -> None:
    """`row/*` holds every symbol of the market, and a new one comes as a change."""
    await visitor.follow(1, "row/*", columns=["last_usd"], sort="last_usd")
    await market.show(row("NEW", 25.0), row("A", 40.0))
    await visitor.hear(Delta)

    assert visitor.rows(1) == [
        {"symbol": "A", "last_usd": 40},
        {"symbol": "C", "last_usd": 30},
        {"symbol": "NEW", "last_usd": 25},
        {"symbol": "BRK.B", "last_usd": 20},
    ]


async def test_row_of_one_symbol_and_its_range(visitor: Visitor, market: Market) -> None:
    """`row/BRK.B` and `range/BRK.B` are of that symbol alone, and unmoved by others."""
    await visitor.follow(1, "row/BRK.B")
    await visitor.follow(2, "range/BRK.B")
    await visitor.follow(3, "range/*", columns=["last_usd"], symbols=["C", "A"])
    await market.show(row("A", 11.0))
    assert (await visitor.hear(Delta)).id == 3
    await market.show(row("BRK.B", 21.0))
    numbers = {(await visitor.hear(Delta)).id, (await visitor.hear(Delta)).id}

    assert numbers == {1, 2}
    assert [each["last_usd"] for each in visitor.rows(1)] == [21]
    assert [each["last_usd"] for each in visitor.rows(2)] == [21]
    assert {each["symbol"]: each["last_usd"] for each in visitor.rows(3)} == {"A": 11, "C": 30}


async def test_condition_is_asked_of_the_whole_market(visitor: Visitor, market: Market) -> None:
    """A row enters a `where` view when the condition begins to hold for it, and leaves when it ends; `set` changes it live."""
    await visitor.follow(1, "row/*", columns=["last_usd"], where="last_usd >= 20", sort="+symbol")
    assert [each["symbol"] for each in visitor.rows(1)] == ["BRK.B", "C"]
    await market.show(row("A", 50.0), row("C", 1.0))
    await visitor.hear(Delta)
    assert [each["symbol"] for each in visitor.rows(1)] == ["A", "BRK.B"]
    await visitor.say(action="set", id=1, view={"where": "last_usd < 20"})
    assert await visitor.hear(Ack) == Ack("set", 1)
    snap = await visitor.hear(Snap)

    assert [each[0] for each in snap.rows] == ["C"]
    assert snap.columns == ["symbol", "last_usd"]


async def test_alerts_of_before_and_after_arrive_once(settings: Settings, market: Market) -> None:
    """What was fired before the start is in the first frame; what comes later comes once, also if it is published twice."""
    await market.alert("high", "BRK.B", "before", 1)
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.hear(Hello)
        await visitor.follow(1, "alert/>")
        await _until(visitor, 1, 1)
        await visitor.follow(2, "alert/halt/*")
        await market.alert("low", "A", "after", 2)
        await market.alert("low", "A", "after", 2)
        await market.alert("halt", "BRK.B", "last", 3)
        await _until(visitor, 1, 3)
        await _until(visitor, 2, 1)
        late = await visitor.follow(3, "alert/*/BRK.B", top=1)

    assert [each["number"] for each in visitor.values(1)] == [1, 2, 3]
    assert [each["number"] for each in visitor.values(2)] == [3]
    assert isinstance(late, Event)
    assert [each["number"] for each in visitor.values(3)] == [3]


async def test_alerts_of_an_outage_are_not_missed_nor_doubled(
    settings: Settings, broker: RunningBroker
) -> None:
    """An alert that was fired while the service could hear nothing comes when it can, and the others not again."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        async with ready_connection(settings) as connection:
            await visitor.follow(1, "alert/>")
            await Market(connection).alert("high", "A", "first", 1)
            await _until(visitor, 1, 1)
        await broker.kill()
        assert (await visitor.hear(Status)).stale
        await broker.start()
        async with ready_connection(settings) as connection:
            await Market(connection).alert("high", "A", "second", 2)
            await _until(visitor, 1, 2)

    assert [each["number"] for each in visitor.values(1)] == [1, 2]


async def test_news_of_before_and_after_arrive_once(settings: Settings, market: Market) -> None:
    """Articles that the stream held and new ones are in one sequence; of one symbol, only those about it."""
    await market.article("BRK.B", 1)
    await market.article("AAPL", 2)
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.hear(Hello)
        await visitor.follow(1, "news/*")
        await visitor.follow(2, "news/BRK.B")
        await market.article("BRK.B", 3)
        await market.article("BRK.B", 3)
        while len(visitor.values(1)) < 3 or len(visitor.values(2)) < 2:
            await visitor.next()

        assert [each["number"] for each in visitor.values(1)] == [1, 2, 3]
        assert [each["number"] for each in visitor.values(2)] == [1, 3]


async def test_halts_arrive_and_are_not_said_again_after_an_outage(
    settings: Settings, broker: RunningBroker
) -> None:
    """A symbol's halt is one event, although a bucket that is watched anew says its last value again."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        async with ready_connection(settings) as connection:
            await visitor.follow(1, "halt/*")
            await _halt(connection, "BRK.B", 1)
            await _until(visitor, 1, 1)
        await broker.kill()
        assert (await visitor.hear(Status)).stale
        await broker.start()
        async with ready_connection(settings) as connection:
            await _halt(connection, "BRK.B", 1)
            await _halt(connection, "A", 2)
            await _until(visitor, 1, 2)

    assert visitor.values(1) == [
        {"symbol": "BRK.B", "number": 1},
        {"symbol": "A", "number": 2},
    ]


async def test_trades_are_tapped_only_while_somebody_follows(
    program: Running, visitor: Visitor, market: Market, broker: RunningBroker
) -> None:
    """The tape of a symbol's partition is subscribed to with its first follower, and no longer after the last."""
    subject = tape_subject(MarketClass.TRADES, partition_of(symbol_token("BRK.B"), PARTITIONS))

    async def is_heard() -> bool:
        return subject in await _subjects(broker)

    assert not await is_heard()
    async with visiting(program) as other:
        await other.follow(5, "trades/BRK.B")
        await visitor.follow(1, "trades/BRK.B")
        await eventually(is_heard)  # type: ignore[arg-type]  # T is what is awaited
        await market.trade("BRK.B", "A", sequence=1)
        await _until(visitor, 1, 1)
        await _until(other, 5, 1)
    await market.trade("BRK.B", sequence=2)
    await _until(visitor, 1, 2)
    assert await is_heard()
    await visitor.say(action="unsub", id=1)
    await eventually(is_heard, lambda heard: not heard)  # type: ignore[arg-type]  # T is what is awaited

    assert [(each["symbol"], each["sequence"]) for each in visitor.values(1)] == [
        ("BRK.B", 1),
        ("BRK.B", 2),
    ]


async def test_trades_of_all_symbols_are_refused(visitor: Visitor) -> None:
    """Nobody can have the whole tape tapped."""
    for feed in ("trades/*", "trades/>", "trades"):
        await visitor.say(action="sub", id=1, feed=feed)
        assert (await visitor.hear(ServerError)).id == 1


async def test_status_tells_of_the_service(visitor: Visitor) -> None:
    """`status` says once a second how many clients and symbols there are."""
    await visitor.follow(1, "status")
    await _until(visitor, 1, 1)

    told = visitor.values(1)[0]
    assert (told["clients"], told["symbols"], told["stale"]) == (1, 3, False)


async def test_get_answers_once(visitor: Visitor, market: Market) -> None:
    """`get` is one frame, after which the number is free and nothing more comes under it."""
    await visitor.say(action="get", id=1, feed="row/A", view={"columns": ["last_usd"]})
    snap = await visitor.hear(Snap)
    await visitor.follow(2, "row/A", columns=["last_usd"])
    await market.show(row("A", 99.0))
    delta = await visitor.hear(Delta)
    await visitor.say(action="unsub", id=1)

    assert (snap.id, snap.rows) == (1, [["A", 10]])
    assert delta.id == 2
    assert (await visitor.hear(ServerError)).id == 1


@pytest.mark.parametrize("garbage", [b"", b"garbage", b'{"a":', b"\xff"])
async def test_values_that_are_no_json_reach_nobody(
    settings: Settings, connection: Connection, garbage: bytes
) -> None:
    """An alert or a halt that is no JSON would make a client's frame unreadable: it is counted and left out."""
    market = Market(connection)
    await KeyValue(connection, Bucket.HALTS).put("not~a=symbol", b"{}")
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.follow(1, "alert/>")
        await visitor.follow(2, "halt/*")
        await connection.acknowledged("alert.high.A", garbage, {"Nats-Msg-Id": "bad"})
        await KeyValue(connection, Bucket.HALTS).put("A", garbage)
        await market.alert("high", "A", "good", 1)
        await _halt(connection, "A", 2)
        await _until(visitor, 1, 1)
        await _until(visitor, 2, 1)

        assert [each["number"] for each in visitor.values(1)] == [1]
        assert [each["number"] for each in visitor.values(2)] == [2]
        assert (await program.stop())["rejected"] == 3


async def _until(visitor: Visitor, number: int, count: int) -> None:
    """Take frames until a sequence holds so many values."""
    while number not in visitor.sequences or len(visitor.sequences[number].values) < count:
        await visitor.next()


async def _halt(connection: Connection, symbol: str, number: int) -> None:
    value = encode_json({"symbol": symbol, "number": number})
    await KeyValue(connection, Bucket.HALTS).put(symbol_token(symbol), value)


async def _subjects(broker: RunningBroker) -> set[str]:
    """What anybody subscribes to on the broker."""
    port = broker._command.environment["MESH_BROKER_HTTP_PORT"]
    async with httpx.AsyncClient() as http:
        told = (await http.get(f"http://127.0.0.1:{port}/connz?subs=1")).json()
    return {each for found in told["connections"] for each in found.get("subscriptions_list", ())}
