"""Boards from process to process of the service: by the revisions of their bucket, which are the same in each."""

import asyncio
import random  # noqa: TID251  # a test's, seeded
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mesh import topology
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import RunningBroker, ready_connection
from schemas.naming import Bucket, symbol_token
from schemas.wire import encode_json
from tests.services.widgets.boards import encoded
from tests.services.widgets.market import Market, row
from tests.services.widgets.serving import on_free_port, running, visiting
from tests.services.widgets.wandering import Wanderer, two, until


pytestmark = pytest.mark.broker


class Boards:
    """Puts two boards, whose rows all have the number of the value as their score."""

    def __init__(self, connection: Connection, chance: random.Random) -> None:
        self.number = 0
        self._bucket = KeyValue(connection, Bucket.BOARDS)
        self._chance = chance

    async def put(self) -> None:
        """The next value of both."""
        self.number += 1
        symbols = self._chance.sample("ABCDEFGH", 6)
        for name in ("gainers", "volume"):
            rows = [
                (each, float(self.number), self._chance.choice([1.0, None])) for each in symbols
            ]
            await self._bucket.put(name, encoded(*rows, name=name, seq=self.number))

    async def rage(self, count: int) -> None:
        """So many, at all speeds."""
        for _ in range(count):
            await self.put()
            await asyncio.sleep(self._chance.choice([0, 0.005, 0.02]))


async def test_boards_go_on_elsewhere(settings: Settings, connection: Connection) -> None:
    """Between processes that have heard of each value, any number of values later, a delta takes a client to what is there now."""
    chance = random.Random(7)  # noqa: S311  # chance, not secrecy
    boards = Boards(connection, chance)
    wanderer = Wanderer({1: "board/gainers", 2: "board/volume"})
    await boards.put()
    async with two(settings) as programs, AsyncExitStack() as stack:
        stay = [
            await stack.enter_async_context(Wanderer({1: "board/volume"}).at(each))
            for each in programs
        ]
        for _ in range(15):
            async with wanderer.at(chance.choice(programs)) as visitor:
                assert [row["score"] for row in visitor.rows(2)] == [boards.number] * 6
            for _ in range(chance.randrange(5)):
                await boards.put()
                for each in stay:
                    while each.rows(1)[0]["score"] != boards.number:
                        await each.next()
    assert wanderer.recovered == [True] * 28


async def test_boards_are_right_wherever_one_goes_in_a_storm(
    settings: Settings, connection: Connection
) -> None:
    """While values follow each other so fast that processes do not hear of all, each frame fits, and the end is the board."""
    chance = random.Random(8)  # noqa: S311  # chance, not secrecy
    boards = Boards(connection, chance)
    wanderer = Wanderer({1: "board/gainers", 2: "board/volume"})
    await boards.put()
    async with two(settings) as programs, asyncio.TaskGroup() as tasks:
        raging = tasks.create_task(boards.rage(150))
        while not raging.done():
            async with wanderer.at(chance.choice(programs)) as mover:
                for _ in range(chance.randrange(5)):
                    assert await mover.is_served()
        async with wanderer.at(programs[1]) as visitor:
            while any(row["score"] != boards.number for row in visitor.rows(1) + visitor.rows(2)):
                await visitor.next()
            for number in (1, 2):
                fresh = await visitor.follow(number + 2, wanderer.feeds[number])
                assert fresh.epoch == wanderer.tables[number].epoch
                assert visitor.rows(number) == visitor.rows(number + 2)
    assert True in wanderer.recovered


async def test_what_was_set_back_goes_on(
    settings: Settings, broker: RunningBroker, tmp_path: Path
) -> None:
    """A broker whose disk is as it was a while ago has the same buckets and takes revisions again: what is put then is shown."""

    async def put(number: int) -> None:
        async with ready_connection(settings) as connection:
            board = encoded(("A", float(number), 2.0))
            await KeyValue(connection, Bucket.BOARDS).put("gainers", board)
            halt = encode_json({"number": number})
            await KeyValue(connection, Bucket.HALTS).put(symbol_token("A"), halt)

    stored, kept = tmp_path / "jetstream", tmp_path / "kept"
    await put(1)
    await broker.stop()
    shutil.copytree(stored, kept)
    await broker.start()
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.follow(1, "board/gainers")
        await visitor.follow(2, "halt/*")
        for number in range(2, 9):
            await put(number)
        while visitor.rows(1)[0]["score"] != 8:
            await visitor.next()
        await until(visitor, 2, 8)
        await broker.stop()
        shutil.rmtree(stored)
        kept.rename(stored)
        await broker.start()
        await until(visitor, 2, 1)
        await put(9)
        await until(visitor, 2, 9)
        while visitor.rows(1)[0]["score"] != 9:
            await visitor.next()


async def test_views_of_the_market_begin_anew_elsewhere(
    settings: Settings, connection: Connection
) -> None:
    """What each process works out by itself has positions of its own: at another one it is given whole."""
    await KeyValue(connection, Bucket.BOARDS).put("gainers", encoded(("A", 1.0, 2.0)))
    await Market(connection).show(row("A", 2.0))
    wanderer = Wanderer({1: "row/*"})
    async with two(settings) as (one, other):
        async with wanderer.at(one):
            pass
        async with wanderer.at(other):
            pass
    assert wanderer.recovered == [False]


async def test_bucket_that_was_made_anew_begins_anew(
    settings: Settings, broker: RunningBroker
) -> None:
    """Revisions of a bucket that is no more are worth nothing, and numbers that begin again are not taken for old ones."""
    (definition,) = [each for each in topology.definitions() if each["name"] == "KV_boards"]
    wanderer = Wanderer({1: "board/gainers"})
    async with running(on_free_port(settings)) as program:
        async with ready_connection(settings) as connection:
            for score in range(5):
                await KeyValue(connection, Bucket.BOARDS).put(
                    "gainers", encoded(("A", float(score), 2.0))
                )
            async with wanderer.at(program) as visitor:
                while visitor.rows(1)[0]["score"] != 4:
                    await visitor.next()
            await connection.api("$JS.API.STREAM.DELETE.KV_boards")
            await connection.api("$JS.API.STREAM.CREATE.KV_boards", definition)
            await KeyValue(connection, Bucket.BOARDS).put("gainers", encoded(("B", 7.0, 2.0)))
        await broker.stop()
        await broker.start()
        async with wanderer.at(program) as visitor:
            while visitor.rows(1)[0]["symbol"] != "B":
                await visitor.next()

            assert [each["score"] for each in visitor.rows(1)] == [7]
