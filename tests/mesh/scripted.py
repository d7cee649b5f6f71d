"""A Widget Data Service that says what a test tells it to, frame by frame."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypeVar

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from mesh.feed_state import checksum
from schemas.widget import ClientFrame, Delta, Head, Hello, ServerFrame, Snap
from schemas.wire import Decoder, encode_json
from tests.schemas.deltas import Change, rows_and_cells


FrameT = TypeVar("FrameT")

HEAD = Head("2026-03-02", "regular", 1_772_461_800_000)
COLUMNS = ["symbol", "last_usd", "change_pct"]
HELLO = Hello(1, "0", "tape", 1_000, ["board/x", "news/*"])

_decode = Decoder[ClientFrame](msgspec.json.Decoder(ClientFrame).decode).decode


class Peer:
    """The service's end of one connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection

    @property
    def authorization(self) -> str | None:
        """The header."""
        request = self.connection.request
        return request.headers.get("Authorization") if request else None

    async def heard(self, kind: type[FrameT]) -> FrameT:
        """The client's next frame, which must be of *kind*."""
        frame = _decode(await self.connection.recv())
        assert isinstance(frame, kind), frame
        return frame

    async def say(self, *frames: ServerFrame) -> None:
        """Send *frames*."""
        for frame in frames:
            await self.connection.send(encode_json(frame), text=True)

    async def close(self, code: int) -> None:
        """End the connection with *code*."""
        await self.connection.close(code)

    def cut(self) -> None:
        """Let the connection be lost."""
        self.connection.transport.abort()


class Scripted:
    """The service: gives the test each connection in turn."""

    def __init__(self) -> None:
        self.url = ""
        self.refuse_with: HTTPStatus | None = None
        """Status for the next connections, instead of taking them."""
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()

    async def peer(self, hello: Hello | None = HELLO) -> Peer:
        """The next connection; *hello* is said, if it is not None."""
        peer = await self._peers.get()
        if hello is not None:
            await peer.say(hello)
        return peer

    async def hold(self, connection: ServerConnection) -> None:
        """Keep a connection until the test or the client ends it."""
        self._peers.put_nowait(Peer(connection))
        await connection.wait_closed()

    def answer(self, connection: ServerConnection, _: Request) -> Response | None:
        """Refuse, if that is asked for."""
        if self.refuse_with is None:
            return None
        return connection.respond(self.refuse_with, "no")


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    """A service that listens."""
    service = Scripted()
    async with serve(
        service.hold, "127.0.0.1", 0, process_request=service.answer, close_timeout=0.1
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        service.url = f"ws://127.0.0.1:{port}/ws"
        yield service


def snap(number: int, seq: int, *rows: list[object], epoch: str = "e", crc: int = 0) -> Snap:
    """A whole table; its checksum is right unless *crc* says another."""
    return Snap(
        number, "board/x", epoch, seq, 5.0, HEAD, COLUMNS, list(rows), 9, crc or crc_of(rows)
    )


def delta(number: int, seq: int, *changes: Change, crc: int | None = None) -> Delta:
    """Changed cells and nothing else."""
    return Delta(number, seq - 1, seq, 5.0, HEAD, [], [], *rows_and_cells(changes), 9, crc)


def crc_of(rows: tuple[list[object], ...]) -> int:
    """The checksum of a table of *rows*."""
    return checksum([str(row[0]) for row in rows], list(zip(*rows, strict=True))[1:])
