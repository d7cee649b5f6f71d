"""The program `control` as tests run it: in the test's event loop, with a real broker, on a free port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec

from mesh import broker
from mesh.readiness import OF_PROGRAM
from mesh.settings import Settings
from mesh.testing import eventually
from services.control.service import serve
from tests.services.listener.programs import Told


class Running:
    """A program that serves until the end of its context."""

    def __init__(self, port: int, lifecycle: Told) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.port = port
        self.lifecycle = lifecycle
        self.clients: list[httpx.AsyncClient] = []

    def client(self) -> httpx.AsyncClient:
        """A client of its own, which keeps cookies; closed with the program."""
        made = httpx.AsyncClient(base_url=self.origin, trust_env=False, timeout=30)
        self.clients.append(made)
        return made


@asynccontextmanager
async def running(settings: Settings, **changes: Any) -> AsyncIterator[Running]:
    """The program on a free port, ready; stopped at the end."""
    own = msgspec.structs.replace(settings, **{"control_port": broker.free_port(), **changes})
    lifecycle = Told()
    OF_PROGRAM.set(lifecycle.readiness)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(serve(own, lifecycle))
        await eventually(lambda: lifecycle.facts or task.done())
        program = Running(own.control_port, lifecycle)
        try:
            yield program
        finally:
            for client in program.clients:
                await client.aclose()
            lifecycle.stopping.set()
