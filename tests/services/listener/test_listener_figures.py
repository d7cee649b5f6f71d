"""What the listener says of itself in figures."""

import asyncio

import pytest

from mesh.calendar import STANDARD
from mesh.connection import Connection, open_connection
from mesh.meters import Distribution
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.control import FeedWanted
from services.listener import figures
from services.listener.frames import Splitter
from services.listener.listener import Listener
from services.listener.standing import Standing, target
from tests.services.listener.programs import Told
from tests.services.simulator.listening import trade


pytestmark = pytest.mark.broker

START_MS = 1_727_875_800_000
LARGER_THAN_THE_BROKER_TAKES = 9 << 20


def _frame(sequence: int, padding: int = 0) -> str:
    return f"[{trade(START_MS, 'F', sequence, padding).payload.decode()}]"


async def test_all_that_came_is_accounted_for(settings: Settings, connection: Connection) -> None:
    """Events that were published, malformed, too large for the broker, or left over at the end are all that were received."""
    assert connection.connected.is_set()
    told = Told()
    async with open_connection(settings, "listener", told.log) as opened:
        listener = Listener(settings, opened, told.log)
        await listener.start()
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(listener.run())
            for sequence in range(5):
                await listener.frames.put(_frame(sequence))
            await listener.frames.put('[{"ev":"T","sym":"F","p":-1},{"ev":"XX"}]')
            await eventually(lambda: listener.published.total() == 6)
            await listener.frames.put(_frame(6, LARGER_THAN_THE_BROKER_TAKES))
            await eventually(lambda: listener.discarded)
            publishing.cancel()
        await listener.frames.put(_frame(7))
        listener.discard_rest()
        shown = figures.of(listener, Standing(target(settings, FeedWanted())), STANDARD)

    received, published, discarded = (
        shown[f"tape.{name}"] for name in ("received", "published", "discarded")
    )
    assert isinstance(received, dict)
    assert isinstance(published, dict)
    assert isinstance(discarded, dict)
    assert (published["trades"], published["other"], discarded["trades"]) == (5, 1, 2)
    assert shown["tape.rejected"] == received["unknown"] == 1
    assert sum(received.values()) == sum(published.values()) + sum(discarded.values()) + 1
    assert "feed.last_frame_timestamp" not in shown


def test_how_late_a_batch_came_is_recorded_once() -> None:
    """Of each batch, whatever is in it, the oldest event's way counts; that of a recording does not."""
    lag = Distribution()
    splitter = Splitter(1, lag=lag)
    splitter.add(f"[{_frame(1)[1:-1]},{_frame(2)[1:-1]}]", START_MS + 30.0)
    splitter.add(_frame(3), START_MS + 40.0)
    splitter.take()
    splitter.add(_frame(4), START_MS + 7_200_000.0)
    splitter.take()

    assert sum(lag.counts) == 1
    assert lag.sum_s == pytest.approx(0.03)
