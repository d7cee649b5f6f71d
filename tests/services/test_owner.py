"""The owner of a partition on a real broker: resume, repair, gaps, fencing."""

import asyncio
import signal
from functools import partial

import pytest

from mesh import clock, topology
from mesh.connection import Connection, Message
from mesh.errors import FencedError
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.publisher import Publisher
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection
from schemas.market import Bar, Batch, Position, ProducerPositions, Repair
from schemas.naming import (
    Bucket,
    MarketClass,
    heads_subject,
    key_subject,
    repair_subject,
    tape_stream,
    tape_subject,
)
from schemas.wire import encode_msgpack, msgpack_decoder
from services.processors.known import Knowledge
from services.processors.owner import Owner
from services.processors.rows import RowFold
from services.processors.tally import Tally


pytestmark = pytest.mark.broker

PARTITION = 5
START_MS = 1_727_877_000_000


def _bar(number: int) -> Bar:
    start_ms = START_MS + 1000 * number
    return Bar(
        "A",
        start_ms,
        start_ms + 1000,
        1.0,
        1.0,
        1.0,
        1.0 + number,
        1.0,
        float(number),
        None,
        None,
        None,
    )


def _encoded(number: int) -> bytes:
    return encode_msgpack(Batch(1, number, number, clock.now_ms(), [_bar(number)]))


async def _send(connection: Connection, number: int) -> None:
    await connection.acknowledged(tape_subject(MarketClass.BARS, PARTITION), _encoded(number))


async def _store_unheard(connection: Connection, number: int) -> None:
    """Put a batch into the stream that no subscriber of the tape hears: as a lost message looks."""
    stream = tape_stream(MarketClass.BARS)
    info = await connection.api(f"$JS.API.STREAM.INFO.{stream}")
    moved = {**info["config"], "subjects": ["unheard.*"]}
    moved["subject_transform"] = {"src": "unheard.*", "dest": "tape.bars.{{wildcard(1)}}"}
    await connection.api(f"$JS.API.STREAM.UPDATE.{stream}", moved)
    await connection.acknowledged(f"unheard.{PARTITION:02d}", _encoded(number))
    await connection.api(
        f"$JS.API.STREAM.UPDATE.{stream}", {**info["config"], "subject_transform": None}
    )


async def _owner(
    connection: Connection, *, lossless: bool = False, most_bytes: int = 1 << 20
) -> Owner:
    publisher = Publisher(connection)
    await publisher.start()
    owner = Owner(
        connection,
        publisher,
        PARTITION,
        partial(RowFold, knowledge=Knowledge()),
        set_up("test", "error"),
        {},
        tally=Tally(),
        intake_bytes=None if lossless else most_bytes,
        arrived=asyncio.Event(),
    )
    await owner.open()
    return owner


def _has_gap(owner: Owner) -> bool:
    owner.reader.work()
    return owner.reader.gap


def _folded(owner: Owner) -> int:
    owner.reader.work()
    return owner.state.fold.folded[MarketClass.BARS]


async def test_successor_goes_on_where_the_checkpoint_and_the_stream_meet(
    connection: Connection,
) -> None:
    """What came after the last checkpoint is read from the stream: nothing is lost, nothing counted twice."""
    first = await _owner(connection)
    for number in range(3):
        await _send(connection, number)
    await eventually(lambda: _folded(first) == 3)
    await first.checkpoint()
    for number in range(3, 6):
        await _send(connection, number)

    second = await _owner(connection)

    assert (_folded(second), second.state.discarded.total()) == (6, 0)
    assert [row.last_usd for row in second.state.fold.on_flush().rows()] == [6.0]


async def test_former_owner_is_fenced(connection: Connection) -> None:
    """Once another process has the partition, the first one cannot write a checkpoint any more."""
    first = await _owner(connection)
    second = await _owner(connection)
    await _send(connection, 0)
    await eventually(lambda: _folded(first) == 1)

    with pytest.raises(FencedError):
        await first.checkpoint()
    await second.checkpoint()


async def test_gap_loses_only_what_is_missing(connection: Connection) -> None:
    """Batches after a hole that the stream still holds are folded; only the hole is a gap."""
    for number in range(5, 10):
        await _send(connection, number)

    owner = await _owner(connection)
    await _send(connection, 10)
    await eventually(lambda: _folded(owner) == 6)

    assert owner.state.discarded == {MarketClass.BARS: 5}


