"""The feed as the vendor's own client sees it: every way to lose it, and back with all subscriptions."""

import asyncio
from collections.abc import Iterator
from itertools import count, repeat

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from mesh import broker
from mesh.settings import Settings
from mesh.testing import eventually
from mesh.wishes import Wish
from schemas.control import FeedWanted
from services.listener import feed
from services.listener.feed import follow
from services.listener.standing import Standing, target
from services.listener.waiting import Frames
from services.simulator.feed import LiveFeed, TapeFeed
from services.simulator.player import RealTime, Unpaced
from tests.services.listener.programs import Told
from tests.services.listener.vendor import Act, Vendor, close_normally, drop, fed, hold
from tests.services.simulator.listening import listening, served, trade


CHANNELS = "A.*,T.*"


def _at_once() -> Iterator[float]:
    return repeat(0.0)


class _Following:
    """`follow` on a port, with what it hands over."""

    def __init__(self, port: int, channels: str = CHANNELS, *, lossless: bool = False) -> None:
        self.told = Told()
        self.frames: list[str] = []
        self.wish = Wish(FeedWanted())
        self._settings = fed(Settings(lossless=lossless), port, channels)
        self.standing = Standing(target(self._settings, self.wish.value))

    async def run(self, frames: Frames | None = None) -> None:
        put = self._keep if frames is None else frames.put
        await follow(self._settings, self.told, self.wish, self.standing, put, _at_once)

    async def run_slowly(self, seconds: float) -> None:
        """Follow on a machine that needs so many *seconds* for a frame."""

        async def keep(frame: str) -> None:
            await asyncio.sleep(seconds)
            self.frames.append(frame)

        await follow(self._settings, self.told, self.wish, self.standing, keep, _at_once)

    async def _keep(self, frame: str) -> None:
        self.frames.append(frame)


async def _greet_with_garbage(connection: ServerConnection) -> None:
    await connection.send("no JSON")


async def _greet_with_numbers(connection: ServerConnection) -> None:
    await connection.send("[1]")


async def _close_as_restarted(connection: ServerConnection) -> None:
    await connection.close(1012)


async def _send_broken_bytes(connection: ServerConnection) -> None:
    await connection.send(b'[{"ev":"T","sym":"\xff"}]')
    await connection.wait_closed()


@pytest.mark.parametrize("end", [close_normally, _close_as_restarted, drop])
async def test_lost_connection_comes_back_with_all_subscriptions(end: Act) -> None:
    """However the vendor ends a connection, the next one has every subscription again."""
    vendor = Vendor(end, end, hold)
    async with vendor.serving() as port, asyncio.TaskGroup() as tasks:
        following = _Following(port)
        tasks.create_task(following.run())
        await eventually(lambda: len(vendor.subscribed) == 3)
        await eventually(lambda: not following.standing.unconfirmed)
        following.told.stopping.set()

    assert vendor.subscribed == [{"A.*", "T.*"}] * 3
    assert len(following.told.said("feed.lost")) == 2


@pytest.mark.parametrize("greet", [close_normally, drop, _greet_with_garbage, _greet_with_numbers])
async def test_broken_handshake_costs_one_attempt(greet: Act) -> None:
    """A connection that breaks before it was authenticated loses no subscription and ends nothing."""
    vendor = Vendor(hold, greet=greet)
    async with vendor.serving() as port, asyncio.TaskGroup() as tasks:
        following = _Following(port)
        tasks.create_task(following.run())
        await eventually(lambda: not following.standing.unconfirmed)
        following.told.stopping.set()

    assert vendor.subscribed == [{"A.*", "T.*"}]


async def test_silent_connection_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor that takes the connection and says nothing is left for another attempt."""
    monkeypatch.setattr(feed, "_OPEN_S", 0.3)
    vendor = Vendor(hold, greet=hold)
    async with vendor.serving() as port, asyncio.TaskGroup() as tasks:
        following = _Following(port)
        tasks.create_task(following.run())
        await eventually(lambda: not following.standing.unconfirmed)
        following.told.stopping.set()

    assert vendor.connections == 2


async def test_refused_connections_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that nobody serves yet is followed as soon as somebody does."""
    monkeypatch.setattr(feed, "_OPEN_S", 0.3)
    vendor = Vendor(hold)
    port = broker.free_port()
    async with asyncio.TaskGroup() as tasks:
        following = _Following(port)
        tasks.create_task(following.run())
        await following.told.until("feed.lost")
        async with vendor.serving(port):
            await eventually(lambda: not following.standing.unconfirmed)
            following.told.stopping.set()

    assert vendor.subscribed == [{"A.*", "T.*"}]


