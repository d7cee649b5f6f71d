"""The listener on a real broker and a real simulator: nothing twice, nothing lost without being counted."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection

from mesh import topology
from mesh.connection import Connection, Message, open_connection
from mesh.errors import FeedRefusedError
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually
from schemas.market import ProducerPositions
from schemas.wire import msgpack_decoder
from services.listener.listener import Listener
from services.listener.service import serve
from services.simulator.events import TapeEvent
from services.simulator.feed import LiveFeed, TapeFeed
from services.simulator.player import Unpaced
from tests.services.listener.programs import Told, running
from tests.services.listener.vendor import Tape, Vendor, fed
from tests.services.simulator.listening import Gate, served, trade


pytestmark = pytest.mark.broker

START_MS = 1_727_875_800_000


def _trades(count: int, padding: int = 0) -> list[TapeEvent]:
    return [trade(START_MS + n, f"S{n % 50}", n, padding) for n in range(count)]


def _broken(time_ms: int) -> TapeEvent:
    return TapeEvent(time_ms, "T", "F", b'{"ev":"T","sym":"F","p":-1}')


@pytest.fixture
async def tape(connection: Connection) -> Tape:
    """The tape, heard from now on."""
    heard = Tape(connection)
    await heard.start()
    return heard


@asynccontextmanager
async def _listener(settings: Settings, told: Told) -> AsyncIterator[Listener]:
    """A listener without a feed: the test puts the frames."""
    async with open_connection(settings, "listener", told.log) as opened:
        listener = Listener(settings, opened, told.log)
        await listener.start()
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(listener.run())
            yield listener
            listener.frames.end()
            await asyncio.wait({publishing}, timeout=2)
            publishing.cancel()


def _without_holes(tape: Tape) -> bool:
    return all(numbers == list(range(len(numbers))) for numbers in tape.numbers())


async def test_every_event_is_published_once(settings: Settings, tape: Tape) -> None:
    """A whole tape arrives, each event once, in batches numbered without holes by class and partition."""
    events = _trades(5000)
    async with (
        served(TapeFeed([*events, _broken(START_MS + 5000)], Unpaced())) as port,
        running(serve, fed(settings, port)) as told,
    ):
        await told.until("tape.ended")
        await eventually(lambda: len(tape.sequences()) >= len(events))

    assert sorted(tape.sequences()) == list(range(5000))
    assert _without_holes(tape)
    assert told.counters["published"] == told.counters["received"] == {"trades": 5000}
    assert (told.counters["discarded"], told.counters["rejected"]) == ({}, 1)
    assert told.counters["unstored"] == {}


async def test_wrong_key_is_refused_for_good(settings: Settings, tape: Tape) -> None:
    """A key that the vendor refuses ends the program with an error that nobody tries again."""
    async with served(TapeFeed([], Unpaced())) as port:
        wrong = msgspec.structs.replace(fed(settings, port), api_key="wrong")
        with pytest.raises(ExceptionGroup) as failure:
            await serve(wrong, Told())

    assert failure.group_contains(FeedRefusedError, match="refused the key", depth=2)
    assert tape.batches == 0


async def test_stop_publishes_what_has_arrived(settings: Settings, tape: Tape) -> None:
    """A frame that arrives in the same moment as the signal to stop is published, not forgotten."""
    told = Told()

    async def send_and_stop(connection: ServerConnection) -> None:
        for event in _trades(40):
            await connection.send(b"[" + event.payload + b"]", text=True)
        told.stopping.set()
        await connection.wait_closed()

    async with Vendor(send_and_stop).serving() as port:
        counters = await serve(fed(settings, port), told)

    await eventually(lambda: len(tape.sequences()) == 40)
    assert counters["published"] == {"trades": 40}
    assert _without_holes(tape)


async def test_stop_says_how_far_it_came(
    settings: Settings,
    connection: Connection,
    tape: Tape,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last word of a listener is its last batch of each partition: whoever missed that one learns of it from nobody else."""
    monkeypatch.setattr("services.listener.listener._HEADS_S", 3600.0)
    told, said = Told(), dict[int, int]()

    async def hear(message: Message) -> None:
        heads = msgpack_decoder(ProducerPositions).decode(message.data)
        said[heads.partition] = heads.positions["trades"].number

    async def send_and_stop(connection: ServerConnection) -> None:
        for event in _trades(40):
            await connection.send(b"[" + event.payload + b"]", text=True)
        told.stopping.set()
        await connection.wait_closed()

    await connection.subscribe("heads.*", hear)
    async with Vendor(send_and_stop).serving() as port:
        await serve(fed(settings, port), told)
    await eventually(lambda: len(tape.sequences()) == 40)
    last = {partition: len(batches) - 1 for (_, partition), batches in tape.heard.items()}

    await eventually(lambda: said == last)


