"""Publishing with acknowledgements, on a real server."""

import asyncio
import signal

import pytest

from mesh import direct, publisher
from mesh.connection import Connection, Message
from mesh.publisher import Publisher
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection


pytestmark = pytest.mark.broker


async def _started(connection: Connection, window: int = 2000, *, waits: bool = True) -> Publisher:
    started = Publisher(connection, window, waits=waits)
    await started.start()
    return started


@pytest.mark.parametrize("window", [1, 7, 2000])
async def test_everything_is_stored_once_and_in_order(connection: Connection, window: int) -> None:
    """Whatever the window, all messages of one task are in the stream in the order of publishing."""
    sender = await _started(connection, window)
    for number in range(1000):
        await sender.publish("tape.bars.00", b"%d" % number)
        assert sender.unacknowledged <= window
    await sender.settle()

    stored = await direct.every(connection, "TAPE_BARS", "tape.bars.00")

    assert (sender.unacknowledged, sender.refused) == (0, 0)
    assert [int(message.payload) for message in stored] == list(range(1000))


async def test_subject_that_no_stream_takes_is_counted(connection: Connection) -> None:
    """Each message that no stream took counts as refused, at once, and the others do not."""
    sender = await _started(connection)
    for number in range(60):
        await sender.publish("nobody.takes" if number % 3 == 0 else "tape.bars.00", b"x")

    await sender.settle()

    assert (sender.unacknowledged, sender.refused) == (0, 20)


async def test_message_that_the_stream_refuses_is_counted(connection: Connection) -> None:
    """An answer of the stream that says no, here because the bucket is full, is a refusal."""
    await connection.api(
        "$JS.API.STREAM.CREATE.SMALL",
        {
            "name": "SMALL",
            "subjects": ["small"],
            "storage": "memory",
            "max_msgs": 3,
            "discard": "new",
        },
    )
    sender = await _started(connection)
    for _ in range(10):
        await sender.publish("small", b"x")

    await sender.settle()

    assert (sender.unacknowledged, sender.refused) == (0, 7)


async def test_settling_with_nothing_under_way_returns(connection: Connection) -> None:
    """Who published nothing, or has settled before, does not wait."""
    sender = await _started(connection)

    await sender.settle()
    await sender.publish("tape.bars.00", b"x")
    await sender.settle()
    await sender.settle()

    assert sender.refused == 0


async def test_settling_ends_although_the_broker_was_killed(
    broker: RunningBroker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was on its way to a broker that died is given up after a while and counted, and nothing hangs."""
    monkeypatch.setattr(publisher, "_LOST_AFTER_S", 0.5)
    async with ready_connection(settings) as connection:
        sender = await _started(connection)
        await broker.stop(signal.SIGKILL)
        sent = 0
        while connection.connected.is_set() and sent < 50:
            await sender.publish("tape.bars.00", b"x")
            sent += 1

        async with asyncio.timeout(5):
            await sender.settle()
        await broker.start()
        await eventually(connection.connected.is_set)

    assert (sender.unacknowledged, sender.refused) == (0, sent)


async def test_publishing_goes_on_after_the_broker_came_back(
    broker: RunningBroker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that was killed in the middle costs the messages that were under way, and no others."""
    monkeypatch.setattr(publisher, "_LOST_AFTER_S", 0.5)
    async with ready_connection(settings) as connection:
        sender = await _started(connection, window=10)
        for _ in range(100):
            await sender.publish("$KV.boards.a", b"before")
        await sender.settle()
        await broker.stop(signal.SIGKILL)
        await eventually(lambda: not connection.connected.is_set())
        async with asyncio.TaskGroup() as tasks:
            late = tasks.create_task(sender.publish("$KV.boards.b", b"after"))
            await asyncio.wait({late}, timeout=0.05)
            assert not late.done()
            await broker.start()
        for _ in range(50):
            await sender.publish("$KV.boards.b", b"after")
        async with asyncio.timeout(5):
            await sender.settle()

        stored = await direct.last(connection, "KV_boards", "$KV.boards.b")

    assert stored is not None
    assert stored.payload == b"after"
    assert sender.unacknowledged == 0


async def _add_silent_stream(connection: Connection) -> None:
    """A stream that takes `silent` and never acknowledges."""
    await connection.api(
        "$JS.API.STREAM.CREATE.SILENT",
        {"name": "SILENT", "subjects": ["silent"], "storage": "memory", "no_ack": True},
    )


async def test_live_publishing_does_not_wait_for_a_silent_stream(connection: Connection) -> None:
    """Without one acknowledgement every subscriber hears everything, and no more than the window is kept."""
    await _add_silent_stream(connection)
    heard: list[bytes] = []

    async def hear(message: Message) -> None:
        heard.append(message.data)

    await connection.subscribe("silent", hear)
    sender = await _started(connection, window=10, waits=False)
    for number in range(100):
        await sender.publish("silent", b"%d" % number, events=3)
        assert sender.unacknowledged <= 10
    await eventually(lambda: len(heard) == 100)

    assert heard == [b"%d" % number for number in range(100)]
    assert (sender.unacknowledged, sender.refused) == (10, 90)
    assert sender.unstored == {"silent": 270}


async def test_live_publisher_gives_up_what_is_old(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not acknowledged in time is counted by the next message, however much room there is."""
    monkeypatch.setattr(publisher, "_LOST_AFTER_S", 0.0)
    await _add_silent_stream(connection)
    sender = await _started(connection, waits=False)
    for _ in range(20):
        await sender.publish("silent", b"x", events=2)
    assert sender.unacknowledged < 20

    await sender.settle()

    assert (sender.unacknowledged, sender.unstored) == (0, {"silent": 40})


async def test_live_publisher_counts_what_was_not_stored_by_subject(connection: Connection) -> None:
    """What a stream took does not count; what none took does, with the events in it."""
    sender = await _started(connection, waits=False)
    for number in range(60):
        subject = "nobody.takes" if number % 3 == 0 else "tape.bars.00"
        await sender.publish(subject, b"x", events=number)

    await sender.settle()

    assert sender.unstored == {"nobody.takes": sum(range(0, 60, 3))}
    assert len(await direct.every(connection, "TAPE_BARS", "tape.bars.00")) == 40
