"""What tests of the mesh and of its programs share: a real broker each, and waiting for conditions."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from mesh import broker, clock, topology
from mesh.config import Settings
from mesh.connection import Connection, open_connection
from mesh.logs import set_up


T = TypeVar("T")

_POLL_S = 0.02


class RunningBroker:
    """A nats-server of a test's own, which the test may kill and start again in the same place."""

    def __init__(self, store: Path) -> None:
        self.port = broker.free_port()
        self._command = broker.command(
            topology.folder() / "server.conf", self.port, broker.free_port(), store
        )
        self.url = self._command.url
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command.argv,
            env={**os.environ, **self._command.environment},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if not await broker.wait_until_listening(self.port):
            raise AssertionError("nats-server did not start within 10 s")

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """End the server with a signal (SIGKILL leaves it no time to say good-bye) and wait for its end."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()


@asynccontextmanager
async def running_broker(store: Path) -> AsyncIterator[RunningBroker]:
    """A started server, stopped at the end of the context."""
    server = RunningBroker(store)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(signal.SIGKILL)


@asynccontextmanager
async def ready_connection(settings: Settings) -> AsyncIterator[Connection]:
    """A connection to a broker on which the topology was applied."""
    async with open_connection(settings, "test", set_up("test", "error")) as connection:
        await topology.apply(connection, topology.definitions())
        yield connection


async def eventually(
    value: Callable[[], T] | Callable[[], Awaitable[T]],
    accept: Callable[[T], bool] = bool,
    *,
    timeout_s: float = 10.0,
) -> T:
    """The first result of *value* that *accept* takes.

    Raises:
        AssertionError: none within *timeout_s*; the message shows the last one.
    """
    end_s = clock.monotonic_s() + timeout_s
    while True:
        result = value()
        found: T = await result if asyncio.iscoroutine(result) else result  # type: ignore[assignment]  # narrowed at run time
        if accept(found):
            return found
        if clock.monotonic_s() > end_s:
            raise AssertionError(f"still {found!r:.2000} after {timeout_s} s")
        await asyncio.sleep(_POLL_S)
