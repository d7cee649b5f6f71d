"""The feed over a real socket, heard by the vendor's own client."""

import asyncio
from collections.abc import Iterator

import pytest
from massive.exceptions import AuthError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from mesh.errors import FatalError
from mesh.testing import eventually
from services.simulator.events import TapeEvent
from services.simulator.feed import LiveFeed, TapeFeed
from services.simulator.player import Unpaced
from services.simulator.server import FeedServer
from services.simulator.service import bound
from tests.services.simulator.listening import KEY, Gate, listening, served, trade


BASE_MS = 1_727_875_800_000
"""2024-10-02 09:30 in New York."""

MANY = [trade(BASE_MS + n, sequence=n) for n in range(10_000)]
MUCH = [trade(BASE_MS + n, sequence=n, padding=2000) for n in range(20_000)]
"""About 40 MB, more than the socket buffers of both sides hold."""


async def test_handshake_is_the_vendors() -> None:
    """The exact frames of the documented conversation come, each an array, before any event."""
    async with (
        served(TapeFeed(MANY[:1], Unpaced())) as port,
        connect(f"ws://127.0.0.1:{port}/stocks") as client,
    ):
        hello = await client.recv()
        await client.send('{"action":"auth","params":"simulator"}')
        welcome = await client.recv()
        await client.send('{"action":"subscribe","params":"T.*"}')
        confirmed = await client.recv()

    assert hello == '[{"ev":"status","status":"connected","message":"Connected Successfully"}]'
    assert welcome == '[{"ev":"status","status":"auth_success","message":"authenticated"}]'
    assert confirmed == '[{"ev":"status","status":"success","message":"subscribed to: T.*"}]'


async def test_other_markets_are_not_found() -> None:
    """Only the path of the stock market upgrades to a WebSocket."""
    async with served(TapeFeed([], Unpaced())) as port:
        with pytest.raises(InvalidStatus):
            await connect(f"ws://127.0.0.1:{port}/crypto")


async def test_wrong_key_is_refused() -> None:
    """The vendor's client raises its own AuthError for a key that is not ours."""
    async with served(TapeFeed(MANY, Unpaced())) as port, listening(port, "T.*", key="x") as heard:
        await eventually(lambda: heard.ended)

    assert isinstance(heard.error, AuthError)
    assert heard.frames == []


async def test_wrong_key_in_between_ends_the_connection() -> None:
    """A client that authenticates again with a wrong key loses what it had."""
    async with (
        served(TapeFeed(MANY[:1], Unpaced())) as port,
        connect(f"ws://127.0.0.1:{port}/stocks") as client,
    ):
        await client.send('{"action":"auth","params":"simulator"}')
        await client.send('{"action":"auth","params":"x"}')
        answers = [await client.recv() for _ in range(3)]
        with pytest.raises(ConnectionClosedError):
            await client.recv()

    assert "auth_failed" in str(answers[2])


async def test_tape_comes_whole_and_in_order() -> None:
    """A client gets every event of a tape once, in order, then the end of tape, and stays connected."""
    async with served(TapeFeed(MANY, Unpaced())) as port, listening(port, "T.*") as heard:
        await heard.until_status("end_of_tape")

        assert heard.sequences() == list(range(len(MANY)))
        assert not heard.ended


async def test_subscriptions_decide_what_comes() -> None:
    """Ticker subscriptions, later additions and removals are obeyed from their confirmation on."""
    tape = [trade(BASE_MS + n, sym, n) for n in range(4) for sym in ("AAPL", "BRK.B", "F")]
    gate = Gate()
    async with (
        served(TapeFeed(tape, gate)) as port,
        listening(port, "T.AAPL", "T.BRK.B") as heard,
    ):
        await heard.until_status("success")
        gate.open_until(BASE_MS)
        await eventually(lambda: len(heard.events) == 2)
        heard.client.subscribe("T.F")
        await eventually(lambda: ("success", "subscribed to: T.F") in heard.statuses)
        gate.open_until(BASE_MS + 1)
        await eventually(lambda: len(heard.events) == 5)
        heard.client.unsubscribe("T.AAPL", "T.BRK.B")
        await eventually(lambda: ("success", "unsubscribed to: T.AAPL") in heard.statuses)
        gate.open_until(BASE_MS + 10)
        await heard.until_status("end_of_tape")

    assert [event["sym"] for event in heard.events] == [
        "AAPL", "BRK.B", "AAPL", "BRK.B", "F", "F", "F",
    ]  # fmt: skip


async def test_newcomer_evicts_the_older_connection() -> None:
    """A second connection with the key ends the first with max_connections and 1008."""
    async with (
        served(TapeFeed(MANY[:10], Unpaced())) as port,
        listening(port, "T.*") as older,
    ):
        await older.until_status("end_of_tape")
        async with listening(port, "T.*") as newer:
            await newer.until_status("end_of_tape")
            await eventually(lambda: older.ended)

            assert older.statuses[-1][0] == "max_connections"
            assert isinstance(older.error, ConnectionClosedError)
            assert older.error.rcvd is not None
            assert older.error.rcvd.code == 1008
            assert not newer.ended


