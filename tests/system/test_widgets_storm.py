"""The broker killed under 500 clients of the widget service, and back: all of them converge again."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from mesh.connection import Connection
from mesh.feed_state import TableState
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.subscription import Subscription
from mesh.testing import RunningBroker, eventually, ready_connection
from mesh.widget_client import WidgetClient, open_widget_client
from schemas.naming import Bucket
from schemas.widget import View
from tests.mesh.programs import RunningProgram, mesh_run, running_program
from tests.services.widgets.boards import encoded
from tests.services.widgets.serving import Place, on_free_port


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(180)]

CLIENTS = 500
VIEWS = (
    View(),
    View(columns=["score", "last_usd"]),
    View(columns=["last_usd"], top=20),
    View(columns=["score"], top=50, window=(10, 30)),
    View(columns=["score", "session"], hz=5.0),
)


def _board(step: int) -> bytes:
    """100 rows, which change order and price with each *step*."""
    rows = [
        (f"S{(number * 7 + step) % 100:02}", 1000.0 - number, 5.0 + step) for number in range(100)
    ]
    return encoded(*rows, seq=step)


@asynccontextmanager
async def _program(settings: Settings, log: Path) -> AsyncIterator[RunningProgram]:
    async with running_program(mesh_run("widgets"), settings, log) as process:
        await process.until(ready=True)
        yield process


async def _shows(subscription: Subscription, step: int) -> None:
    """Take changes until the table is that of *step*, whole and right."""
    async for table in subscription.updates():
        assert isinstance(table, TableState)
        if table.symbols == _expected(subscription, step):
            return


def _expected(subscription: Subscription, step: int) -> list[str]:
    """The symbols of a view at *step*, best first."""
    symbols = [f"S{(number * 7 + step) % 100:02}" for number in range(100)]
    view = subscription.view
    top = view.top if isinstance(view.top, int) else len(symbols)
    first, last = view.window if isinstance(view.window, tuple) else (0, top)
    return symbols[:top][first:last]


async def _all_show(subscriptions: list[Subscription], step: int) -> None:
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for subscription in subscriptions:
            tasks.create_task(_shows(subscription, step))


async def _put(connection: Connection, step: int) -> None:
    await KeyValue(connection, Bucket.BOARDS).put("gainers", _board(step))


async def test_storm_every_client_converges(
    settings: Settings, broker: RunningBroker, tmp_path: Path
) -> None:
    """Nobody loses its socket or a change: all are told that it is stale, and then show the new board, proven by checksum."""
    own = on_free_port(settings, ws_per_user=CLIENTS, ws_per_address=CLIENTS)
    async with _program(own, tmp_path / "log"), AsyncExitStack() as stack:
        async with ready_connection(settings) as connection:
            await _put(connection, 1)
            clients = [await stack.enter_async_context(_client(own)) for _ in range(CLIENTS)]
            await eventually(
                lambda: all("board/gainers" in each.feeds for each in clients), timeout_s=30.0
            )
            views = itertools.cycle(VIEWS)
            following = [await each.subscribe("board/gainers", next(views)) for each in clients]
            await _all_show(following, 1)
            for step in range(2, 10):
                await _put(connection, step)
            await _all_show(following, 9)
        await broker.kill()
        await eventually(lambda: all(each.stale for each in clients), timeout_s=30.0)
        await broker.start()
        await eventually(lambda: not any(each.stale for each in clients), timeout_s=30.0)
        async with ready_connection(settings) as connection:
            for step in range(10, 15):
                await _put(connection, step)
            await _all_show(following, 14)

        for client, subscription in zip(clients, following, strict=True):
            table = subscription.state
            assert isinstance(table, TableState)
            assert not table.lost
            assert (client.counters.reconnects, client.counters.diverged) == (0, 0)
        await _checked(clients[0], following)


def _client(settings: Settings) -> AbstractAsyncContextManager[WidgetClient]:
    url = f"ws://127.0.0.1:{settings.port}/ws"
    return open_widget_client(url, Place(settings.port).token())


async def _checked(client: WidgetClient, following: list[Subscription]) -> None:
    """Tables that are asked for anew have the checksums of those that came through the storm."""
    async with asyncio.timeout(30):
        fresh = [await client.get("board/gainers", view) for view in VIEWS]
    for held, table in zip(following, itertools.cycle(fresh), strict=False):
        assert isinstance(held.state, TableState)
        assert isinstance(table, TableState)
        assert held.state.crc() == table.crc()
