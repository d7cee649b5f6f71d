"""Measuring clients against a server that does what a test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesh.errors import FatalError, MeshError
from mesh.testing import eventually
from schemas.widget import View
from services.load.client import Door, door
from services.load.fleet import Fleet
from services.load.hostile import ATTACKS, attack_for_ever, stalled
from services.load.tally import Tally
from tests.services.load.scripted import ScriptedServer, scripted_server


VIEWS = [View(), View(top=5)]


@asynccontextmanager
async def fleet_of(
    server: ScriptedServer, clients: int = 4, views: list[View] | None = VIEWS
) -> AsyncIterator[tuple[Fleet, Tally]]:
    """Clients that are live, and come back without delay."""
    tally = Tally()
    async with asyncio.TaskGroup() as tasks:
        fleet = Fleet(server.at, views, clients, tally, tasks, lambda: 0.0)
        fleet.start()
        try:
            await fleet.until_live(10.0)
            tally.is_measuring = True
            yield fleet, tally
        finally:
            fleet.end()


async def test_deltas_are_counted_and_proven() -> None:
    """Every client gets every delta, latencies are real, and one witness for each view compares checksums."""
    async with scripted_server() as server, fleet_of(server) as (fleet, tally):
        for _ in range(3):
            await server.tick()
        await eventually(lambda: tally.deltas, lambda deltas: deltas == 12)
        await fleet.prove()

        assert (tally.snapshots, tally.delivered, tally.gaps, tally.plain_deltas) == (4, 12, 0, 6)
        assert (tally.checked, tally.diverged) == (2 * 4, 0)
        assert len(tally.latencies_ms) == 12
        assert all(0 <= latency < 10_000 for latency in tally.latencies_ms)
        assert [frame.view.top for frame in server.subscribed].count(5) == 2


async def test_gap_is_counted_once_and_mended() -> None:
    """A delta for another position is a gap: the client subscribes again with what it has, and is sent a snap."""
    async with scripted_server() as server, fleet_of(server) as (_, tally):
        server.resumes = False
        await server.tick(after=99)
        await eventually(lambda: tally.snapshots, lambda snapshots: snapshots == 8)
        await server.tick()
        await eventually(lambda: tally.deltas, lambda deltas: deltas == 4)

        assert tally.gaps == 4
        assert [(frame.epoch, frame.seq) for frame in server.subscribed[4:]] == [("e", 1)] * 4


async def test_wrong_checksum_is_divergence_and_begins_anew() -> None:
    """A witness whose table is not what the service says counts it, and asks for the whole table."""
    async with scripted_server() as server, fleet_of(server) as (fleet, tally):
        await fleet.prove()
        server.wrong_crc = True
        await server.tick()
        server.wrong_crc = False
        await eventually(lambda: tally.deltas, lambda deltas: deltas == 4)
        await fleet.prove()
        await eventually(lambda: tally.snapshots, lambda snapshots: snapshots == 6)
        await server.tick()
        await eventually(lambda: tally.deltas, lambda deltas: deltas == 8)
        await fleet.prove()

        assert (tally.diverged, tally.gaps) == (2, 0)
        assert [frame.seq for frame in server.subscribed[4:]] == [None, None]


async def test_storm_goes_on_from_where_it_was() -> None:
    """All clients are dropped and back at once with their positions; those that need no snap are recoveries."""
    async with scripted_server() as server, fleet_of(server) as (fleet, tally):
        storm = asyncio.get_running_loop().create_task(fleet.storm(20.0))
        await eventually(lambda: len(server.subscribed), lambda count: count == 8)
        await server.tick()
        seconds = await storm

        assert seconds is not None
        assert seconds > 0
        assert (tally.recoveries, tally.snapshots, fleet.live, tally.closed) == (4, 4, 4, {})
        assert {(frame.epoch, frame.seq) for frame in server.subscribed[4:]} == {("e", 1)}


async def test_closed_clients_come_back_if_they_may() -> None:
    """What the service closes is counted by code; the code says whether the client comes back."""
    async with scripted_server() as server, fleet_of(server) as (fleet, tally):
        await server.close(1001)
        await eventually(lambda: len(server.subscribed), lambda count: count == 8)
        await server.tick()
        await eventually(lambda: fleet.live, lambda live: live == 4)
        await server.close(4403)
        await eventually(lambda: tally.closed["4403"], lambda closed: closed == 4)

        assert tally.closed == {"1001": 4, "4403": 4}
        assert (tally.recoveries, fleet.live, server.connections) == (4, 0, set())


async def test_lag_and_errors_are_counted() -> None:
    """A `lag` counts when it begins; an error is kept as it was said."""
    async with scripted_server() as server, fleet_of(server) as (_, tally):
        await server.lag()
        await server.refuse()
        await eventually(tally.errors.total, lambda errors: errors == 4)

        assert tally.lagged == 4
        assert "no such column" in next(iter(tally.errors))


async def test_feed_that_comes_later_is_subscribed_to_then() -> None:
    """Clients that came before the board wait until the service says that it is there."""
    tally = Tally()
    async with scripted_server() as server, asyncio.TaskGroup() as tasks:
        server.has_feed = False
        fleet = Fleet(server.at, VIEWS, 2, tally, tasks, lambda: 0.0)
        fleet.start()
        await eventually(lambda: server.refused, lambda refused: refused == 2)
        await server.announce()
        await fleet.until_live(10.0)
        fleet.end()

    assert (len(server.subscribed), tally.errors.total()) == (2, 2)


async def test_idle_clients_subscribe_to_nothing_and_answer_pings() -> None:
    """A client without a view is live with `hello`, and stays connected."""
    async with scripted_server("t") as server, fleet_of(server, 2, None) as (fleet, _):
        for connection in list(server.connections):
            await (await connection.ping())

        assert (fleet.live, server.subscribed) == (2, [])
        assert sorted(map(str, server.tokens)) == ["Bearer t-load-0", "Bearer t-load-1"]


async def test_who_is_not_let_in_is_said() -> None:
    """A load whose clients get nothing ends with what they were told."""
    async with scripted_server() as server:
        elsewhere = server.at._replace(path="/ws HTTP/1.0\r\nX:")

        with pytest.raises(ExceptionGroup) as caught:
            await _until_live_for_nothing(elsewhere)

    assert caught.group_contains(MeshError, match=r"2 of 2 clients have nothing.*http 505")


async def _until_live_for_nothing(at: Door) -> None:
    tally = Tally()
    async with asyncio.TaskGroup() as tasks:
        fleet = Fleet(at, VIEWS, 2, tally, tasks, lambda: 1.0)
        fleet.start()
        await eventually(tally.closed.total, lambda closed: closed == 2)
        await fleet.until_live(0.0)


async def test_stalled_clients_subscribe_and_never_read() -> None:
    """They ask for the board, and what they are sent stays where it is until they leave."""
    async with scripted_server() as server:
        async with stalled(server.at, 2):
            await eventually(lambda: len(server.subscribed), lambda count: count == 2)
            await server.tick()

            assert len(server.connections) == 2
        await eventually(lambda: server.connections, lambda left: not left)


@pytest.mark.slow
async def test_attacks_are_made_in_turn_and_their_ends_counted() -> None:
    """A server that protects itself ends attacks, each by a reason of its own; nobody's client is hurt."""
    tally = Tally()
    async with scripted_server() as server, fleet_of(server, 2) as (_, measured):
        loop = asyncio.get_running_loop()
        tasks = [
            loop.create_task(attack_for_ever(server.at, number, tally))
            for number in range(len(ATTACKS))
        ]
        await eventually(
            lambda: {ended.rpartition(" ")[0] for ended in tally.repelled},
            lambda ended: {"unmasked", "no-utf-8", "noise"} <= ended,
        )
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await server.tick()
        await eventually(lambda: measured.deltas, lambda deltas: deltas == 2)

    assert len({ended.rpartition(" ")[2] for ended in tally.repelled}) > 1
    assert measured.closed == {}


@pytest.mark.parametrize("url", ["wss://127.0.0.1/ws", "http://127.0.0.1/", "127.0.0.1:8080"])
def test_address_that_cannot_be_spoken_to_is_refused(url: str) -> None:
    """Only plain WebSocket is spoken, and that is said before anything is tried."""
    with pytest.raises(FatalError, match="--url"):
        door(url, lambda _: None)
