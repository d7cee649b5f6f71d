"""The client through all that a service, and the way to it, may do."""

import asyncio

import pytest

from mesh.feed_state import SequenceState, TableState
from mesh.testing import eventually
from mesh.widget_client import open_widget_client
from schemas.widget import (
    Ack,
    Feeds,
    Get,
    Lag,
    ServerError,
    Set,
    Status,
    Subscribe,
    Unsubscribe,
    View,
)
from tests.mesh.following import A, B, event, followed, never, rows, values
from tests.mesh.scripted import HELLO, delta, scripted, snap


async def test_client_says_who_it_is_and_follows_a_table() -> None:
    """The token goes into the header and nowhere else; a snap and a delta make the table."""
    async with scripted() as service, open_widget_client(service.url, "secret") as client:
        subscription, peer = await followed(client, service)
        assert peer.authorization == "Bearer secret"
        assert "secret" not in str(peer.connection.request and peer.connection.request.path)
        await peer.say(delta(1, 2, (0, 1, 1.5)))

        assert await rows(subscription) == [["A", 1.5, 2.0], B]
        assert client.connected
        assert client.hello == HELLO


async def test_slow_consumer_sees_the_newest_table_once() -> None:
    """Ten deltas that nobody looked at are one update."""
    async with scripted() as service, open_widget_client(service.url) as client:
        subscription, peer = await followed(client, service)
        await peer.say(*(delta(1, seq, (0, 1, float(seq))) for seq in range(2, 12)))
        table = subscription.state
        assert isinstance(table, TableState)
        await eventually(lambda: table.seq == 11)

        assert await rows(subscription) == [["A", 11.0, 2.0], B]
        waiting = asyncio.wait_for(subscription.change(), 0.05)
        with pytest.raises(TimeoutError):
            await waiting


async def test_lost_connection_goes_on_where_it_was() -> None:
    """After a cut the client asks from its position, and a delta from there is a recovery, not a snapshot."""
    async with scripted() as service, open_widget_client(service.url, chance=never) as client:
        subscription, peer = await followed(client, service)
        peer.cut()
        peer = await service.peer()
        assert await peer.heard(Subscribe) == Subscribe(1, "board/x", View(), "e", 1)
        await peer.say(delta(1, 2, (1, 2, 7.0)))

        assert await rows(subscription) == [A, ["B", 3.0, 7.0]]
        counters = client.counters
        assert (counters.reconnects, counters.recoveries, counters.snapshots) == (1, 1, 1)


async def test_what_cannot_be_recovered_begins_anew() -> None:
    """A snap of another numbering takes the place of the table."""
    async with scripted() as service, open_widget_client(service.url, chance=never) as client:
        subscription, peer = await followed(client, service)
        peer.cut()
        peer = await service.peer()
        await peer.heard(Subscribe)
        await peer.say(snap(1, 9, B, epoch="f"), delta(1, 10, (0, 1, 4.0)))
        await eventually(lambda: subscription.state and subscription.state.seq == 10)

        assert await rows(subscription) == [["B", 4.0, None]]
        assert (client.counters.recoveries, client.counters.snapshots) == (0, 2)


async def test_gap_is_asked_for_again_once() -> None:
    """A delta that does not follow begins the table anew; what was on its way meanwhile is let go."""
    async with scripted() as service, open_widget_client(service.url) as client:
        subscription, peer = await followed(client, service)
        await peer.say(delta(1, 3, (0, 1, 8.0)), delta(1, 4, (0, 1, 9.0)))
        assert await peer.heard(Subscribe) == Subscribe(1, "board/x")
        await peer.say(snap(1, 4, A))

        assert await rows(subscription) == [A]
        assert (client.counters.gaps, client.counters.diverged) == (1, 0)


async def test_position_that_the_service_does_not_go_on_from_is_given_up() -> None:
    """If the first delta of a resumed table does not follow, the client asks without a position."""
    async with scripted() as service, open_widget_client(service.url, chance=never) as client:
        subscription, peer = await followed(client, service)
        peer.cut()
        peer = await service.peer()
        await peer.heard(Subscribe)
        await peer.say(delta(1, 9, (0, 1, 8.0)))
        assert await peer.heard(Subscribe) == Subscribe(1, "board/x")
        await peer.say(snap(1, 9, A))

        assert await rows(subscription) == [A]


async def test_wrong_checksum_is_counted_and_mended() -> None:
    """The wrong table is not shown; the client asks for a whole one."""
    async with scripted() as service, open_widget_client(service.url) as client:
        subscription, peer = await followed(client, service)
        await peer.say(delta(1, 2, (0, 1, 8.0), crc=1))
        assert await peer.heard(Subscribe) == Subscribe(1, "board/x")
        await peer.say(snap(1, 2, B))

        assert await rows(subscription) == [B]
        assert client.counters.diverged == 1


