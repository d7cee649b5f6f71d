"""What tests of programs share: a lifecycle that keeps what was said, a program running in a task."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog

from mesh.lifecycle import Counters, Lifecycle
from mesh.settings import Settings
from mesh.testing import eventually


class Told(Lifecycle):
    """A lifecycle that keeps its log records and the counters at the end."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.counters: Counters = {}
        self.facts: dict[str, Any] = {}
        """What it said when it was ready."""
        super().__init__(
            structlog.wrap_logger(
                structlog.ReturnLogger(),
                processors=[self._keep],
                wrapper_class=structlog.make_filtering_bound_logger("debug"),
            )
        )

    def _keep(self, _logger: Any, level: str, record: Any) -> str:
        self.records.append({**record, "level": level})
        return ""

    def ready(self, **facts: Any) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Keep the facts."""
        self.facts = facts
        super().ready(**facts)

    def said(self, event: str) -> list[dict[str, Any]]:
        """The records of *event*, in order."""
        return [record for record in self.records if record["event"] == event]

    async def until(self, event: str) -> dict[str, Any]:
        """The first record of *event*, as soon as there is one."""
        return (await eventually(lambda: self.said(event)))[0]


Serve = Callable[[Settings, Lifecycle], Awaitable[Counters]]


@asynccontextmanager
async def running(serve: Serve, settings: Settings) -> AsyncIterator[Told]:
    """The program for the duration of the context; then it is told to stop, and its counters are kept."""
    told = Told()

    async def program() -> None:
        told.counters = await serve(settings, told)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(program())
        yield told
        told.stopping.set()
