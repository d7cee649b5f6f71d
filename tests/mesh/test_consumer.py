"""Shared work on a real broker: each message to one process, and to another if that one dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesh.connection import Connection
from mesh.consumer import Consumer, Taken
from mesh.testing import RunningBroker, eventually
from schemas.naming import NEWS_TAPE_STREAM


pytestmark = pytest.mark.broker

SUBJECT = "tape.news.test"


class Worker:
    """A consumer that notes what it was given, and says that it is done with it."""

    def __init__(self, connection: Connection, batch: int = 4) -> None:
        self.consumer = Consumer(connection, NEWS_TAPE_STREAM, "work", batch)
        self.taken: list[Taken] = []
        self.answers = True

    async def run(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.consumer.run())
            while True:
                taken = await self.consumer.get()
                self.taken.append(taken)
                if self.answers:
                    await self.consumer.done(taken)

    @property
    def payloads(self) -> list[bytes]:
        """What it was given."""
        return [each.payload for each in self.taken]


@asynccontextmanager
async def working(*workers: Worker) -> AsyncIterator[None]:
    """Workers until the end of the context."""
    await workers[0].consumer.ensure()
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(each.run()) for each in workers]
        yield
        for task in running:
            task.cancel()


async def _publish(connection: Connection, *numbers: int) -> None:
    await asyncio.gather(*(connection.acknowledged(SUBJECT, b"%d" % each) for each in numbers))


async def _pending(connection: Connection) -> int:
    info = await connection.api(f"$JS.API.CONSUMER.INFO.{NEWS_TAPE_STREAM}.work")
    return int(info["num_pending"]) + int(info["num_ack_pending"])


async def test_each_message_goes_to_one_of_them(connection: Connection) -> None:
    """Both get some, none gets what the other has, and afterwards nothing is left."""
    one, other = Worker(connection), Worker(connection)
    async with working(one, other):
        await _publish(connection, *range(300))
        await eventually(lambda: len(one.taken) + len(other.taken) == 300)
        await eventually(lambda: _pending(connection), (0).__eq__)

    assert {*one.payloads, *other.payloads} == {b"%d" % each for each in range(300)}
    assert one.taken
    assert other.taken
    assert all(each.deliveries == 1 for each in (*one.taken, *other.taken))
    assert sorted(each.sequence for each in (*one.taken, *other.taken)) == list(range(1, 301))


async def test_what_one_held_when_it_ended_goes_to_another_at_once(
    connection: Connection,
) -> None:
    """Whoever stops in order gives back what he has not begun with."""
    one, other = Worker(connection, batch=8), Worker(connection)
    one.answers = False
    await one.consumer.ensure()
    await _publish(connection, *range(8))
    async with asyncio.TaskGroup() as tasks:
        holding = tasks.create_task(one.consumer.run())
        first = await one.consumer.get()
        await one.consumer.retry(first, 0.0)
        holding.cancel()
    async with working(other):
        await eventually(lambda: len(other.taken) == 8)

    assert all(each.deliveries == 2 for each in other.taken)


async def test_a_message_that_nobody_can_use_is_not_given_out_again(
    connection: Connection,
) -> None:
    """Refused is done, and the next one comes."""
    worker = Worker(connection)
    await worker.consumer.ensure()
    await _publish(connection, 1)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(worker.consumer.run())
        await worker.consumer.refuse(await worker.consumer.get())
        await eventually(lambda: _pending(connection), (0).__eq__)
        task.cancel()


async def test_work_goes_on_after_a_restart_of_the_broker(
    connection: Connection, broker: RunningBroker
) -> None:
    """The consumer is on disk with the stream; what was acknowledged does not come again."""
    worker = Worker(connection)
    async with working(worker):
        await _publish(connection, 1)
        await eventually(lambda: _pending(connection), (0).__eq__)
        await broker.kill()
        await broker.start()
        await eventually(connection.connected.is_set)
        await _publish(connection, 2)
        await eventually(lambda: worker.payloads == [b"1", b"2"])


async def test_a_consumer_that_was_deleted_is_made_again(connection: Connection) -> None:
    """By whoever asks for messages and hears that there is none; then everything comes once more."""
    worker = Worker(connection)
    async with working(worker):
        await _publish(connection, 1)
        await eventually(lambda: worker.payloads == [b"1"])
        await connection.api(f"$JS.API.CONSUMER.DELETE.{NEWS_TAPE_STREAM}.work")
        await eventually(lambda: worker.payloads == [b"1", b"1"])
