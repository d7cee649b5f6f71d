"""A server that hangs: what it was sent is given up, and the connection ends all the same."""

import asyncio
from contextlib import suppress

import pytest

from mesh.connection import open_connection
from mesh.errors import BrokerError
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually


pytestmark = [pytest.mark.broker, pytest.mark.slow]


async def test_publisher_leaves_a_broker_that_hangs(
    broker: RunningBroker, settings: Settings
) -> None:
    """Who publishes to a broker that takes nothing loses the connection, and has it back when the broker goes on."""
    async with (
        open_connection(settings, "test", set_up("test", "error")) as opened,
        asyncio.TaskGroup() as tasks,
    ):

        async def publish() -> None:
            while not opened.incarnation:
                with suppress(BrokerError):
                    await opened.publish("a", b"x" * 100_000)
                await asyncio.sleep(0)

        broker.pause()
        tasks.create_task(publish())
        await eventually(lambda: not opened.connected.is_set(), timeout_s=25)
        broker.resume()
        await eventually(lambda: opened.incarnation, timeout_s=25)


async def test_connection_to_a_hung_broker_is_closed(
    broker: RunningBroker, settings: Settings
) -> None:
    """A program whose broker hangs ends, although what it said last cannot be sent any more."""
    async with open_connection(settings, "test", set_up("test", "error")) as opened:
        broker.pause()
        for _ in range(6):
            await opened.publish("a", b"x" * 1_000_000)

    assert opened.client.is_closed
    broker.resume()
