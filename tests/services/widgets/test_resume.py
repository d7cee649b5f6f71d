"""From process to process of the service: a client goes on at another one as it would have at its own."""

import asyncio
import random  # noqa: TID251  # a test's, seeded

import msgspec
import pytest

from mesh import topology
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from schemas.naming import ALERTS_STREAM, Bucket, symbol_token
from schemas.widget import Event, ServerError
from schemas.wire import encode_json
from services.widgets.recent import MOST_RECENT
from tests.services.widgets.market import Market
from tests.services.widgets.serving import on_free_port, running, visiting
from tests.services.widgets.wandering import Wanderer, two, until


pytestmark = pytest.mark.broker

FEEDS = {1: "alert/>", 2: "alert/high/A", 3: "news/*"}


@pytest.fixture
def market(connection: Connection) -> Market:
    """What publishes."""
    return Market(connection)


async def storm(market: Market, count: int, chance: random.Random) -> None:
    """Publish alerts and articles, each of them once or twice."""
    for number in range(count):
        kind, symbol = chance.choice(["high", "low"]), chance.choice("AB")
        for _ in range(chance.choice([1, 1, 2])):
            await market.alert(kind, symbol, f"storm-{number}", number)
        if number % 4 == 0:
            await market.article(symbol, number)
        await asyncio.sleep(chance.choice([0, 0, 0, 0.002]))


@pytest.mark.parametrize("seed", range(3))
async def test_who_moves_has_what_somebody_has_who_stays(
    settings: Settings, market: Market, seed: int
) -> None:
    """Twenty moves in a storm of alerts and articles, one to a process that has just started: nothing twice, nothing missing, and in the same order."""
    chance = random.Random(seed)  # noqa: S311  # chance, not secrecy
    stays, moves = Wanderer(FEEDS), Wanderer(FEEDS)
    async with two(settings) as programs, asyncio.TaskGroup() as tasks:
        await market.alert("high", "A", "before", -1)
        async with stays.at(programs[0]) as visitor:
            raging = tasks.create_task(storm(market, 300, chance))
            for _ in range(20):
                async with moves.at(chance.choice(programs)) as mover:
                    for _ in range(chance.randrange(5)):
                        assert await mover.is_served()
            async with running(on_free_port(settings)) as third, moves.at(third):
                await raging
            await market.alert("high", "A", "after", 1000)
            await market.article("A", 1000)
            async with moves.at(programs[1]) as mover:
                for number in FEEDS:
                    await asyncio.gather(until(mover, number, 1000))
                    await asyncio.gather(until(visitor, number, 1000))

                assert [each["number"] for each in visitor.values(1)] == [-1, *range(300), 1000]
                for number in FEEDS:
                    assert mover.values(number) == visitor.values(number)
    assert set(moves.recovered) == {True}
    assert len(moves.recovered) == 3 * 21


async def test_position_that_is_older_than_what_is_kept_begins_anew(
    settings: Settings, market: Market
) -> None:
    """A process that does not know all that came since says so, and gives the newest; one that does goes on."""
    wanderer = Wanderer({1: "alert/>"})
    async with running(on_free_port(settings)) as one:
        await market.alert("high", "A", "first", 0)
        async with wanderer.at(one) as visitor:
            await until(visitor, 1, 0)
        for number in range(1, MOST_RECENT + 2):
            await market.alert("high", "A", f"{number}", number)
        async with running(on_free_port(settings)) as other, wanderer.at(other) as visitor:
            await until(visitor, 1, MOST_RECENT + 1)

            assert len(visitor.values(1)) == 50
    assert wanderer.recovered == [False]


async def test_stream_that_was_made_anew_begins_anew(
    settings: Settings, connection: Connection, market: Market
) -> None:
    """Numbers of a stream that is no more are worth nothing; whoever is there is begun anew with those of the new one."""
    wanderer = Wanderer({1: "alert/>"})
    (definition,) = [each for each in topology.definitions() if each["name"] == ALERTS_STREAM]
    async with two(settings) as (one, other):
        async with wanderer.at(one) as visitor:
            for number in range(3):
                await market.alert("high", "A", f"old-{number}", number)
            await until(visitor, 1, 2)
        async with visiting(other) as stays:
            await stays.follow(1, "alert/>")
            await until(stays, 1, 2)
            await connection.api(f"$JS.API.STREAM.DELETE.{ALERTS_STREAM}")
            await connection.api(f"$JS.API.STREAM.CREATE.{ALERTS_STREAM}", definition)
            for number in range(10, 15):
                await market.alert("low", "B", f"new-{number}", number)
            while [each["number"] for each in stays.values(1)] != [*range(10, 15)]:
                await stays.next()  # until the service has seen that its numbers are others now
        async with wanderer.at(other) as visitor:
            await until(visitor, 1, 14)

            assert [each["number"] for each in visitor.values(1)] == [*range(10, 15)]
    assert wanderer.recovered == [False]


