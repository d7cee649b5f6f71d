"""Tasks that do something again and again, and their end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable
from typing import Any, TypeVar

from mesh import clock


T = TypeVar("T")

_CANCEL_AGAIN_S = 0.1


async def cancellable(awaitable: Awaitable[T]) -> T:
    """The result of *awaitable*, or CancelledError if the task was cancelled meanwhile, whatever it made of that.

    The NATS client swallows a cancellation that meets it while it flushes, or in the turn in which it
    has an answer or a time limit passes. A task group cancels its tasks once: it would wait for ever.
    """
    task = asyncio.current_task()
    asked = task.cancelling() if task is not None else 0
    try:
        return await awaitable
    finally:
        if task is not None and task.cancelling() > asked:
            raise asyncio.CancelledError


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of *work*, whose end is waited for in any case.

    It is cancelled again and again: the NATS client swallows a cancellation that meets it while it
    connects, and would then try for ever (seen, one time in seven on a busy machine).

    Raises:
        TimeoutError: it took longer than *seconds*.
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
        raise TimeoutError
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CANCEL_AGAIN_S)
        if not task.cancelled():
            task.exception()  # looked at, or the loop would complain


async def ticks(seconds: float) -> AsyncIterator[None]:
    """An iteration each *seconds*, however long the body takes; what it missed is left out, not made up for."""
    due_s = clock.monotonic_s()
    while True:
        due_s = max(due_s + seconds, clock.monotonic_s())
        await asyncio.sleep(due_s - clock.monotonic_s())
        yield


async def first_of(*events: asyncio.Event, timeout_s: float | None = None) -> None:
    """Wait until one of *events* is set, or *timeout_s* have passed."""
    if any(event.is_set() for event in events):
        return
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()


async def unless(event: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of *work*; None if *event* is set first, which cancels it and waits for its end."""
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work)
        waiting = tasks.create_task(event.wait())
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if working.done():
            return working.result()
        working.cancel()
    return None


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel *tasks* and wait until all have ended; what they fail with is not raised."""
    pending = {task for task in tasks if not task.done()}
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)