async def test_skipped_number_is_repaired_from_the_stream(connection: Connection) -> None:
    """A live batch that is not the next waits until the stream gave the ones before it."""
    owner = await _owner(connection)
    await connection.publish(tape_subject(MarketClass.BARS, PARTITION), _encoded(0))
    await eventually(lambda: _folded(owner) == 1)
    await _store_unheard(connection, 1)
    await _send(connection, 2)
    await eventually(lambda: _has_gap(owner))
    await owner.reader.repair()

    assert (_folded(owner), owner.state.discarded.total()) == (3, 0)


async def test_lossless_owner_waits_for_what_is_missing(connection: Connection) -> None:
    """Of a lossless producer no batch is folded before the ones in front of it have come again."""
    owner = await _owner(connection, lossless=True)
    await _send(connection, 1)
    await eventually(lambda: _has_gap(owner))
    await owner.reader.repair()
    await _send(connection, 0)
    await _send(connection, 1)
    await eventually(lambda: _folded(owner) == 2)

    assert not owner.state.discarded


@pytest.mark.parametrize(
    "broken", [b"", b"\xc1", encode_msgpack(["x", {"news": [1, 1]}, 0.0, b"?"])]
)
async def test_unreadable_checkpoint_is_replaced(connection: Connection, broken: bytes) -> None:
    """A checkpoint that cannot be read is rebuilt from the tape, and does not stop the partition."""
    await _send(connection, 0)
    await KeyValue(connection, Bucket.CHECKPOINTS).put("05", broken)

    owner = await _owner(connection)
    await owner.checkpoint()

    assert _folded(owner) == 1


async def test_deleted_checkpoint_is_replaced(connection: Connection) -> None:
    """A checkpoint that a person deleted does not lock the partition."""
    first = await _owner(connection)
    await first.checkpoint()
    subject = key_subject(Bucket.CHECKPOINTS, "05")
    await connection.acknowledged(subject, b"", {"KV-Operation": "DEL"})

    second = await _owner(connection)
    await _send(connection, 0)
    await eventually(lambda: _folded(second) == 1)

    await second.checkpoint()


async def test_owner_goes_on_after_the_broker_was_killed(
    broker: RunningBroker, settings: Settings
) -> None:
    """With the broker killed and back, the owner folds what comes then and checkpoints it."""
    async with ready_connection(settings) as connection:
        owner = await _owner(connection)
        await _send(connection, 0)
        await eventually(lambda: _folded(owner) == 1)
        await owner.checkpoint()

        await broker.stop(signal.SIGKILL)
        await broker.start()
        await eventually(connection.connected.is_set)
        await topology.apply(connection, topology.definitions())
        await _send(connection, 1)
        await eventually(lambda: _folded(owner) == 2)
        await owner.checkpoint()
        successor = await _owner(connection)

    assert (_folded(successor), successor.state.discarded.total()) == (2, 0)


async def test_overloaded_owner_drops_its_oldest_batches_and_counts_them(
    connection: Connection,
) -> None:
    """What does not fit is dropped from the front, exactly counted, and not asked for again."""
    size = len(_encoded(0))
    owner = await _owner(connection, most_bytes=10 * size)
    for number in range(50):
        await _send(connection, number)
    await eventually(lambda: owner.reader.intake.arrived == 50)

    assert not _has_gap(owner)
    assert _folded(owner) + owner.state.discarded[MarketClass.BARS] == 50
    assert 0 < _folded(owner) <= 10
    assert [row.last_usd for row in owner.state.fold.on_flush().rows()] == [50.0]


async def test_gap_is_repaired_by_the_producer(connection: Connection) -> None:
    """Batches that no stream has are asked of whoever published them: exactly those, once."""
    asked: list[Repair] = []

    async def answer(message: Message) -> None:
        wanted = msgpack_decoder(Repair).decode(message.data)
        asked.append(wanted)
        for number in range(wanted.first, wanted.last + 1):
            await connection.publish(message.reply, _encoded(number))
        await connection.publish(message.reply, b"")

    await connection.subscribe(repair_subject(MarketClass.BARS, PARTITION), answer)
    owner = await _owner(connection)
    await _send(connection, 0)
    await _send(connection, 4)
    await eventually(lambda: _has_gap(owner))
    await owner.reader.repair()

    assert (_folded(owner), owner.state.discarded.total()) == (5, 0)
    assert asked == [Repair(1, 1, 3)]


async def _say(connection: Connection, number: int, events: int) -> None:
    heads = ProducerPositions(PARTITION, {"bars": Position(1, number, events)})
    await connection.publish(heads_subject(PARTITION), encode_msgpack(heads))


