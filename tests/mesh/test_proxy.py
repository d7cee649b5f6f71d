"""The network between servers of a test: it carries, breaks and heals."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mesh.proxy import open_proxy


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that says what it hears."""

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(repeat, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _ask(port: int) -> bytes:
    """What comes back through *port*; empty if the connection is broken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"heard\n")
        return await reader.readline()
    except OSError:
        return b""
    finally:
        writer.close()


async def test_what_is_said_goes_through_unless_cut(echo: int) -> None:
    """A cut proxy passes nothing on, and one that was healed does again."""
    async with open_proxy(echo) as proxy:
        before = await _ask(proxy.port)
        proxy.set_cut(is_cut=True)
        during = await _ask(proxy.port)
        proxy.set_cut(is_cut=False)

        assert (before, during, await _ask(proxy.port)) == (b"heard\n", b"", b"heard\n")


async def test_cut_breaks_what_is_open(echo: int) -> None:
    """Who is connected notices the cut at once, not with the next word."""
    async with open_proxy(echo) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"heard\n")
        assert await reader.readline() == b"heard\n"
        proxy.set_cut(is_cut=True)
        try:
            rest = await reader.read()
        except OSError:
            rest = b""
        writer.close()

    assert rest == b""


async def test_server_that_is_not_there_is_a_broken_connection() -> None:
    """With nobody behind it a proxy closes what comes, as the network would."""
    async with open_proxy(1) as proxy:
        assert await _ask(proxy.port) == b""
