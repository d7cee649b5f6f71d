"""A mesh of processes that is replaced by another version of itself, program by program, as a cluster does it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from mesh import broker, clock
from mesh.settings import Settings
from tests.mesh.programs import RunningProgram, mesh_run, running_program


COPIES = {"reference": 1, "processors": 2, "boards": 2, "news": 2, "widgets": 2, "control": 2}
"""Processes of each program that is replaced one by one, a new one being ready before an old one is told to stop."""
LISTENER = "listener"
"""The vendor counts connections, so of this one the old one ends before the new one begins."""
_READY_S = 90.0
"""Twelve processes that start at once on two cores, beside all that runs already."""


class Balancer:
    """Leads each new connection to the newest of the services behind it."""

    def __init__(self) -> None:
        self.behind: list[int] = []
        """Their ports, newest last."""
        self.url = ""
        """Of the services' `/ws`."""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen on a free port for the duration of the context."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        async with server:
            yield

    async def _carry(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(OSError, IndexError):
            there, on = await asyncio.open_connection("127.0.0.1", self.behind[-1])
            await asyncio.gather(_pass(here, on), _pass(there, back))
        back.close()


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(1 << 16):
            target.write(chunk)
            await target.drain()
    target.close()


class Fleet:
    """Every program of a mesh but its simulator, in as many processes as `COPIES` says."""

    def __init__(self, settings: Settings, folder: Path, stack: AsyncExitStack) -> None:
        self.version = "1"
        self.running: dict[str, list[RunningProgram]] = {
            LISTENER: [],
            **{name: [] for name in COPIES},
        }
        self.balancer = Balancer()
        self.stopped_s = 0.0
        """When the listener was told to stop, by the monotonic clock."""
        self._settings = settings
        self._folder = folder
        self._stack = stack
        self._ports: dict[RunningProgram, int] = {}

    async def start(self) -> None:
        """Start everything but the listener, and wait until it is ready."""
        await self._stack.enter_async_context(self.balancer.serving())
        await _together(self._add(name) for name, count in COPIES.items() for _ in range(count))

    async def listen(self) -> None:
        """Start the listener."""
        await self._add(LISTENER)

    async def upgrade(self, version: str) -> None:
        """Replace every process by one of *version*, the listener last."""
        self.version = version
        for name in COPIES:
            await self._roll(name)
        await self._replace()

    async def stop(self, *programs: str) -> None:
        """End *programs*, one after the other: whoever makes something before those who take it."""
        for name in programs:
            await _together([self._end(name, each) for each in self.running[name]])

    def said(self, event: str) -> list[dict[str, Any]]:
        """The listener's log records of *event*, of all its processes."""
        return [record for each in self.running[LISTENER] for record in each.said(event)]

    async def versions(self) -> set[str]:
        """What the processes say that they are."""
        programs = [each for copies in self.running.values() for each in copies]
        answers = [(await each.ask("/status")).json() for each in programs]
        return {answer["image_version"] for answer in answers}

    async def _roll(self, name: str) -> None:
        for old in list(self.running[name]):
            await self._add(name)
            await self._end(name, old)

    async def _replace(self) -> None:
        (old,) = self.running[LISTENER]
        self.stopped_s = clock.monotonic_s()
        await self._end(LISTENER, old)
        await self._add(LISTENER)

    async def _add(self, name: str) -> None:
        """Start a process and wait until it is ready."""
        port = broker.free_port()
        settings = msgspec.structs.replace(
            self._settings,
            image_version=self.version,
            port=port,
            control_port=port,
            widgets_url=self.balancer.url,
        )
        log_file = self._folder / f"{name}.log"
        program = await self._stack.enter_async_context(
            running_program(mesh_run(name), settings, log_file)
        )
        await program.until(ready=True, timeout_s=_READY_S)
        self.running[name].append(program)
        self._ports[program] = port
        if name == "widgets":
            self.balancer.behind.append(port)

    async def _end(self, name: str, program: RunningProgram) -> None:
        """Tell a process to stop, when nobody is led to it any more, and wait until it has drained."""
        if name == "widgets":
            self.balancer.behind.remove(self._ports[program])
        self.running[name].remove(program)
        program.process.send_signal(signal.SIGTERM)
        assert await program.process.wait() == 0, name


async def _together(all_of: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for each in all_of:
            tasks.create_task(each)