async def test_newest_batches_that_were_not_heard_are_read_again(connection: Connection) -> None:
    """With no batch behind them that would tell, the producer's word does: they are folded from the stream."""
    owner = await _owner(connection)
    await _send(connection, 0)
    await eventually(lambda: _folded(owner) == 1)
    await _store_unheard(connection, 1)
    await _store_unheard(connection, 2)
    await _say(connection, 2, 3)
    await _say(connection, 2, 3)
    await eventually(lambda: _has_gap(owner))
    await owner.reader.repair()

    assert (_folded(owner), owner.state.discarded.total()) == (3, 0)


async def test_newest_batches_that_nobody_has_are_counted(connection: Connection) -> None:
    """They are lost, said and counted once, and the next batch is folded without a gap."""
    owner = await _owner(connection)
    await _send(connection, 0)
    await eventually(lambda: _folded(owner) == 1)
    for _ in range(2):
        await _say(connection, 6, 7)
    await eventually(lambda: _has_gap(owner))
    await owner.reader.repair()
    await owner.checkpoint()
    for _ in range(2):
        await _say(connection, 6, 7)
    await _send(connection, 7)
    await eventually(lambda: _folded(owner) == 2)
    successor = await _owner(connection)

    assert not owner.reader.gap
    assert owner.state.discarded == {MarketClass.BARS: 6}
    assert (_folded(successor), successor.state.discarded.total()) == (2, 6)


async def test_last_batches_of_a_producer_come_before_those_of_the_next(
    connection: Connection,
) -> None:
    """A listener that ended said no more how far it was: what was not heard of it is read before its successor's first batch is folded."""
    owner = await _owner(connection)
    await _send(connection, 0)
    await eventually(lambda: _folded(owner) == 1)
    await _store_unheard(connection, 1)
    await _store_unheard(connection, 2)
    first = Batch(2, 0, 0, clock.now_ms(), [_bar(3)])
    await connection.acknowledged(tape_subject(MarketClass.BARS, PARTITION), encode_msgpack(first))
    await eventually(lambda: _has_gap(owner))
    await owner.reader.repair()

    assert (_folded(owner), owner.state.discarded.total()) == (4, 0)
    assert not owner.reader.gap
    assert owner.state.tally.gaps == {"missed": 1}
    assert owner.state.positions.covered() == {"bars": Position(2, 0, 1)}


async def test_a_producer_that_follows_another_is_nothing_missed(connection: Connection) -> None:
    """A listener that is replaced has every owner read the stream, once for each class: where all of it was heard no gap is counted."""
    owner = await _owner(connection)
    await _send(connection, 0)
    await eventually(lambda: _folded(owner) == 1)
    first = Batch(2, 0, 0, clock.now_ms(), [_bar(1)])
    await connection.acknowledged(tape_subject(MarketClass.BARS, PARTITION), encode_msgpack(first))
    await eventually(lambda: _has_gap(owner))
    await owner.reader.repair()

    assert _folded(owner) == 2
    assert not owner.state.tally.gaps


async def test_batches_on_their_way_are_not_missed(connection: Connection) -> None:
    """What the producer has said once may still arrive; only who is not there when it speaks again asks."""
    asked: list[Message] = []

    async def hear(message: Message) -> None:
        asked.append(message)

    await connection.subscribe(repair_subject(MarketClass.BARS, PARTITION), hear)
    owner = await _owner(connection)
    for number in range(20):
        await _say(connection, number, number + 1)
        await _send(connection, number)
        await eventually(lambda number=number: _folded(owner) == number + 1)

    assert not owner.reader.gap
    assert not asked


async def test_counts_follow_the_partition(connection: Connection) -> None:
    """A successor goes on with what its predecessor had folded and lost: nothing is counted by process."""
    for number in range(3, 6):
        await _send(connection, number)
    first = await _owner(connection)
    await first.checkpoint()
    await connection.api(f"$JS.API.STREAM.PURGE.{tape_stream(MarketClass.BARS)}")

    second = await _owner(connection)

    assert second.state.counts() == first.state.counts()
    assert second.state.counts().folded["bars"] == 3
    assert second.state.counts().discarded["bars"] == 3


async def test_owner_that_was_paused_puts_nothing_when_it_wakes_up(connection: Connection) -> None:
    """Replaced while it hung, an owner is refused before it puts a row or an image."""
    first = await _owner(connection)
    await _send(connection, 0)
    await eventually(lambda: _folded(first) == 1)
    await first.flush()
    await eventually(lambda: not first.ledger.is_fresh)  # as after a long pause
    second = await _owner(connection)
    await second.flush()
    await second.picture()

    with pytest.raises(FencedError):
        await first.put_rows()
    with pytest.raises(FencedError):
        await first.picture()
    assert await KeyValue(connection, Bucket.ROWS).get("A") is None
