"""The program `widgets` as tests run it: in the test's event loop, with a real broker, on a free port."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from mesh import broker
from mesh.config import Settings
from mesh.lifecycle import Counters, Lifecycle
from mesh.logs import set_up
from mesh.readiness import OF_PROGRAM
from mesh.testing import eventually
from services.widgets.service import serve
from tests.services.widgets.boards import ModelClient


class Told(Lifecycle):
    """A lifecycle that a test asks what the program has said."""

    def __init__(self) -> None:
        super().__init__(set_up("test", "error"))
        self.facts: dict[str, Any] = {}

    def ready(self, **facts: Any) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Remember the facts."""
        self.facts = facts
        super().ready(**facts)


class Running:
    """A program that runs until `stop`."""

    def __init__(self, port: int, lifecycle: Told, task: asyncio.Task[Counters]) -> None:
        self.port = port
        self.lifecycle = lifecycle
        self.page = f"http://127.0.0.1:{port}/"
        self._task = task

    async def stop(self) -> Counters:
        """Tell it to stop and wait for what it counted."""
        self.lifecycle.stopping.set()
        return await self._task


def on_free_port(settings: Settings, **changes: Any) -> Settings:
    """*settings* with a port that nobody listens on."""
    return msgspec.structs.replace(settings, port=broker.free_port(), **changes)


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


class Visitor(ModelClient):
    """A model client at the end of a real connection."""

    def __init__(self, connection: ClientConnection) -> None:
        super().__init__()
        self.connection = connection

    async def say(self, **frame: Any) -> None:
        """Send a frame."""
        await self.connection.send(msgspec.json.encode(frame).decode())

    async def hear(self, kind: str) -> dict[str, Any]:
        """Take frames up to the next of *kind*."""
        while True:
            text = await self.connection.recv()
            assert isinstance(text, str), "frames are text"
            frame = self.take(text)
            if frame["type"] == kind:
                return frame


@asynccontextmanager
async def visiting(
    program: Running, headers: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[Visitor]:
    """A client of `/ws`."""
    url = f"ws://127.0.0.1:{program.port}/ws"
    async with connect(url, additional_headers=headers, **options) as connection:
        yield Visitor(connection)
