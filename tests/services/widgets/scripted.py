"""A service by script: it serves the page and speaks protocol 1, and says what a test wants it to say."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from mesh import clock
from schemas.widget import PROTOCOL, ClientFrame, Hello, Ping
from schemas.wire import Wire, encode_json, json_decoder
from services.widgets.app import HEADERS
from services.widgets.page import MEDIA_TYPES, WEB


F = TypeVar("F", bound=Wire)

_decode: Callable[[str | bytes], ClientFrame] = json_decoder(ClientFrame).decode  # type: ignore[arg-type]  # a union is no type to mypy


class Line:
    """One connection of the page."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._heard: asyncio.Queue[ClientFrame] = asyncio.Queue()

    async def say(self, *frames: Wire) -> None:
        """Send frames."""
        for frame in frames:
            await self._connection.send(encode_json(frame).decode())

    async def greet(self, *feeds: str, **changes: Any) -> None:
        """Send `hello`."""
        now_ms = int(clock.now_ms())
        await self.say(
            Hello(PROTOCOL, "test", changes.pop("source", "live"), now_ms, list(feeds), **changes)
        )

    async def hear(self, kind: type[F]) -> F:
        """The next frame of the page, which must be of *kind*; a `ping` before it is passed over."""
        frame = await self._heard.get()
        while isinstance(frame, Ping) and kind is not Ping:
            frame = await self._heard.get()
        assert isinstance(frame, kind), f"{frame!r} came"
        return frame

    async def next(self) -> ClientFrame:
        """The next frame of the page, whatever it is."""
        return await self._heard.get()

    @property
    def is_quiet(self) -> bool:
        """Whether the page has said nothing that was not heard."""
        return self._heard.empty()

    async def close(self, code: int, reason: str = "") -> None:
        """End it."""
        await self._connection.close(code, reason)

    async def listen(self) -> None:
        """Take what the page says, until it is gone; what is no frame of the protocol fails the test."""
        async for text in self._connection:
            self._heard.put_nowait(_decode(text))


class Script:
    """The server: connections in the order in which they come, and the page's files."""

    def __init__(self) -> None:
        self._token: str | None = None
        self._lines: asyncio.Queue[Line] = asyncio.Queue()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Of the page; `blank` below it is a page with nothing on it."""
        assert self._server is not None
        return f"http://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}/"

    def give_token(self, token: str) -> None:
        """From now on, put *token* into every page."""
        self._token = token

    async def line(self) -> Line:
        """The next connection."""
        return await self._lines.get()

    @property
    def is_quiet(self) -> bool:
        """Whether nobody has connected whom `line` has not given."""
        return self._lines.empty()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Script"]:
        """Serve on a free port."""
        async with serve(
            self._accept, "127.0.0.1", 0, process_request=self._answer, compression=None
        ) as self._server:
            yield self

    async def _accept(self, connection: ServerConnection) -> None:
        line = Line(connection)
        self._lines.put_nowait(line)
        await line.listen()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        place = request.path.partition("?")[0]
        if place == "/ws":
            return None
        path = WEB / (place.lstrip("/") or "index.html")
        if place == "/blank":
            body, kind = b"<!doctype html><html><head></head></html>", MEDIA_TYPES[".html"]
        elif not path.is_file():
            return connection.respond(HTTPStatus.NOT_FOUND, "")
        else:
            body, kind = path.read_bytes(), MEDIA_TYPES[path.suffix]
        if self._token is not None:
            meta = f'<head><meta name="mesh-token" content="{self._token}">'
            body = body.replace(b"<head>", meta.encode())
        headers = Headers(
            {
                "Content-Type": kind,
                "Content-Length": str(len(body)),
                "Content-Security-Policy": HEADERS["Content-Security-Policy"],
                "Cache-Control": "no-cache",
                "Connection": "close",
            }
        )
        return Response(HTTPStatus.OK.value, "OK", headers, body)
