"""Tasks that do something again and again, and their end."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from mesh import clock


_AGAIN_S = 0.2


async def ticks(seconds: float) -> AsyncIterator[None]:
    """An iteration each *seconds*, however long the body takes; what it missed is left out, not made up for."""
    due_s = clock.monotonic_s()
    while True:
        due_s = max(due_s + seconds, clock.monotonic_s())
        await asyncio.sleep(due_s - clock.monotonic_s())
        yield


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel *tasks* and wait until all have ended.

    The client swallows a cancellation that meets it while it flushes, so one is not always enough.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_S)
