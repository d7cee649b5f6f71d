"""A live listener whose streams or whose broker fail: subscribers go on, and what they missed is repaired."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from mesh.connection import Connection, Message, open_connection
from mesh.errors import BrokerError
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually
from schemas.market import Batch, Position, ProducerPositions, Repair, Trade
from schemas.naming import MarketClass, repair_subject
from schemas.wire import encode_msgpack, msgpack_decoder
from services.listener import repair
from services.listener.listener import Listener
from tests.services.listener.programs import Told
from tests.services.listener.vendor import Tape
from tests.services.simulator.listening import trade


pytestmark = pytest.mark.broker

START_MS = 1_727_875_800_000
TRADES = MarketClass.TRADES

_decode = msgpack_decoder(Batch[Trade]).decode


class _Asking:
    """Somebody who asks for batches."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._answers: list[Message] = []
        self._inbox = connection.inbox()

    async def start(self) -> None:
        await self._connection.subscribe(self._inbox, self._keep)

    async def _keep(self, message: Message) -> None:
        self._answers.append(message)

    async def ask(self, partition: int, payload: bytes) -> list[Batch[Trade]]:
        """The batches up to the empty message."""
        self._answers.clear()
        await self._connection.publish(
            repair_subject(TRADES, partition), payload, reply=self._inbox
        )
        await eventually(lambda: self._answers and not self._answers[-1].data)
        assert self._answers[-1].headers is None
        return [_decode(message.data) for message in self._answers[:-1]]


@pytest.fixture
async def tape(connection: Connection) -> Tape:
    """The tape, heard from now on."""
    heard = Tape(connection)
    await heard.start()
    return heard


@pytest.fixture
async def asking(connection: Connection) -> _Asking:
    """Somebody who asks."""
    somebody = _Asking(connection)
    await somebody.start()
    return somebody


@asynccontextmanager
async def _listener(settings: Settings, told: Told) -> AsyncIterator[Listener]:
    """A listener without a feed, until it has published everything."""
    async with open_connection(settings, "listener", told.log) as opened:
        listener = Listener(settings, opened, told.log)
        await listener.start()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(listener.run())
            yield listener
            listener.frames.end()


async def _publish(listener: Listener, count: int, padding: int = 0) -> None:
    """One batch for each of so many trades, all of one partition."""
    for _ in range(count):
        published = listener.published.total()
        event = trade(START_MS, "S", published, padding)
        await listener.frames.put(f"[{event.payload.decode()}]")
        await eventually(lambda: listener.published.total() > published)  # noqa: B023 (awaited here)


def _only(tape: Tape) -> tuple[int, list[Batch[Trade]]]:
    """The one partition that was heard of, and its batches."""
    (((_, partition), batches),) = tape.heard.items()
    return partition, batches


async def test_live_feed_goes_on_without_its_stream(
    settings: Settings, connection: Connection, tape: Tape
) -> None:
    """With the stream gone subscribers hear every event, and exactly those are counted as not stored."""
    async with _listener(settings, Told()) as listener:
        await _publish(listener, 5)
        await eventually(lambda: listener.publisher.unacknowledged == 0)
        await connection.api("$JS.API.STREAM.DELETE.TAPE_TRADES")
        await _publish(listener, 20)
        await eventually(lambda: len(tape.sequences()) == 25)

    assert tape.sequences() == list(range(25))
    assert (listener.published, listener.unstored) == ({TRADES: 25}, {TRADES: 20})
    assert not listener.frames.discarded