async def test_channel_that_is_refused_or_unknown_is_noticed() -> None:
    """What the vendor refuses, or does not know and never answers, stays unconfirmed."""
    async with (
        served(LiveFeed([], Unpaced())) as port,
        asyncio.TaskGroup() as tasks,
    ):
        following = _Following(port, "T.*,NOI.*,ZZ.*")
        tasks.create_task(following.run())
        await eventually(following.standing.answered.is_set)
        following.told.stopping.set()

    assert following.standing.unconfirmed == ["NOI.*", "ZZ.*"]


async def test_evicted_connection_waits_a_minute() -> None:
    """Whoever takes our place keeps it for a minute, even while market data still waits to be decoded."""
    async with served(LiveFeed([], Unpaced())) as port, asyncio.TaskGroup() as tasks:
        following = _Following(port)
        tasks.create_task(following.run(Frames(1 << 20, lossless=False)))
        await eventually(lambda: not following.standing.unconfirmed)
        async with listening(port, "T.*"):
            lost = await following.told.until("feed.lost")
        following.told.stopping.set()

    assert lost["again_in_s"] == 60.0


async def test_stop_ends_a_connection_that_is_held_back() -> None:
    """A lossless feed that nobody takes frames of ends when the program is told to stop."""
    tape = TapeFeed([trade(1_727_875_800_000, padding=2000) for _ in range(2000)], Unpaced())
    async with served(tape) as port, asyncio.timeout(8), asyncio.TaskGroup() as tasks:
        following = _Following(port, lossless=True)
        frames = Frames(10_000, lossless=True)
        tasks.create_task(following.run(frames))
        await eventually(lambda: frames.waiting > 1)
        following.told.stopping.set()

    assert not frames.discarded


class _Sending:
    """A vendor that sends as fast as it may until the other side has enough."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        """What it had sent when it heard of that, in order."""

    async def __call__(self, connection: ServerConnection) -> None:
        for number in count():
            frame = f'[{{"ev":"T","i":"{number}","x":"{"x" * 20_000}"}}]'
            self.frames.append(frame)
            try:
                await connection.send(frame)
            except ConnectionClosed:
                self.frames.pop()
                return


async def test_stop_takes_what_was_on_its_way() -> None:
    """Whoever stops behind a feed, with frames in queue and kernel that take seconds, loses none that the vendor sent before it was told."""
    sending = _Sending()
    async with Vendor(sending).serving() as port, asyncio.TaskGroup() as tasks:
        following = _Following(port)
        tasks.create_task(following.run_slowly(0.005))
        await eventually(lambda: len(sending.frames) > 150)
        following.told.stopping.set()

    assert following.frames[1:] == sending.frames


async def test_stop_does_not_wait_for_a_vendor_that_ignores_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A vendor that goes on sending whatever it is told is left after a while."""
    monkeypatch.setattr(feed, "_PARTING_S", 0.5)

    async def ignore(connection: ServerConnection) -> None:
        connection.protocol.receive_data = lambda _: None  # type: ignore[assignment,method-assign]  # it is deaf
        while True:
            await connection.send('[{"ev":"T"}]')

    async with Vendor(ignore).serving() as port, asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        following = _Following(port)
        tasks.create_task(following.run())
        await eventually(lambda: len(following.frames) > 150)
        following.told.stopping.set()

    assert following.told.said("feed.lost") == []


async def _fail_while_following(market: LiveFeed) -> None:
    async with served(market) as port, asyncio.timeout(8), asyncio.TaskGroup() as tasks:
        following = _Following(port)
        tasks.create_task(following.run())
        await eventually(lambda: not following.standing.unconfirmed)
        raise RuntimeError


@pytest.mark.parametrize("seconds_apart", [0.0, 3600.0])
async def test_cancellation_ends_the_connection(seconds_apart: float) -> None:
    """When the program fails elsewhere the feed is let go, whether or not frames flow at that moment."""
    market = (trade(1_727_875_800_000 + int(n * seconds_apart * 1000)) for n in range(10**9))

    with pytest.raises(ExceptionGroup) as failure:
        await _fail_while_following(LiveFeed(market, RealTime(0.1)))

    assert failure.group_contains(RuntimeError)


async def test_binary_frame_is_handed_over_as_text() -> None:
    """A frame of bytes, even of broken ones, is a frame like another and ends nothing."""
    vendor = Vendor(_send_broken_bytes)
    async with vendor.serving() as port, asyncio.TaskGroup() as tasks:
        following = _Following(port)
        tasks.create_task(following.run())
        frame = (await eventually(lambda: following.frames[1:]))[0]
        following.told.stopping.set()

    assert frame.startswith('[{"ev":"T"')
    assert following.told.said("feed.lost") == []
