"""Ending tasks that would otherwise go on for ever."""

import asyncio
from collections.abc import Iterable
from typing import Any


_AGAIN_S = 0.2


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel *tasks* and wait until all have ended.

    The client swallows a cancellation that meets it while it flushes, so one is not always enough.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_S)
