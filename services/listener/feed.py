"""The vendor's WebSocket, through its own client, supervised from outside.

The client reconnects by itself only so well: without delay, with a budget that is never refilled,
and, if the drop comes at the wrong moment, without its subscriptions and without an error. So each
attempt is a new client that may not reconnect, and everything that can end it counts as lost:
return, exception, silence.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from massive import WebSocketClient
from massive.exceptions import AuthError
from websockets.exceptions import WebSocketException

from mesh import clock
from mesh.errors import FeedRefusedError
from mesh.lifecycle import Lifecycle
from mesh.settings import Settings
from schemas.massive import Status, decode_frame
from schemas.naming import MarketClass
from services.listener.frames import count_events


_OPEN_S = 5.0
"""Without a frame after this long an attempt has failed: the client would try a refused address for 90 s."""
_STEADY_S = 60.0
"""A connection that lasted this long was a good one: the next delay is a short one again."""
_EVICTED_S = 60.0
"""The vendor counts a connection for about this long after it ended."""
_CLOSE_S = 1.0
"""How long frames that have arrived may take to be handed over after a connection was closed."""
_STATUS_WITHIN = 64
"""Statuses come in frames of their own, so the beginning of a frame tells: market frames are not searched."""
_BROKEN = (
    *(WebSocketException, OSError),
    *(AttributeError, KeyError, IndexError, TypeError, ValueError),
)
"""What the client raises when the connection, or the vendor's half of the handshake, is broken."""


class Frame(NamedTuple):
    """A frame as received."""

    text: str
    received_ms: float


class Frames:
    """Frames between socket and publisher: bounded in bytes.

    Full, it drops the oldest frames and counts their events by class; or, if *lossless*, it lets
    the socket wait.
    """

    def __init__(self, most_bytes: int, *, lossless: bool) -> None:
        self.discarded: Counter[MarketClass] = Counter()
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._most_bytes = most_bytes
        self._lossless = lossless
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self.ended = False
        """Whether no more frames come."""

    async def put(self, text: str) -> None:
        """Take a frame from the socket."""
        self._frames.append(Frame(text, clock.now_ms()))
        self._bytes += len(text)
        self._arrived.set()
        while self._bytes > self._most_bytes:
            if self._lossless:
                self._taken.clear()
                await self._taken.wait()
            else:
                dropped = self._frames.popleft()
                self._bytes -= len(dropped.text)
                self.discarded += count_events(dropped.text)

    @property
    def waiting(self) -> int:
        """How many frames wait."""
        return len(self._frames)

    def end(self) -> None:
        """No more frames come: nobody need wait for one."""
        self.ended = True
        self._arrived.set()

    async def wait(self, seconds: float) -> None:
        """Until there is a frame, or none will come, or *seconds* have passed."""
        if not self._frames and not self.ended:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()

    def pop(self) -> Frame | None:
        """The oldest frame; None if there is none."""
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._bytes -= len(frame.text)
        self._taken.set()
        return frame

    def discard(self) -> None:
        """Drop what waits, counted by class."""
        while (frame := self.pop()) is not None:
            self.discarded += count_events(frame.text)


class Subscriptions:
    """What was asked of the vendor, and what it said about the connection that is open now.

    An unknown channel is never answered.
    """

    def __init__(self, channels: str) -> None:
        self.asked = [channel.strip() for channel in channels.split(",") if channel.strip()]
        self.confirmed: set[str] = set()
        self.answered = asyncio.Event()
        """Set with the first confirmation."""
        self.evicted = False
        """Another connection with our key has taken the place of this one."""

    def on_opening(self) -> None:
        """A connection is about to be opened: what was said on the one before does not count."""
        self.confirmed.clear()
        self.evicted = False

    def on_frame(self, frame: str) -> None:
        """Take note of a frame of statuses, as it arrives: those that wait behind market data would be too late."""
        if '"status"' in frame[:_STATUS_WITHIN]:
            for event in decode_frame(frame)[0]:
                if isinstance(event, Status):
                    self._on_status(event)

    def _on_status(self, status: Status) -> None:
        if status.status == "success" and status.message.startswith("subscribed to: "):
            self.confirmed.add(status.message.removeprefix("subscribed to: "))
            self.answered.set()
        elif status.status == "max_connections":
            self.evicted = True

    @property
    def unconfirmed(self) -> list[str]:
        """Channels that were asked for and not confirmed."""
        return [channel for channel in self.asked if channel not in self.confirmed]


