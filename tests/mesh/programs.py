"""Programs as processes of their own, for tests: started, asked for their health, read after their end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from mesh import broker
from mesh.address import reach
from mesh.config import to_environment
from mesh.settings import Settings
from mesh.testing import eventually


class Health(NamedTuple):
    """An answer of `/readyz`."""

    status: int
    ready: bool
    reasons: dict[str, str]
    facts: dict[str, Any]


class RunningProgram:
    """A process with a health port of its own."""

    def __init__(
        self, process: asyncio.subprocess.Process, host: str, port: int, log_file: Path
    ) -> None:
        self.process = process
        self.port = port
        """On which it tells of its health."""
        self.url = f"http://{reach(host)}:{port}"
        self._log_file = log_file

    async def ask(self, path: str) -> httpx.Response:
        """The answer on *path*, once there is one."""
        async with httpx.AsyncClient(trust_env=False) as http:
            return await http.get(f"{self.url}{path}")

    async def health(self) -> Health | None:
        """What it says of itself; None while it does not answer."""
        try:
            answer = await self.ask("/readyz")
        except httpx.TransportError:
            return None
        return Health(answer.status_code, **answer.json())

    async def until(self, *, ready: bool, timeout_s: float = 20.0) -> Health:
        """Wait until it says that it is *ready*, or that it is not."""

        def fits(health: Health | None) -> bool:
            return health is not None and health.ready is ready

        health = await eventually(self.health, fits, timeout_s=timeout_s)
        assert isinstance(health, Health)
        return health

    def said(self, event: str) -> list[dict[str, Any]]:
        """Its log records of *event*, in order."""
        records = map(msgspec.json.decode, self._log_file.read_bytes().splitlines())
        return [record for record in records if record["event"] == event]


@asynccontextmanager
async def running_program(
    argv: list[str], settings: Settings, log_file: Path
) -> AsyncIterator[RunningProgram]:
    """The process *argv* with *settings*; told to stop at the end of the context, which waits for its end."""
    port = broker.free_port()
    environment = to_environment(msgspec.structs.replace(settings, health_port=port))
    with log_file.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *argv, env={**os.environ, **environment}, stdout=log, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            yield RunningProgram(process, settings.host, port, log_file)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()


def mesh_run(name: str) -> list[str]:
    """The command that runs one program of the mesh."""
    return [sys.executable, "-m", "services", "run", name]