async def test_live_feed_drops_the_oldest_while_the_broker_is_away(
    broker: RunningBroker, settings: Settings
) -> None:
    """With the broker killed a live feed is read on, the oldest frames are dropped and counted, and the sums agree."""
    gate = Gate(START_MS - 1)
    feed = LiveFeed([*_trades(3000, padding=1000), _broken(START_MS + 3000)], gate)
    settings = msgspec.structs.replace(settings, queue_mb=1)
    async with served(feed) as port, running(serve, fed(settings, port)) as told:
        await eventually(lambda: told.facts)
        await eventually(lambda: feed.listeners)
        gate.open_until(START_MS + 1000)
        await eventually(lambda: feed.sent.events["T"] == 1001)
        await broker.stop(signal.SIGKILL)
        await told.until("broker.lost")
        gate.open_until(START_MS + 2989)
        await eventually(lambda: gate.waiting_for == START_MS + 2990)
        await broker.start()
        await told.until("broker.regained")
        async with open_connection(settings, "test", set_up("test", "error")) as again:
            await topology.apply(again, topology.definitions())
            tape = Tape(again)
            await tape.start()
            gate.open_until(START_MS + 3000)
            await eventually(lambda: 2999 in tape.sequences())

    counters = told.counters
    assert counters["discarded"]["trades"] > 0
    total = counters["published"]["trades"] + counters["discarded"]["trades"] + counters["rejected"]
    assert total == feed.sent.events["T"] == 3001
    assert told.said("feed.lost") == []


async def test_lossless_feed_waits_for_the_owners(settings: Settings, tape: Tape) -> None:
    """Without reports of checkpoints a tape is held back, with them it goes on, and nothing is dropped."""
    settings = msgspec.structs.replace(settings, lossless=True, window_events=300, queue_mb=1)
    events = _trades(6000, padding=1000)
    feed = TapeFeed(events, Unpaced())
    async with served(feed) as port, running(serve, fed(settings, port)) as told:
        await eventually(lambda: feed.sent.events["T"] == 6000 and len(tape.sequences()) >= 300)
        held = len(tape.sequences())
        while not told.said("tape.ended"):
            await tape.report("owner")
            known = tape.batches
            await eventually(lambda: tape.batches > known or told.said("tape.ended"))  # noqa: B023 (awaited here)

    assert held < 1000
    assert sorted(set(tape.sequences())) == list(range(6000))
    assert told.counters["published"] == {"trades": 6000}
    assert told.counters["discarded"] == {}


async def test_end_of_tape_is_announced_when_everything_is_covered(
    settings: Settings, tape: Tape
) -> None:
    """While one batch is not in a checkpoint the tape has not ended, though all of it was published."""
    settings = msgspec.structs.replace(settings, lossless=True)
    async with (
        served(TapeFeed(_trades(1000), Unpaced())) as port,
        running(serve, fed(settings, port)) as told,
    ):
        await eventually(lambda: len(tape.sequences()) == 1000)
        await tape.report("owner", but_last=True)
        await tape.report("another", but_last=True)
        await eventually(lambda: len(tape.sequences()) == 2000)
        before = told.said("tape.ended")
        await tape.report("another")
        await told.until("tape.ended")

    assert before == []
    assert told.counters["resent_batches"] > 0


@pytest.mark.slow
async def test_silent_owner_is_sent_everything_again(settings: Settings, tape: Tape) -> None:
    """What no checkpoint covers after three seconds is sent again, with the same numbers."""
    settings = msgspec.structs.replace(settings, lossless=True)
    async with (
        served(TapeFeed(_trades(100), Unpaced())) as port,
        running(serve, fed(settings, port)) as told,
    ):
        await told.until("tape.resent")
        await eventually(lambda: len(tape.sequences()) == 200)
        await tape.report("owner")

    assert sorted(tape.sequences()) == sorted(chain(range(100), range(100)))
    assert all(numbers == [0, 0] for numbers in tape.numbers())


def _too_large(sequence: int) -> str:
    return f"[{trade(START_MS, 'F', sequence, 9 << 20).payload.decode()}]"


async def test_batch_that_the_broker_refuses_is_counted(settings: Settings, tape: Tape) -> None:
    """A batch larger than the broker takes is discarded and counted, and the ones after it are published."""
    told = Told()
    async with _listener(settings, told) as listener:
        await listener.frames.put(_too_large(0))
        await eventually(lambda: listener.discarded)
        await listener.frames.put(f"[{trade(START_MS, 'F', 1).payload.decode()}]")
        await eventually(lambda: tape.sequences() == [1])

    assert listener.discarded == {"trades": 1}
    assert listener.published == {"trades": 1}


async def test_resending_what_the_broker_refuses_ends_nothing(
    settings: Settings, tape: Tape
) -> None:
    """A lossless batch that cannot be sent again is complained about; the others are sent."""
    settings = msgspec.structs.replace(settings, lossless=True)
    told = Told()
    async with _listener(settings, told) as listener:
        await listener.frames.put(_too_large(0))
        await told.until("tape.unpublished")
        await listener.frames.put(f"[{trade(START_MS, 'F', 1).payload.decode()}]")
        await eventually(lambda: tape.batches == 1)
        await tape.report("owner", but_last=True)
        await eventually(lambda: listener._window and listener._window._owners)
        await tape.report("another", but_last=True)
        await eventually(lambda: tape.sequences() == [1, 1])

    assert listener.resent > 0


async def test_what_cannot_be_published_at_the_end_is_counted(
    broker: RunningBroker, settings: Settings, connection: Connection
) -> None:
    """With the broker gone for good, what had arrived is discarded and counted when the program stops."""
    assert connection.connected.is_set()
    told = Told()
    async with _listener(settings, told) as listener:
        await broker.stop(signal.SIGKILL)
        await told.until("broker.lost")
        for event in _trades(30):
            await listener.frames.put(f"[{event.payload.decode()}]")
    listener.discard_rest()

    assert listener.discarded == {"trades": 30}
    assert not listener.published
