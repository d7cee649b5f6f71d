"""A REST server that answers as a test wants: by the day that is asked for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from mesh.testing import eventually


Answer = tuple[int, bytes] | None
"""Status and body; None never answers."""


def bars(**closes: Any) -> Answer:
    """The day's bars, by symbol."""
    found = [{"T": symbol, "c": close, "o": 1, "v": 1} for symbol, close in closes.items()]
    return 200, msgspec.json.encode({"status": "OK", "resultsCount": len(found), "results": found})


NOTHING: Answer = 200, b'{"status":"OK","resultsCount":0}'


class Rest:
    """The days that were asked for, and where."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """The base address."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            for writer in self._open:
                writer.close()
            await eventually(lambda: not self._open)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            day = head.partition("?")[0].split()[1].rpartition("/")[2]
            self.asked.append(day)
            answer = self.answer(day)
            if answer is None:
                await reader.read()
            else:
                status, body = answer
                length = f"Content-Length: {len(body)}\r\nConnection: close"
                writer.write(f"HTTP/1.1 {status} X\r\n{length}\r\n\r\n".encode() + body)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self._open.discard(writer)
