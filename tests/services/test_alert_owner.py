"""Alerts of an owner on a real broker: each is stored once, whoever dies or is away meanwhile."""

import asyncio
import signal
from functools import partial

import msgspec
import pytest

from mesh import clock, direct, topology
from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.publisher import Publisher
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection
from schemas.market import Batch, Trade
from schemas.naming import ALERTS_STREAM, Bucket, MarketClass, alert_subject, tape_subject
from schemas.wire import encode_msgpack
from services.processors.alarms import COOLDOWN_MS
from services.processors.known import Knowledge
from services.processors.outlet import MESSAGE_ID
from services.processors.owner import Owner
from services.processors.rows import RowFold
from services.processors.tally import Tally
from services.simulator.market import start_of


pytestmark = pytest.mark.broker

PARTITION = 5
START_MS = start_of("2026-01-05T10:00:00")
IDS = [f"block-A-{START_MS}", f"block-B-{START_MS + 1000}"]


async def _owner(connection: Connection) -> Owner:
    publisher = Publisher(connection)
    await publisher.start()
    owner = Owner(
        connection,
        publisher,
        PARTITION,
        partial(RowFold, knowledge=Knowledge(), with_quotes=False),
        set_up("test", "error"),
        {},
        tally=Tally(),
        intake_bytes=1 << 20,
        arrived=asyncio.Event(),
    )
    await owner.open()
    return owner


async def _print_block(connection: Connection, number: int, symbol: str = "") -> None:
    """A trade that is a block, of *symbol* or that of the *number*; the first of its session, so it is nothing else."""
    time_ms = START_MS + (COOLDOWN_MS if symbol else 1000) * number
    block = Trade(symbol or "AB"[number], time_ms, number + 1, 50.0, 10_000.0, (), 4, str(number))
    batch = encode_msgpack(Batch(1, number, number, clock.now_ms(), [block]))
    await connection.acknowledged(tape_subject(MarketClass.TRADES, PARTITION), batch)


async def _find(owner: Owner, count: int) -> None:
    """Have *owner* find so many alerts."""

    async def found() -> int:
        owner.reader.work()
        await owner.flush()
        return len(owner.state.fold.unsent)

    await eventually(found, lambda number: number == count)  # type: ignore[arg-type]  # T is what is awaited


async def _stored(connection: Connection) -> list[str]:
    """The ids in the stream, in order."""
    messages = await direct.every(connection, ALERTS_STREAM, "alert.>")
    return [msgspec.json.decode(message.payload)["id"] for message in messages]


async def _last(connection: Connection) -> set[str]:
    """The ids in KV."""
    entries = await KeyValue(connection, Bucket.ALERTS).all()
    return {msgspec.json.decode(entry.value or b"{}")["id"] for entry in entries}


async def test_alerts_that_were_not_stored_are_by_the_next_owner(connection: Connection) -> None:
    """Found, checkpointed and never sent: the successor stores them without a print that says so again."""
    first = await _owner(connection)
    await _print_block(connection, 0)
    await _print_block(connection, 1)
    await _find(first, 2)
    await first.checkpoint()
    await first.close()  # and is gone, without a word
    before = await _stored(connection)

    second = await _owner(connection)
    await second.send_alerts()
    third = await _owner(connection)
    await third.send_alerts()

    assert (before, await _stored(connection)) == ([], IDS)
    assert await _last(connection) == set(IDS)
    assert not second.state.fold.unsent


async def test_alerts_that_were_stored_unknown_to_the_checkpoint_stay_single(
    connection: Connection,
) -> None:
    """Sent after the last checkpoint: the successor sends them again, and the stream refuses them."""
    first = await _owner(connection)
    await _print_block(connection, 0)
    await _find(first, 1)
    await first.checkpoint()
    await _print_block(connection, 1)
    await _find(first, 2)
    await first.send_alerts()
    await first.close()

    second = await _owner(connection)
    await _find(second, 2)
    await second.send_alerts()

    assert await _stored(connection) == IDS
    assert not second.state.fold.unsent


async def test_handed_over_alerts_are_not_left_to_the_next(connection: Connection) -> None:
    """Who gives a partition back stores what it has found, and the last of a kind is in KV."""
    first = await _owner(connection)
    await _print_block(connection, 0)
    await eventually(lambda: first.reader.intake.arrived == 1)
    await first.hand_over()

    assert await _stored(connection) == IDS[:1]
    assert await _last(connection) == set(IDS[:1])


async def test_handing_over_waits_for_what_is_being_sent(connection: Connection) -> None:
    """What the clock began to send is sent by the time that the next owner may begin."""
    first = await _owner(connection)
    for number in range(20):
        await _print_block(connection, number, f"S{number}")
    await _find(first, 20)
    sending = asyncio.get_running_loop().create_task(first.send_alerts())
    await asyncio.sleep(0)
    await first.hand_over()
    left = list(first.state.fold.unsent)
    sending.cancel()

    assert left == []
    assert len(await _stored(connection)) == len(await _last(connection)) == 20
    assert not (await _owner(connection)).state.fold.unsent


async def test_former_owner_replaces_no_newer_alert(connection: Connection) -> None:
    """An owner that was away sends what its successor has sent: the last of the kind stays the last."""
    former = await _owner(connection)
    await _print_block(connection, 0, "A")
    await _find(former, 1)
    successor = await _owner(connection)
    await _print_block(connection, 1, "A")
    await _find(successor, 2)
    await successor.send_alerts()
    await former.send_alerts()
    await connection.flush()

    assert await _last(connection) == {f"block-A-{START_MS + COOLDOWN_MS}"}
    assert len(await _stored(connection)) == 2


async def test_broker_that_is_away_delays_alerts(broker: RunningBroker, settings: Settings) -> None:
    """What cannot be stored is kept, and stored once the broker is back."""
    async with ready_connection(settings) as connection:
        owner = await _owner(connection)
        await _print_block(connection, 0)
        await _print_block(connection, 1)
        await _find(owner, 2)
        await broker.stop(signal.SIGKILL)
        with pytest.raises(BrokerError):
            await owner.send_alerts()
        kept = list(owner.state.fold.unsent)

        await broker.start()
        await eventually(connection.connected.is_set)
        await topology.apply(connection, topology.definitions())
        await owner.send_alerts()
        found = await _stored(connection)

    assert kept == IDS
    assert found == IDS
    assert not owner.state.fold.unsent


async def test_second_copy_of_an_id_is_refused(connection: Connection) -> None:
    """The stream itself takes an id once, whatever the content and whoever sends it."""
    subject = alert_subject("block", "A")
    for content in (b"first", b"second"):
        await connection.acknowledged(subject, content, {MESSAGE_ID: IDS[0]})
    await connection.acknowledged(subject, b"other", {MESSAGE_ID: IDS[1]})

    messages = await direct.every(connection, ALERTS_STREAM, "alert.>")
    assert [message.payload for message in messages] == [b"first", b"other"]
