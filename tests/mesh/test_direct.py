"""Reading streams without a consumer, on a real server."""

from datetime import datetime

import pytest

from mesh import clock, direct
from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.publisher import Publisher


pytestmark = pytest.mark.broker


async def _fill(connection: Connection, count: int, size: int = 1) -> None:
    sender = Publisher(connection)
    await sender.start()
    for number in range(count):
        await sender.publish(f"rows.{number % 3:02d}", b"%d" % number + b" " * size)
    await sender.settle()
    assert sender.refused == 0


@pytest.mark.parametrize("count", [0, 1, 3, 499, 500, 501, 1000, 1733])
async def test_every_message_comes_once_and_in_order(connection: Connection, count: int) -> None:
    """Also around the size of a batch nothing is missing, doubled or out of order."""
    await _fill(connection, count)

    stored = await direct.every(connection, "ROWS", "rows.*")

    assert [int(message.payload) for message in stored] == list(range(count))
    assert [message.sequence for message in stored] == list(range(1, count + 1))
    assert [message.subject for message in stored] == [f"rows.{n % 3:02d}" for n in range(count)]


async def test_one_subject_of_many_is_read_alone(connection: Connection) -> None:
    """Only messages of the subject come, however many others lie between."""
    await _fill(connection, 1600)

    stored = await direct.every(connection, "ROWS", "rows.01")

    assert [int(message.payload) for message in stored] == list(range(1, 1600, 3))


async def test_large_messages_are_read_in_smaller_batches(connection: Connection) -> None:
    """What exceeds the server's limit of an answer in bytes is read on, not cut off."""
    await _fill(connection, 60, size=1 << 20)

    stored = await direct.every(connection, "ROWS", "rows.*")

    assert [int(message.payload) for message in stored] == list(range(60))


async def test_since_begins_at_a_time(connection: Connection) -> None:
    """Messages from a time on are those whose own time is not before it."""
    await _fill(connection, 30)
    everything = await direct.every(connection, "ROWS", "rows.*")
    times = [
        datetime.fromisoformat(message.headers["Nats-Time-Stamp"]).timestamp() * 1000
        for message in everything
    ]

    later = await direct.since(connection, "ROWS", "rows.*", times[17])

    assert {message.sequence for message in later} >= set(range(19, 31))
    assert {message.sequence for message in later} <= set(range(17, 31))
    assert await direct.since(connection, "ROWS", "rows.*", times[0] - 60_000) == everything
    assert await direct.since(connection, "ROWS", "rows.*", clock.now_ms() + 60_000) == []
    assert await direct.since(connection, "ROWS", "rows.77", times[0]) == []


async def test_last_is_the_newest_or_none(connection: Connection) -> None:
    """The newest message of a subject comes with what its publisher put into its headers."""
    await connection.acknowledged("rows.00", b"old")
    await connection.acknowledged("rows.00", b"new", {"Mesh-Received-Ms": "1"})

    stored = await direct.last(connection, "ROWS", "rows.00")

    assert stored is not None
    assert (stored.subject, stored.sequence, stored.payload) == ("rows.00", 2, b"new")
    assert stored.headers["Mesh-Received-Ms"] == "1"
    assert await direct.last(connection, "ROWS", "rows.01") is None


async def test_empty_payload_is_a_message(connection: Connection) -> None:
    """A message of no bytes is a message, and does not end a batch."""
    await connection.acknowledged("rows.00", b"")
    await connection.acknowledged("rows.00", b"x", {"Status": "fine"})

    stored = await direct.every(connection, "ROWS", "rows.*")

    assert [message.payload for message in stored] == [b"", b"x"]


async def test_messages_that_are_gone_are_passed_over(connection: Connection) -> None:
    """A hole in the stream, as limits leave it, is no end."""
    await _fill(connection, 9)
    await connection.api("$JS.API.STREAM.PURGE.ROWS", {"filter": "rows.01"})

    stored = await direct.every(connection, "ROWS", "rows.*")

    assert [int(message.payload) for message in stored] == [0, 2, 3, 5, 6, 8]


async def test_stream_that_is_not_there_is_an_error(connection: Connection) -> None:
    """Reading what does not exist is said, and is not an empty answer."""
    with pytest.raises(BrokerError):
        await direct.every(connection, "NOWHERE", "rows.*")
    with pytest.raises(BrokerError):
        await direct.last(connection, "NOWHERE", "rows.00")
