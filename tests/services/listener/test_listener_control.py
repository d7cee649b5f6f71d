"""What persons want of the feed, and the listener that obeys."""

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection

from mesh.changes import MASSIVE, restart_feed, set_feed, start_feed, stop_feed
from mesh.connection import Connection
from mesh.control import By, Control
from mesh.settings import Settings
from mesh.testing import eventually
from services.listener.service import serve
from services.simulator.feed import LiveFeed
from services.simulator.player import Unpaced
from services.simulator.protocol import AUTH_FAILED, CONNECTED
from tests.mesh.asking import ask, state
from tests.services.listener.programs import Told, running
from tests.services.listener.vendor import Vendor, drop, fed, hold
from tests.services.simulator.listening import served


pytestmark = pytest.mark.broker

ANN = By("ann")


async def _feed(connection: Connection) -> dict[str, object]:
    return (await state(connection, "listener"))["state"]["feed"]  # type: ignore[no-any-return]  # JSON


async def _until(connection: Connection, **expected: object) -> dict[str, object]:
    """The state of the feed, once it is as *expected*."""
    return await eventually(
        lambda: _feed(connection),
        lambda feed: expected.items() <= feed.items(),
    )


async def _connected(told: Told) -> None:
    await eventually(lambda: told.facts.get("subscriptions"))


async def test_feed_stops_and_starts(settings: Settings, connection: Connection) -> None:
    """Stopped, the connection to the vendor ends and none is opened; started, there is one again, with all channels."""
    vendor = Vendor(hold)
    control = Control(connection)
    async with vendor.serving() as port, running(serve, fed(settings, port)) as told:
        await _connected(told)
        await control.change(stop_feed(MASSIVE), ANN)
        stopped = await _until(connection, running=False, connected=False)
        facts = dict(told.facts)
        await control.change(start_feed(MASSIVE), ANN)
        await _until(connection, running=True, connected=True)

    assert (stopped["confirmed"], facts["feed"]) == ([], "stopped by ann")
    assert vendor.subscribed == [{"T.*"}] * 2
    assert told.said("feed.lost") == []


async def test_feed_that_was_stopped_stays_stopped(
    settings: Settings, connection: Connection
) -> None:
    """A listener that starts while a person wants no feed opens no connection, and is ready all the same."""
    vendor = Vendor(hold)
    await Control(connection).change(stop_feed(MASSIVE), ANN)
    async with vendor.serving() as port, running(serve, fed(settings, port)) as told:
        await eventually(lambda: told.facts)
        ready = told.report().ready

    assert (ready, told.facts["feed"], vendor.connections) == (True, "stopped by ann", 0)


async def test_feed_that_is_away_is_stopped_and_started_at_once(
    settings: Settings, connection: Connection
) -> None:
    """Nobody waits for the delay of the next attempt: not who stops the feed, nor who starts it."""
    vendor = Vendor(drop, drop, drop, hold)
    control = Control(connection)
    async with vendor.serving() as port, running(serve, fed(settings, port)) as told:
        await eventually(lambda: len(told.said("feed.lost")) == 3)
        await control.change(stop_feed(MASSIVE), ANN)
        await _until(connection, running=False)
        await control.change(start_feed(MASSIVE), ANN)
        await _until(connection, connected=True)


async def test_restart_is_a_new_connection(settings: Settings, connection: Connection) -> None:
    """A restart ends the connection and opens another, each time that somebody wants one."""
    vendor = Vendor(hold)
    control = Control(connection)
    async with vendor.serving() as port, running(serve, fed(settings, port)) as told:
        await _connected(told)
        for connections in (2, 3):
            await control.change(restart_feed(MASSIVE), ANN)
            await _until(connection, connections=connections, connected=True)

    assert vendor.connections == 3


async def test_channels_change_on_the_connection_that_is_open(
    settings: Settings, connection: Connection
) -> None:
    """Other channels are asked for without losing the connection; `A.*` leaves `AM.*` alone, and the settings' come back."""
    async with served(LiveFeed([], Unpaced())) as port:
        control = Control(connection)
        async with running(serve, fed(settings, port, "T.*,AM.*")) as told:
            await _connected(told)
            await control.change(set_feed(MASSIVE, channels="A.*,AM.*"), ANN)
            await _until(connection, confirmed=["A.*", "AM.*"])
            await control.change(set_feed(MASSIVE, channels=""), ANN)
            feed = await _until(connection, confirmed=["AM.*", "T.*"])

    assert feed["connections"] == 1


async def test_host_changes_and_comes_back(settings: Settings, connection: Connection) -> None:
    """Another host is connected to at once; without one it is that of the settings again."""
    one, other = Vendor(hold), Vendor(hold)
    control = Control(connection)
    async with (
        one.serving() as port,
        other.serving() as second,
        running(serve, fed(settings, port)) as told,
    ):
        await _connected(told)
        await control.change(set_feed(MASSIVE, host=f"127.0.0.1:{second}"), ANN)
        await _until(connection, connected=True, host=f"127.0.0.1:{second}")
        await control.change(set_feed(MASSIVE, host=""), ANN)
        await _until(connection, connected=True, host=f"127.0.0.1:{port}")

    assert (one.connections, other.connections) == (2, 1)


async def _refuse_the_key(connection: ServerConnection) -> None:
    await connection.send(CONNECTED, text=True)
    await connection.recv()
    await connection.send(AUTH_FAILED, text=True)
    await connection.wait_closed()


async def test_host_that_refuses_the_key_does_not_end_the_program(
    settings: Settings, connection: Connection
) -> None:
    """A person who chose a host that refuses the key reads so, and can choose another."""
    control = Control(connection)
    strange = Vendor(hold, greet=_refuse_the_key)
    async with (
        Vendor(hold).serving() as port,
        strange.serving() as second,
        running(serve, fed(settings, port)) as told,
    ):
        await _connected(told)
        await control.change(set_feed(MASSIVE, host=f"127.0.0.1:{second}"), ANN)
        lost = await told.until("feed.lost")
        await control.change(set_feed(MASSIVE, host=""), ANN)
        await _until(connection, connected=True, host=f"127.0.0.1:{port}")

    assert "refused the key" in lost["reason"]


async def test_requests_over_the_broker_are_obeyed(
    settings: Settings, connection: Connection
) -> None:
    """Stop, start, set and restart are asked for as `nats req` asks, and done."""
    vendor = Vendor(hold)
    async with vendor.serving() as port, running(serve, fed(settings, port)) as told:
        await _connected(told)
        await ask(connection, "ctl.listener.do.stop")
        await _until(connection, running=False)
        await ask(connection, "ctl.listener.do.set", channels="A.*")
        await ask(connection, "ctl.listener.do.start")
        await _until(connection, connected=True)
        answer = await ask(connection, "ctl.listener.do.restart")
        await _until(connection, connections=3, connected=True)

    assert msgspec.json.encode(answer.content["wanted"]["restarts"]) == b"1"
    assert vendor.subscribed == [{"T.*"}, {"A.*"}, {"A.*"}]
