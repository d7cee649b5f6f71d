"""A TCP proxy on 127.0.0.1 that can be cut and healed: the network between two servers of a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


_CHUNK_BYTES = 1 << 16


class Proxy:
    """Passes on what comes to *port*, both ways, until it is cut. Made by `open_proxy`."""

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self._to_port = to_port
        self._is_cut = False
        self._ends: set[asyncio.StreamWriter] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def set_cut(self, *, is_cut: bool) -> None:
        """Break all connections and refuse new ones, or let them through again."""
        self._is_cut = is_cut
        for end in self._ends if is_cut else ():
            end.transport.abort()

    async def carry(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Connect somebody who came to the other side, until one of them leaves."""
        self._ends.add(back)
        self._idle.clear()
        with suppress(OSError):
            if not self._is_cut:
                there, on = await asyncio.open_connection("127.0.0.1", self._to_port)
                self._ends.add(on)
                await asyncio.gather(_pass(here, on), _pass(there, back))
                self._ends.discard(on)
        self._ends.discard(back)
        back.close()
        if not self._ends:
            self._idle.set()

    async def close(self) -> None:
        """Break all connections, and wait for their ends."""
        self.set_cut(is_cut=True)
        await self._idle.wait()


@asynccontextmanager
async def open_proxy(to_port: int) -> AsyncIterator[Proxy]:
    """A proxy to *to_port* of 127.0.0.1, on a free port of its own."""
    proxy = Proxy(to_port)
    server = await asyncio.start_server(proxy.carry, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        yield proxy
        await proxy.close()


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(_CHUNK_BYTES):
            target.write(chunk)
            await target.drain()
    target.close()
