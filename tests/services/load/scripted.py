"""A small server that speaks as much of protocol 1 as a load needs, and errs where a test has it err."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from mesh import clock
from mesh.feed_state import checksum
from schemas.widget import (
    SUBPROTOCOL,
    Delta,
    Feeds,
    Head,
    Hello,
    Lag,
    ServerError,
    Snap,
    Subscribe,
)
from schemas.wire import encode_json, json_decoder
from services.load.client import Door, door


HEAD = Head("2026-01-05", "regular", 1)

_decode = json_decoder(Subscribe).decode


class ScriptedServer:
    """One table of one row, whose price is its `seq`. What it was asked for, and how it answers."""

    def __init__(self) -> None:
        self.at: Door
        self.seq = 1
        self.subscribed: list[Subscribe] = []
        self.wrong_crc = False
        """Whether what it says of the checksum is wrong."""
        self.resumes = True
        """Whether it can take a client on from where that was."""
        self.has_feed = True
        self.refused = 0
        """Subscriptions to the feed before it was there."""
        self.tokens: list[str | None] = []
        self.connections: set[ServerConnection] = set()
        self._subscribers: dict[ServerConnection, int] = {}

    async def serve(self, connection: ServerConnection) -> None:
        """Answer one client."""
        assert connection.request is not None
        self.tokens.append(connection.request.headers.get("Authorization"))
        self.connections.add(connection)
        try:
            await self._send(connection, Hello(1, "0", "simulated", 1, ["board/gainers"]))
            async for text in connection:
                frame = _decode(text)
                if not self.has_feed:
                    self.refused += 1
                    await self._send(connection, ServerError("there is no feed", frame.id))
                    continue
                self.subscribed.append(frame)
                self._subscribers[connection] = frame.id
                if not self.resumes or (frame.epoch, frame.seq) != ("e", self.seq):
                    await self._send(connection, self._snap(frame.id))
        finally:
            self.connections.discard(connection)
            self._subscribers.pop(connection, None)

    async def tick(self, after: int | None = None) -> None:
        """Tell all subscribers of a new price; *after*: of another position than they are at."""
        before, self.seq = self.seq, self.seq + 1
        for connection, number in list(self._subscribers.items()):
            cells: list[list[Any]] = [[1, [float(self.seq)]]]
            delta = Delta(number, before if after is None else after, self.seq, clock.now_ms(), HEAD, [], [], [0], cells, 1, self._crc())  # fmt: skip
            await self._send(connection, delta)

    async def announce(self) -> None:
        """Tell all that the feed is there now."""
        self.has_feed = True
        for connection in self.connections:
            await self._send(connection, Feeds(["alert/*/*", "board/gainers"]))

    async def lag(self) -> None:
        """Tell all that they are slow, and that they are no longer."""
        for connection, number in self._subscribers.items():
            await self._send(connection, Lag(number, 1.0, 900))
            await self._send(connection, Lag(number, None, 0))

    async def refuse(self) -> None:
        """Tell all that they were wrong."""
        for connection in self._subscribers:
            await self._send(connection, ServerError("no such column"))

    async def close(self, code: int) -> None:
        """Close all connections."""
        for connection in list(self.connections):
            await connection.close(code)

    def _snap(self, number: int) -> Snap:
        return Snap(number, "board/gainers", "e", self.seq, clock.now_ms(), HEAD, ["symbol", "last_usd"], [["A", float(self.seq)]], 1, self._crc())  # fmt: skip

    def _crc(self) -> int:
        return checksum(["A"], [[float(self.seq)]]) + self.wrong_crc

    async def _send(self, connection: ServerConnection, frame: msgspec.Struct) -> None:
        with suppress(ConnectionClosed):  # it has just left
            await connection.send(encode_json(frame), text=True)


@asynccontextmanager
async def scripted_server(token: str | None = None) -> AsyncIterator[ScriptedServer]:
    """A server on a port of its own."""
    server = ScriptedServer()
    async with serve(
        server.serve,
        "127.0.0.1",
        0,
        compression=None,
        open_timeout=1,
        close_timeout=1,
        subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of theirs
    ) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        server.at = door(f"ws://127.0.0.1:{port}/ws", lambda user: token and f"{token}-{user}")
        yield server
