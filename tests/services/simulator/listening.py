"""What tests of the simulator share: served feeds, the vendor's own client, a pacer on a string."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from massive import WebSocketClient
from massive.exceptions import AuthError
from websockets.exceptions import ConnectionClosed

from mesh.testing import eventually
from services.simulator.events import TapeEvent
from services.simulator.feed import Feed
from services.simulator.server import FeedServer
from services.simulator.service import bound


KEY = "simulator"


def trade(time_ms: int, sym: str = "AAPL", sequence: int = 1, padding: int = 0) -> TapeEvent:
    """A trade as a tape gives it, *padding* bytes longer than it need be."""
    trade_id = "x" * padding
    payload = (
        f'{{"ev":"T","sym":"{sym}","i":"{trade_id}","p":10.5,"s":100,"t":{time_ms},"q":{sequence}}}'
    )
    return TapeEvent(time_ms, "T", sym, payload.encode())


class Gate:
    """A pacer that lets event time pass up to an instant which the test chooses."""

    def __init__(self, until_ms: int = 0) -> None:
        self.until_ms = until_ms
        self.resumed: list[int] = []
        self.waiting_for: int | None = None
        self._moved = asyncio.Event()

    def resume(self, time_ms: int) -> None:
        """Remember from where event time went on."""
        self.resumed.append(time_ms)

    async def release(self, time_ms: int) -> int:
        """Wait until the test opens the gate that far."""
        while time_ms > self.until_ms:
            self.waiting_for = time_ms
            self._moved.clear()
            await self._moved.wait()
        return self.until_ms

    def open_until(self, time_ms: int) -> None:
        """Let everything up to *time_ms* go out."""
        self.until_ms = time_ms
        self._moved.set()


class Heard:
    """What a real client of the vendor's was sent after its authentication."""

    def __init__(self, port: int, *subscriptions: str, key: str = KEY) -> None:
        self.client = WebSocketClient(
            api_key=key, feed=f"127.0.0.1:{port}", secure=False, raw=True, max_reconnects=0,
            subscriptions=list(subscriptions),
        )  # fmt: skip
        self.frames: list[bytes] = []
        self.statuses: list[tuple[str, str]] = []
        """(status, message) of status events, in order."""
        self.error: Exception | None = None
        """How the connection ended, None if normally or not yet."""
        self.ended = False
        self.on_frame: Callable[[], Awaitable[Any]] | None = None

    async def listen(self) -> None:
        """Listen until the connection ends."""
        try:
            await self.client.connect(
                self._take, max_size=None, compression=None, max_queue=1, ping_interval=None
            )
        except (AuthError, ConnectionClosed) as error:
            self.error = error
        self.ended = True

    async def _take(self, text: str) -> None:
        frame = text.encode()
        self.frames.append(frame)
        if b'"status"' in frame:
            found = msgspec.json.decode(frame)
            self.statuses += [(s["status"], s["message"]) for s in found if s["ev"] == "status"]
        if self.on_frame is not None:
            await self.on_frame()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Market events, in order."""
        found = [item for frame in self.frames for item in msgspec.json.decode(frame)]
        return [item for item in found if item["ev"] != "status"]

    def sequences(self) -> list[int]:
        """`q` of the events, in order."""
        return [event["q"] for event in self.events]

    async def until_status(self, status: str) -> None:
        """Wait until a status has been sent."""
        await eventually(lambda: any(known == status for known, _ in self.statuses))


@asynccontextmanager
async def listening(port: int, *subscriptions: str, key: str = KEY) -> AsyncIterator[Heard]:
    """A real client that listens for the duration of the context."""
    heard = Heard(port, *subscriptions, key=key)
    async with asyncio.TaskGroup() as group:
        group.create_task(heard.listen())
        try:
            yield heard
        finally:
            await heard.client.close()


@asynccontextmanager
async def served(feed: Feed) -> AsyncIterator[int]:
    """The port on which *feed* is served for the duration of the context."""
    with bound(0, "MESH_SIM_PORT") as free:
        server = FeedServer(feed, KEY)
        async with server.serving(free), asyncio.TaskGroup() as group:
            clock = group.create_task(feed.run())
            yield free.getsockname()[1]
            clock.cancel()