async def test_alert_that_came_before_its_stream_is_in_the_new_one(
    settings: Settings, connection: Connection, market: Market
) -> None:
    """What was shown while there was no stream, and is said again until one takes it, is there for who comes then."""
    (definition,) = [each for each in topology.definitions() if each["name"] == ALERTS_STREAM]
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.follow(1, "alert/>")
        await market.alert("high", "A", "first", 1)
        await until(visitor, 1, 1)
        await connection.api(f"$JS.API.STREAM.DELETE.{ALERTS_STREAM}")
        value = encode_json({"number": 2})
        await connection.publish("alert.high.A", value, headers={"Nats-Msg-Id": "2"})
        await until(visitor, 1, 2)
        await connection.api(f"$JS.API.STREAM.CREATE.{ALERTS_STREAM}", definition)
        await connection.acknowledged("alert.high.A", value, {"Nats-Msg-Id": "2"})
        await market.alert("high", "A", "third", 3)
        await until(visitor, 1, 3)
        while visitor.sequences[1].seq < 2:
            await visitor.next()
        await visitor.follow(2, "alert/>")

        assert [each["number"] for each in visitor.values(2)] == [2, 3]


async def test_alert_comes_while_its_stream_takes_none(
    settings: Settings, connection: Connection, market: Market
) -> None:
    """What is published is heard and shown at once, also while nobody can say which number it will have; said again, it is not."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.follow(1, "alert/>")
        await market.alert("high", "A", "first", 1)
        await until(visitor, 1, 1)
        await connection.api(f"$JS.API.STREAM.DELETE.{ALERTS_STREAM}")
        for number in (2, 3, 2, 4):
            value = encode_json({"number": number})
            await connection.publish("alert.high.A", value, headers={"Nats-Msg-Id": f"{number}"})
        await until(visitor, 1, 4)

        assert [each["number"] for each in visitor.values(1)] == [1, 2, 3, 4]
        assert visitor.sequences[1].seq == 1


@pytest.mark.parametrize("seq", [10**6, 2**62, 10**30, -1, -(10**30), 0])
async def test_position_that_nobody_was_at_begins_anew(
    settings: Settings, market: Market, seq: int
) -> None:
    """Whatever number a client makes up, it is given the newest and told so, or all of it where that is what it asks for."""
    await market.alert("high", "A", "first", 1)
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        known = await visitor.follow(1, "alert/>")
        await visitor.say(action="sub", id=2, feed="alert/>", epoch=known.epoch, seq=seq)
        event = await visitor.hear(Event)

        assert (event.id, event.after, event.recovered) == (2, 0, seq == 0)
        assert [each["number"] for each in visitor.values(2)] == [1]
        assert await visitor.is_served()


async def test_number_that_is_none_is_refused(settings: Settings, connection: Connection) -> None:
    """A position that is no integer is answered by an error, and the connection goes on."""
    del connection
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        for seq in (1.5, "7", [1]):
            await visitor.say(action="sub", id=1, feed="alert/>", epoch="x", seq=seq)
            assert "protocol 1" in (await visitor.hear(ServerError)).message
        assert await visitor.is_served()


async def test_halts_go_on_elsewhere_if_none_was_overwritten(
    settings: Settings, connection: Connection
) -> None:
    """A process that has just started knows the last state of each symbol: enough for whoever missed nothing else."""
    bucket = KeyValue(connection, Bucket.HALTS)

    async def halt(symbol: str, number: int) -> None:
        await bucket.put(symbol_token(symbol), encode_json({"symbol": symbol, "number": number}))

    wanderer = Wanderer({1: "halt/*"})
    async with running(on_free_port(settings)) as one:
        await halt("A", 1)
        await halt("A", 2)
        async with wanderer.at(one) as visitor:
            await until(visitor, 1, 2)
        await halt("BRK.B", 3)
        async with running(on_free_port(settings)) as other:
            async with wanderer.at(other) as visitor:
                await until(visitor, 1, 3)
            await halt("A", 4)
            await halt("A", 5)
            async with wanderer.at(one) as visitor:
                await until(visitor, 1, 5)
                stayed = visitor.values(1)[-4:]
        await halt("A", 6)
        await halt("A", 7)
        async with running(on_free_port(settings)) as other, wanderer.at(other) as visitor:
            await until(visitor, 1, 7)

            assert [each["number"] for each in stayed] == [2, 3, 4, 5]
            assert [each["number"] for each in visitor.values(1)] == [3, 7]
    assert wanderer.recovered == [True, True, False]


async def test_halt_that_is_said_again_is_none_and_has_a_number(
    settings: Settings, connection: Connection
) -> None:
    """Who comes from a process that has just started, and knows the same value by its later revision, goes on at one that knew it before."""
    bucket = KeyValue(connection, Bucket.HALTS)
    wanderer = Wanderer({1: "halt/*"})
    async with running(on_free_port(settings)) as one, visiting(one) as stays:
        await stays.follow(1, "halt/*")
        for _ in range(2):
            await bucket.put("A", encode_json({"number": 1}))
        async with running(on_free_port(settings)) as other, wanderer.at(other) as visitor:
            await until(visitor, 1, 1)
        await bucket.delete("A")
        async with wanderer.at(one):
            pass
        await bucket.put("B", encode_json({"number": 2}))
        await until(stays, 1, 2)

        assert [each["number"] for each in stays.values(1)] == [1, 2]
    assert wanderer.recovered == [True]


async def test_events_of_before_the_first_position_are_known(
    settings: Settings, market: Market
) -> None:
    """Who came when nothing had happened yet, and comes back elsewhere, is given the first that did."""
    wanderer = Wanderer({1: "alert/>"})
    async with two(settings) as (one, other):
        async with wanderer.at(one) as visitor:
            assert visitor.values(1) == []
        await market.alert("high", "A", "first", 1)
        async with wanderer.at(other) as visitor:
            await until(visitor, 1, 1)

            assert msgspec.json.decode(visitor.sequences[1].values[0])["number"] == 1
    assert wanderer.recovered == [True]