async def test_live_feed_goes_on_while_its_stream_is_silent(
    settings: Settings, connection: Connection, tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that acknowledges nothing holds up no batch, however many are on their way."""
    monkeypatch.setattr("services.listener.listener._LIVE_WINDOW", 3)
    await connection.api("$JS.API.STREAM.DELETE.TAPE_TRADES")
    silent = {"name": "SILENT", "subjects": ["tape.trades.*"], "storage": "memory", "no_ack": True}
    await connection.api("$JS.API.STREAM.CREATE.SILENT", silent)
    async with _listener(settings, Told()) as listener:
        await _publish(listener, 20)
        await eventually(lambda: len(tape.sequences()) == 20)

        assert listener.unstored == {TRADES: 17}
        monkeypatch.setattr("mesh.publisher._LOST_AFTER_S", 0.1)

    assert listener.unstored == {TRADES: 20}


async def test_live_feed_says_how_far_it_is(
    settings: Settings, connection: Connection, tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last batch and the events so far of each class and partition are said again and again."""
    monkeypatch.setattr("services.listener.listener._HEADS_S", 0.01)
    said: list[ProducerPositions] = []

    async def hear(message: Message) -> None:
        said.append(msgpack_decoder(ProducerPositions).decode(message.data))

    await connection.subscribe("heads.*", hear)
    async with _listener(settings, Told()) as listener, asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(listener.tell())
        await _publish(listener, 3)
        await eventually(lambda: said and said[-1].positions["trades"].number == 2)
        count = len(said)
        await eventually(lambda: len(said) > count)
        telling.cancel()

    partition, batches = _only(tape)
    assert said[-1] == ProducerPositions(
        partition,
        {"trades": Position(batches[0].epoch, 2, sum(len(each.events) for each in batches))},
    )


@pytest.mark.parametrize("lossless", [False, True])
async def test_repair_gives_what_was_asked_for(
    settings: Settings, tape: Tape, asking: _Asking, monkeypatch: pytest.MonkeyPatch, lossless: bool
) -> None:
    """Exactly the batches of the range come, as they were and in order, over as many breaths as it takes."""
    monkeypatch.setattr(repair, "_BREATH_BYTES", 200)
    settings = msgspec.structs.replace(settings, lossless=lossless)
    async with _listener(settings, Told()) as listener:
        await _publish(listener, 10)
        await eventually(lambda: tape.batches == 10)
        partition, heard = _only(tape)
        epoch = heard[0].epoch
        some = await asking.ask(partition, encode_msgpack(Repair(epoch, 3, 6)))
        every = await asking.ask(partition, encode_msgpack(Repair(epoch, 0, 1 << 40)))
        none = await asking.ask(partition, encode_msgpack(Repair(epoch, 6, 3)))
        elsewhere = await asking.ask((partition + 1) % 16, encode_msgpack(Repair(epoch, 0, 9)))
        await tape.report("owner")

    assert some == heard[3:7]
    assert every == heard
    assert none == elsewhere == []
    assert listener.repairs.batches == 14


async def test_repair_of_another_epoch_ends_at_once(
    settings: Settings, tape: Tape, asking: _Asking
) -> None:
    """Who asks for the batches of another producer, or for nonsense, is told that there are none."""
    told = Told()
    async with _listener(settings, told) as listener:
        await _publish(listener, 3)
        await eventually(lambda: tape.batches == 3)
        partition, heard = _only(tape)
        other = await asking.ask(partition, encode_msgpack(Repair(heard[0].epoch - 1, 0, 9)))
        nonsense = await asking.ask(partition, b"nonsense")

    assert other == nonsense == []
    assert len(told.said("repair.unreadable")) == 1


async def test_repair_without_a_listener_is_refused(connection: Connection) -> None:
    """Without a listener whoever asks hears of it at once instead of waiting."""
    with pytest.raises(BrokerError, match="nobody answers"):
        await connection.request(repair_subject(TRADES, 0), encode_msgpack(Repair(1, 0, 1)))


async def test_forgotten_batches_are_left_out(
    settings: Settings, tape: Tape, asking: _Asking
) -> None:
    """A ring that is full has the newest batches only, and gives those of a range that it still has."""
    settings = msgspec.structs.replace(settings, ring_mb=1)
    async with _listener(settings, Told()) as listener:
        await _publish(listener, 8, padding=300_000)
        await eventually(lambda: tape.batches == 8)
        partition, heard = _only(tape)
        found = await asking.ask(partition, encode_msgpack(Repair(heard[0].epoch, 0, 6)))

    assert [batch.number for batch in found] == [5, 6]


async def test_what_a_killed_broker_swallowed_is_repaired(
    broker: RunningBroker,
    settings: Settings,
    connection: Connection,
    tape: Tape,
    asking: _Asking,
) -> None:
    """After the broker was killed under load, what was heard and what is repaired has every number once."""
    told = Told()
    async with _listener(settings, told) as listener:
        await _publish(listener, 20)
        await eventually(lambda: tape.batches == 20)
        await broker.stop(signal.SIGKILL)
        while listener._connection.connected.is_set():
            event = trade(START_MS, "S", 1)
            await listener.frames.put(f"[{event.payload.decode()}]")
            await asyncio.sleep(0)
        await broker.start()
        await eventually(connection.connected.is_set)
        await listener.frames.put(f"[{trade(START_MS, 'S', 2).payload.decode()}]")
        await eventually(lambda: 2 in tape.sequences()[20:])
        partition, heard = _only(tape)
        every = await asking.ask(partition, encode_msgpack(Repair(heard[0].epoch, 0, 1 << 40)))

    numbers = [batch.number for batch in heard]
    assert numbers == sorted(set(numbers))
    assert [batch.number for batch in every] == list(range(numbers[-1] + 1))
    assert not listener.frames.discarded
    assert listener.published.total() == sum(len(batch.events) for batch in every)