async def test_newcomer_does_not_wait_for_a_stuck_connection() -> None:
    """An older connection that reads nothing is let go without holding up the one that replaces it."""
    feed = TapeFeed(MUCH, Unpaced())
    go_on = asyncio.Event()
    async with served(feed) as port, listening(port, "T.*") as stuck:
        stuck.on_frame = go_on.wait
        await eventually(lambda: feed.sent.frames, _StandsStill())
        async with listening(port, "T.*") as newer:
            await newer.until_status("end_of_tape")
            go_on.set()
            await eventually(lambda: stuck.ended)

    assert newer.sequences() == list(range(len(MUCH)))
    assert len(stuck.events) < len(MUCH)


async def test_reconnecting_starts_the_tape_again() -> None:
    """A new connection gets at once what was played before, then waits where the pace stands."""
    gate = Gate(BASE_MS + 99)
    feed = TapeFeed(MANY[:200], gate)
    async with served(feed) as port:
        async with listening(port, "T.*") as first:
            await eventually(lambda: len(first.events) == 100)
        gate.until_ms = 0  # from here on only what was sent before may pass
        async with listening(port, "T.*") as second:
            await eventually(lambda: len(second.events) == 100)
            assert feed.reached_ms == BASE_MS + 99
            gate.open_until(BASE_MS + 500)
            await second.until_status("end_of_tape")

    assert second.sequences() == list(range(200))
    assert gate.resumed == [BASE_MS, BASE_MS + 99]


async def test_tape_waits_for_a_reader_that_stops() -> None:
    """Back-pressure holds the tape for a reader that stands still, and nothing is lost or dropped."""
    feed = TapeFeed(MUCH, Unpaced())
    go_on = asyncio.Event()
    async with served(feed) as port, listening(port, "T.*") as heard:
        heard.on_frame = go_on.wait
        held = await eventually(lambda: feed.sent.frames, _StandsStill())
        go_on.set()
        await heard.until_status("end_of_tape")

    assert 0 < held < feed.sent.frames
    assert heard.sequences() == list(range(len(MUCH)))


class _StandsStill:
    """Accepts a number above 0 that was the same for ten looks in a row."""

    def __init__(self) -> None:
        self._last, self._times = 0, 0

    def __call__(self, value: int) -> bool:
        self._times = self._times + 1 if value and value == self._last else 0
        self._last = value
        return self._times == 10


async def test_live_feed_drops_a_reader_that_stops() -> None:
    """A live connection whose backlog passes the bound is closed; the feed goes on for the next."""
    gate = Gate()
    feed = LiveFeed(MUCH, gate, backlog_bytes=5_000_000)
    go_on = asyncio.Event()
    async with served(feed) as port:
        async with listening(port, "T.*") as slow:
            slow.on_frame = go_on.wait
            await eventually(lambda: feed.listeners == 1)
            gate.open_until(BASE_MS + len(MUCH) - 2)
            await eventually(lambda: feed.listeners == 0)
            go_on.set()
            await eventually(lambda: slow.ended)
            await eventually(lambda: gate.waiting_for == BASE_MS + len(MUCH) - 1)
        async with listening(port, "T.*") as next_one:
            await eventually(lambda: feed.listeners == 1)
            gate.open_until(BASE_MS + len(MUCH))
            await eventually(lambda: next_one.sequences() == [len(MUCH) - 1])

    assert isinstance(slow.error, ConnectionClosedError)
    assert len(slow.events) < len(MUCH)


async def test_live_feed_gives_only_what_comes() -> None:
    """A live market does not wait for a listener and replays nothing to one that comes later."""
    gate = Gate(BASE_MS + 4_999)
    feed = LiveFeed(MANY, gate)
    async with served(feed) as port:
        await eventually(lambda: gate.waiting_for == BASE_MS + 5_000)
        async with listening(port, "T.*") as heard:
            await eventually(lambda: feed.listeners == 1)
            gate.open_until(BASE_MS + len(MANY))
            await eventually(lambda: len(heard.sequences()) == 5_000)

    assert heard.sequences() == list(range(5_000, 10_000))


async def test_market_at_readers_pace_waits_for_readers() -> None:
    """As fast as it is read, a market begins with its first listener and loses nothing to it."""
    feed = LiveFeed(MUCH, Unpaced(), wait_for_readers=True, backlog_bytes=0)
    async with served(feed) as port, listening(port, "T.*") as heard:
        await eventually(lambda: sum(feed.sent.events.values()) == len(MUCH))
        await eventually(lambda: len(heard.sequences()) == len(MUCH), timeout_s=20)

    assert heard.sequences() == list(range(len(MUCH)))


async def test_broken_tape_is_reported() -> None:
    """A tape that turns out to be broken while it is played ends the program with its own message."""

    def broken() -> Iterator[TapeEvent]:
        yield MANY[0]
        raise FatalError("file.csv: not a row")

    with bound(0, "MESH_SIM_PORT") as free:
        server = FeedServer(TapeFeed(broken(), Unpaced()), KEY)
        async with server.serving(free), listening(free.getsockname()[1], "T.*"):
            with pytest.raises(FatalError, match="not a row"):
                await server.require_intact_feed()
