"""The program `widgets` as tests run it: in the test's event loop, with a real broker, on a free port."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mesh import broker, clock
from mesh.feed_state import SequenceState, TableState
from mesh.lifecycle import Counters
from mesh.readiness import OF_PROGRAM
from mesh.settings import Settings
from mesh.testing import eventually
from mesh.tokens import Tokens
from schemas.widget import (
    Ack,
    Bye,
    Delta,
    Event,
    Feeds,
    Hello,
    ServerError,
    ServerFrame,
    Snap,
    Status,
)
from schemas.wire import Decoder, encode_json
from services.widgets.service import serve
from tests.services.listener.programs import Told


KEY = "0123456789abcdef0123456789abcdef"
"""Signs the tokens of tests."""
USER = "tester"

_PING = 1_234_567
_PATIENCE_S = 20.0
"""For a frame that must come: a test that fails says where."""

FrameT = TypeVar("FrameT")

_decode = Decoder[ServerFrame](msgspec.json.Decoder(ServerFrame).decode).decode


class Place:
    """Where a program serves, and the tokens that it takes."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.page = f"http://127.0.0.1:{port}/"
        self.tokens = Tokens(KEY.encode())

    def token(self, *scopes: str, user: str = USER, lasts_s: float = 600.0) -> str:
        """A token for *scopes*, or everything."""
        return self.tokens.issue(user, scopes or (">",), lasts_s, clock.now_ms())


class Running(Place):
    """A program that runs until `stop`."""

    def __init__(self, port: int, lifecycle: Told, task: asyncio.Task[Counters]) -> None:
        super().__init__(port)
        self.lifecycle = lifecycle
        self._task = task

    async def stop(self) -> Counters:
        """Tell it to stop and wait for what it counted."""
        self.lifecycle.stopping.set()
        return await self._task


def on_free_port(settings: Settings, **changes: Any) -> Settings:
    """*settings* with a port that nobody listens on, and a key of tokens that the test knows."""
    return msgspec.structs.replace(settings, port=broker.free_port(), token_key=KEY, **changes)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """The program, ready; stopped at the end."""
    lifecycle = Told()
    OF_PROGRAM.set(lifecycle.readiness)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(serve(settings, lifecycle))
        await eventually(lambda: lifecycle.facts or task.done())
        program = Running(settings.port, lifecycle, task)
        try:
            yield program
        finally:
            lifecycle.stopping.set()


class Visitor:
    """A client of protocol 1 at the end of a real connection, which takes no frame that does not fit."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.feeds: list[str] = []
        self.stale = False
        self.errors: list[ServerError] = []
        self.bye: Bye | None = None
        self.heard: list[ServerFrame] = []
        self.tables: dict[int, TableState] = {}
        self.sequences: dict[int, SequenceState] = {}

    async def say(self, **frame: Any) -> None:
        """Send a frame."""
        await self.connection.send(encode_json(frame), text=True)

    async def next(self) -> ServerFrame:
        """Take the next frame."""
        async with asyncio.timeout(_PATIENCE_S):
            text = await self.connection.recv()
        assert isinstance(text, str), "frames are text"
        frame = _decode(text)
        self.heard.append(frame)
        self._take(frame)
        return frame

    async def hear(self, kind: type[FrameT]) -> FrameT:
        """Take frames up to the next of *kind*."""
        while True:
            frame = await self.next()
            if isinstance(frame, kind):
                return frame

    async def follow(self, number: int, feed: str, **view: Any) -> Snap | Event:
        """Subscribe; the first frame."""
        await self.say(action="sub", id=number, feed=feed, view=view)
        while True:
            frame = await self.hear(Snap | Event)  # type: ignore[arg-type]  # isinstance takes a union
            if frame.id == number:
                return frame

    async def until_closed(self) -> tuple[int, Bye | None]:
        """The code that the service closed with, and what it said before."""
        with suppress(ConnectionClosed):
            while True:
                await self.next()
        code = self.connection.close_code
        assert code is not None
        return code, self.bye

    async def is_served(self) -> bool:
        """Whether the service answers."""
        await self.say(action="ping", id=_PING)
        while True:
            frame = await self.next()
            if frame == Ack("ping", _PING):
                return True

    def rows(self, number: int) -> list[dict[str, Any]]:
        """The rows of a table as objects, best first."""
        table = self.tables[number]
        return [dict(zip(table.columns, table.rows[each], strict=True)) for each in table.symbols]

    def values(self, number: int) -> list[Any]:
        """What has come of a sequence, oldest first."""
        return [msgspec.json.decode(value) for value in self.sequences[number].values]

    def _take(self, frame: ServerFrame) -> None:
        match frame:
            case Hello() | Feeds():
                self.feeds = frame.feeds
            case Status():
                self.stale = frame.stale
            case ServerError():
                self.errors.append(frame)
            case Bye():
                self.bye = frame
            case Snap():
                self.tables.setdefault(frame.id, TableState()).on_snap(frame)
                assert not self.tables[frame.id].lost, "a snap does not fit its checksum"
            case Delta():
                assert self.tables[frame.id].on_delta(frame), "a delta does not follow"
                assert not self.tables[frame.id].lost, "a delta does not fit its checksum"
            case Event():
                known = self.sequences.setdefault(frame.id, SequenceState())
                assert known.on_event(frame), "an event does not follow"
            case _:
                pass


@asynccontextmanager
async def visiting(
    program: Place,
    headers: Mapping[str, str] | None = None,
    token: str | None = "",
    query: str = "",
    **options: Any,
) -> AsyncIterator[Visitor]:
    """A client of `/ws`.

    Args:
        program: the service.
        headers: of the handshake, beside the token's.
        token: None: none; empty: one for everything.
        query: of the URL.
        options: of `connect`.
    """
    said = {} if token is None else {"Authorization": f"Bearer {token or program.token()}"}
    url = f"ws://127.0.0.1:{program.port}/ws{query}"
    async with connect(
        url, additional_headers={**said, **(headers or {})}, close_timeout=1, **options
    ) as connection:
        yield Visitor(connection)


def narrow(port: int) -> socket.socket:
    """A connection whose receiving end holds little."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    found.connect(("127.0.0.1", port))
    found.setblocking(False)
    return found
