"""KV buckets on a real server."""

import asyncio
import signal

import pytest

from mesh import clock, topology
from mesh.connection import Connection, Message
from mesh.errors import FencedError
from mesh.kv import Entry, KeyValue
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection
from schemas.naming import Bucket


pytestmark = pytest.mark.broker


async def test_get_gives_the_last_put(connection: Connection) -> None:
    """The last value of a key comes back with its revision and headers, and an absent key is None."""
    boards = KeyValue(connection, Bucket.BOARDS)
    await boards.put("gainers", b"1")
    revision = await boards.put("gainers", b"2", {"Mesh-Received-Ms": "7.5"})

    entry = await boards.get("gainers")

    assert entry is not None
    assert (entry.key, entry.value, entry.revision) == ("gainers", b"2", revision)
    assert entry.headers["Mesh-Received-Ms"] == "7.5"
    assert await boards.get("losers") is None


async def test_all_gives_each_key_once(connection: Connection) -> None:
    """All keys of a bucket come with their last values, also when they take several answers."""
    rows = KeyValue(connection, Bucket.ROWS)
    for number in range(1200):
        await rows.put_unconfirmed(f"S{number}", b"old")
    for number in range(1200):
        await rows.put_unconfirmed(f"S{number}", str(number).encode())
    await rows.put("BRK/B", b"last")

    entries = {entry.key: entry.value for entry in await rows.all()}

    assert entries == {f"S{n}": str(n).encode() for n in range(1200)} | {"BRK/B": b"last"}


async def test_history_gives_as_many_revisions_as_the_bucket_keeps(connection: Connection) -> None:
    """Of eleven values and a deletion the ten newest come, newest first, with when each was put; of no other key."""
    layouts = KeyValue(connection, Bucket.LAYOUTS)
    begun_ms = clock.now_ms()
    revisions = [await layouts.put("61", b"%d" % number) for number in range(11)]
    await layouts.put("62", b"another")
    await layouts.delete("61")

    kept = await layouts.history("61")

    assert [each.value for each in kept] == [None, *(b"%d" % n for n in range(10, 1, -1))]
    assert [each.revision for each in kept[1:]] == revisions[:1:-1]
    times = [each.at_ms for each in kept]
    assert times == sorted(times, reverse=True)
    assert int(begun_ms) - 1000 <= times[-1] <= times[0] <= clock.now_ms() + 1000
    assert await layouts.history("63") == []


async def test_put_if_refuses_a_former_owner(connection: Connection) -> None:
    """Compare-and-set lets the first writer pass and fences the one that read before it."""
    checkpoints = KeyValue(connection, Bucket.CHECKPOINTS)
    first = await checkpoints.put_if("00", b"a", 0)
    await checkpoints.put_if("00", b"b", first)

    with pytest.raises(FencedError):
        await checkpoints.put_if("00", b"c", first)


async def test_puts_are_republished_for_plain_subscribers(connection: Connection) -> None:
    """A tool that knows nothing of KV reads boards on `board.{name}` and rows on `row.{SYM}`."""
    heard: dict[str, bytes] = {}

    async def note(message: object) -> None:
        heard[message.subject] = message.data  # type: ignore[attr-defined]  # the client's message

    await connection.subscribe("board.*", note)
    await connection.subscribe("row.*", note)
    await KeyValue(connection, Bucket.BOARDS).put("gainers", b"[]")
    await KeyValue(connection, Bucket.ROWS).put("BRK/B", b"{}")

    assert await eventually(lambda: dict(heard), lambda found: len(found) == 2) == {
        "board.gainers": b"[]",
        "row.BRK/B": b"{}",
    }


async def test_watch_survives_a_broker_that_was_killed(
    broker: RunningBroker, settings: Settings
) -> None:
    """A watcher sees what was there, each change, and the changes after the broker came back."""
    async with ready_connection(settings) as connection:
        boards = KeyValue(connection, Bucket.BOARDS)
        await boards.put("gainers", b"1")
        watched = boards.watch()
        seen: list[Entry] = [await anext(watched)]
        await boards.put("gainers", b"2")
        seen.append(await anext(watched))

        await broker.stop(signal.SIGKILL)
        await broker.start()
        await eventually(connection.connected.is_set)
        await topology.apply(connection, topology.definitions())
        await boards.put("gainers", b"3")
        while seen[-1].value != b"3":
            seen.append(await anext(watched))
        await watched.aclose()

    assert [entry.value for entry in seen if entry.value != b"2"] == [b"1", b"3"]
    revisions = [entry.revision for entry in seen]
    assert revisions == sorted(revisions)


@pytest.mark.parametrize("turns", range(12))
async def test_watch_ends_when_it_is_cancelled(connection: Connection, turns: int) -> None:
    """One cancellation ends a watch, also one that meets it in the turns of the loop that bring it a value."""
    boards = KeyValue(connection, Bucket.BOARDS)
    seen: set[str] = set()

    async def watch() -> None:
        async for entry in boards.watch():
            seen.add(entry.key)

    async def cancel(_: Message) -> None:
        for _turn in range(turns):
            await asyncio.sleep(0)
        watching.cancel()

    await boards.put("first", b"[]")
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        await eventually(lambda: "first" in seen)
        await connection.subscribe("board.last", cancel)
        await boards.put("last", b"[]")
        await asyncio.wait([watching], timeout=2)

        assert watching.cancelled()
