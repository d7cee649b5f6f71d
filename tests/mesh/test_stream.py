"""A stream as it is followed: from a sequence on, without a gap and without a message twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from mesh import topology
from mesh.connection import Connection
from mesh.stream import follow
from mesh.testing import RunningBroker, eventually
from schemas.naming import NEWS_OF_ALL, NEWS_STREAM


pytestmark = pytest.mark.broker


class Following:
    """What was read."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.sequences: list[int] = []
        self.caught_up = 0

    async def run(self, connection: Connection, after: int) -> None:
        """Read for ever."""
        async with aclosing(follow(connection, NEWS_STREAM, NEWS_OF_ALL, after)) as lists:
            async for stored in lists:
                self.caught_up += not stored
                self.payloads += [each.payload for each in stored]
                self.sequences += [each.sequence for each in stored]


@asynccontextmanager
async def following(connection: Connection, after: int = 0) -> AsyncIterator[Following]:
    """A follower until the end of the context."""
    found = Following()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(found.run(connection, after))
        yield found
        task.cancel()


async def _publish(connection: Connection, *numbers: int) -> None:
    for number in numbers:
        await connection.acknowledged(NEWS_OF_ALL, b"%d" % number)
        await connection.acknowledged("news.A", b"other")


async def test_what_was_there_and_what_comes_is_read_once(connection: Connection) -> None:
    """In the order of the stream; that all of the beginning was read is said once."""
    await _publish(connection, 1, 2)
    async with following(connection) as found:
        await eventually(lambda: found.caught_up)
        assert found.payloads == [b"1", b"2"]
        await _publish(connection, 3, 4)
        await eventually(lambda: found.payloads, [b"1", b"2", b"3", b"4"].__eq__)

    assert found.caught_up == 1
    assert found.sequences == [1, 3, 5, 7]


async def test_reading_begins_behind_a_sequence(connection: Connection) -> None:
    """Whoever has taken messages goes on after them."""
    await _publish(connection, 1, 2, 3)
    async with following(connection, after=3) as found:
        await eventually(lambda: found.payloads, [b"3"].__eq__)


async def test_long_streams_are_read_in_parts(connection: Connection) -> None:
    """More than one batch of the server's."""
    await asyncio.gather(
        *(connection.acknowledged(NEWS_OF_ALL, b"%d" % number) for number in range(1300))
    )
    async with following(connection) as found:
        await eventually(lambda: found.caught_up)

    assert len({*found.payloads}) == len(found.sequences) == 1300
    assert found.sequences == sorted(found.sequences)


async def test_a_restart_of_the_broker_is_survived(
    connection: Connection, broker: RunningBroker
) -> None:
    """The stream is on disk: what comes after the restart follows what came before it."""
    async with following(connection) as found:
        await _publish(connection, 1)
        await eventually(lambda: found.payloads)
        await broker.kill()
        await broker.start()
        await eventually(connection.connected.is_set)
        await _publish(connection, 2)
        await eventually(lambda: found.payloads, [b"1", b"2"].__eq__)


async def test_a_stream_that_was_made_again_is_read_from_its_start(
    connection: Connection, broker: RunningBroker
) -> None:
    """Its sequences begin at 1 again: behind the old ones there would be nothing for a long time."""
    await _publish(connection, *range(5))
    async with following(connection) as found:
        await eventually(lambda: found.caught_up)
        await connection.api(f"$JS.API.STREAM.DELETE.{NEWS_STREAM}")
        await topology.establish(connection, topology.definitions())
        await _publish(connection, 7)
        await broker.kill()
        await broker.start()
        await eventually(lambda: found.payloads[-1] == b"7")