async def follow(
    settings: Settings,
    lifecycle: Lifecycle,
    subscriptions: Subscriptions,
    on_frame: Callable[[str], Awaitable[None]],
    delays_s: Callable[[], Iterator[float]],
) -> None:
    """Hand every frame to *on_frame*, over as many connections as it takes, until told to stop.

    Raises:
        FeedRefusedError: the vendor refuses the key; asking again would be refused again.
    """

    async def take(frame: str) -> None:
        subscriptions.on_frame(frame)
        await on_frame(frame)

    waits = delays_s()
    while not lifecycle.stopping.is_set():
        began_s = clock.monotonic_s()
        subscriptions.on_opening()
        reason = await _Attempt(settings, subscriptions.asked, take).run(lifecycle.stopping)
        lasted_s = clock.monotonic_s() - began_s
        if lasted_s > _STEADY_S:
            waits = delays_s()
        wait_s = _EVICTED_S if subscriptions.evicted else next(waits)
        if not lifecycle.stopping.is_set():
            lifecycle.log.warning(
                "feed.lost", reason=reason, lasted_s=round(lasted_s, 1), again_in_s=round(wait_s, 1)
            )
        await lifecycle.pause(wait_s)


class _Attempt:
    """One connection from its opening to its end."""

    def __init__(
        self, settings: Settings, channels: list[str], on_frame: Callable[[str], Awaitable[None]]
    ) -> None:
        self._host = settings.feed
        self._client = WebSocketClient(
            api_key=settings.api_key,
            feed=settings.feed,
            secure=settings.feed_tls,
            raw=True,
            max_reconnects=0,
            subscriptions=channels,
        )
        # A lossless feed that is held back reads no pongs either: a ping would end it.
        self._keepalive = {"ping_interval": None} if settings.lossless else {}
        self._on_frame = on_frame
        self._opened = asyncio.Event()
        self._given_up = ""
        """Why we end it ourselves; empty while we do not."""

    async def run(self, stopping: asyncio.Event) -> str:
        """Hold the connection until it ends or *stopping* is set; why it ended."""
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read())
            others = [
                tasks.create_task(self._watch_opening(reading)),
                tasks.create_task(self._stop_when(stopping, reading)),
            ]
            try:
                await asyncio.wait({reading})
            finally:
                await self._close(reading)
                for other in others:
                    other.cancel()
        return reading.result()

    async def _read(self) -> str:
        try:
            # The constructor stores connection options without using them; they belong here.
            await self._client.connect(
                self._take, max_size=None, compression=None, max_queue=64, **self._keepalive
            )
        except AuthError as error:
            raise FeedRefusedError(
                f"{self._host} refused the key: {error}. Check MASSIVE_API_KEY and that the plan includes WebSockets"
            ) from error
        except _BROKEN as error:
            return f"{type(error).__name__}: {error}"
        except asyncio.CancelledError:
            if self._given_up:
                return self._given_up
            raise
        return "closed by the server"

    async def _take(self, frame: str | bytes) -> None:
        self._opened.set()
        await self._on_frame(frame if isinstance(frame, str) else frame.decode(errors="replace"))

    async def _watch_opening(self, reading: asyncio.Task[str]) -> None:
        try:
            async with asyncio.timeout(_OPEN_S):
                await self._opened.wait()
        except TimeoutError:
            self._given_up = f"{self._host} did not answer within {_OPEN_S:.0f} s, or confirmed none of the channels"
            await self._close(reading)

    async def _stop_when(self, stopping: asyncio.Event, reading: asyncio.Task[str]) -> None:
        await stopping.wait()
        self._given_up = "told to stop"
        await self._close(reading)

    async def _close(self, reading: asyncio.Task[str]) -> None:
        # While frames flow the client swallows a cancellation (Python 3.11), so its connection goes
        # first; while it connects, or is held back with a frame in its hands, only that ends it.
        if self._client.websocket is not None:
            await self._client.close()
            await asyncio.wait({reading}, timeout=_CLOSE_S)
        reading.cancel()