async def test_snap_with_wrong_checksum_costs_the_connection() -> None:
    """Asking at once again would be wrong again, as fast as both can: the client comes back with growing delays."""
    async with scripted() as service, open_widget_client(service.url, chance=never) as client:
        subscription = await client.subscribe("board/x")
        peer = await service.peer()
        await peer.heard(Subscribe)
        await peer.say(snap(1, 1, A, crc=1))
        peer = await service.peer()
        assert await peer.heard(Subscribe) == Subscribe(1, "board/x")
        await peer.say(snap(1, 1, A))

        assert await rows(subscription) == [A]
        assert client.counters.diverged == 1


async def test_sequence_is_never_merged() -> None:
    """Values of several frames come together and in order; a cut leaves none out."""
    async with scripted() as service, open_widget_client(service.url, chance=never) as client:
        subscription = await client.subscribe("news/*", View(top=2))
        peer = await service.peer()
        assert await peer.heard(Subscribe) == Subscribe(1, "news/*", View(top=2))
        await peer.say(event(0, 5, 4, 5), event(5, 6, 6), event(6, 7, 7))
        sequence = await eventually(
            lambda: subscription.state, lambda state: bool(state and state.seq == 7)
        )
        assert isinstance(sequence, SequenceState)
        assert await values(subscription) == ([4, 5, 6, 7], 0)
        peer.cut()
        peer = await service.peer()
        assert await peer.heard(Subscribe) == Subscribe(1, "news/*", View(top=2), "e", 7)
        await peer.say(event(7, 8, 8))

        assert await values(subscription) == ([8], 0)
        assert client.counters.recoveries == 1


async def test_sequence_that_nobody_reads_is_bounded() -> None:
    """The consumer is told how many went by."""
    async with scripted() as service, open_widget_client(service.url, keep=2) as client:
        subscription = await client.subscribe("news/*")
        peer = await service.peer()
        await peer.say(event(0, 5, 1, 2, 3, 4, 5))

        assert await values(subscription) == ([4, 5], 3)


async def test_set_changes_the_view_and_outlives_the_connection() -> None:
    """The view that was confirmed is the one that a new connection asks for; what `set` leaves out stays."""
    async with scripted() as service, open_widget_client(service.url, chance=never) as client:
        subscription, peer = await followed(client, service)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(subscription.set(View(top=1)))
            assert await peer.heard(Set) == Set(1, View(top=1))
            await peer.say(Ack("set", 1))
        async with asyncio.TaskGroup() as tasks:
            setting = tasks.create_task(subscription.set(View(sort="+last_usd")))
            await peer.heard(Set)
            peer.cut()
            peer = await service.peer()
            assert await peer.heard(Subscribe) == Subscribe(1, "board/x", View(top=1), "e", 1)
            assert await peer.heard(Set) == Set(1, View(sort="+last_usd"))
            assert not setting.done()
            await peer.say(Ack("set", 1))

        assert subscription.view == View(top=1, sort="+last_usd")


async def test_unsubscribe_ends_the_updates() -> None:
    """The iterator ends, the service is told, and what still comes is let go."""
    async with scripted() as service, open_widget_client(service.url) as client:
        subscription, peer = await followed(client, service)
        await client.unsubscribe(subscription)
        assert await peer.heard(Unsubscribe) == Unsubscribe(1)
        await peer.say(delta(1, 2, (0, 1, 9.0)), Ack("unsub", 1), Feeds(["board/y"]))
        await eventually(lambda: client.feeds == ["board/y"])

        assert [update async for update in subscription.updates()] == []
        assert client.counters.gaps == 0


async def test_get_answers_once_even_across_a_cut() -> None:
    """A question that was not answered is asked again; one that was is not."""
    async with scripted() as service, open_widget_client(service.url, chance=never) as client:
        async with asyncio.TaskGroup() as tasks:
            getting = tasks.create_task(client.get("board/x", View(top=1)))
            peer = await service.peer()
            assert await peer.heard(Get) == Get(1, "board/x", View(top=1))
            peer.cut()
            peer = await service.peer()
            await peer.heard(Get)
            await peer.say(snap(1, 1, A))
        table = getting.result()
        assert isinstance(table, TableState)
        assert table.symbols == ["A"]
        peer.cut()
        peer = await service.peer()
        await client.subscribe("board/y")

        assert (await peer.heard(Subscribe)).feed == "board/y"


async def test_frames_about_the_service_are_known() -> None:
    """Stale, feeds, lag and errors about nothing in particular; what is no frame is let go."""
    async with scripted() as service, open_widget_client(service.url) as client:
        subscription, peer = await followed(client, service)
        await peer.connection.send('{"type":"later"}')
        await peer.say(Lag(1, 2.0, 50), Lag(7, 1.0, 50), ServerError("what?"), ServerError("?", 7))
        await peer.say(Status(stale=True, server_ms=1))
        await eventually(lambda: client.stale)

        assert (subscription.hz, client.trouble) == (2.0, "?")
