"""One question to the vendor after the other: each is asked once, however many wait for it, and remembered."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from mesh import clock
from mesh.logs import Log
from services.reference.cache import Ages, Cache, Entry
from services.reference.vendor import RefusedError, UnavailableError


T = TypeVar("T")

PATIENCE_S = 15.0
"""People wait no longer for a question, however many calls it takes."""
_REFUSED_S = 600.0
"""What is not in the plan today is hardly there a minute later."""


class Asking(Generic[T]):
    """Answers from the cache, and from the vendor where they are too old.

    Args:
        tasks: what the questions run in: who waits for one may go, and others still get its answer.
        most_bytes: what may be remembered.
        size_bytes: what a value takes.
        log: where failures are told.
    """

    def __init__(
        self, tasks: asyncio.TaskGroup, most_bytes: int, size_bytes: Callable[[T], int], log: Log
    ) -> None:
        self._tasks = tasks
        self._cache = Cache[T](most_bytes)
        self._size_bytes = size_bytes
        self._running: dict[Hashable, asyncio.Task[Entry[T]]] = {}
        self._log = log

    async def of(
        self, key: Hashable, ages: Ages, ask: Callable[[], Awaitable[T | None]]
    ) -> Entry[T]:
        """What is known under *key*; if that is nothing, or too old, what *ask* gives."""
        found = self._cache.get(key, clock.now_ms())
        if found is not None:
            return found
        running = self._running.get(key)
        if running is None:
            running = self._tasks.create_task(self._ask(key, ages, ask))
            self._running[key] = running
            running.add_done_callback(lambda _: self._running.pop(key))
        return await asyncio.shield(running)

    async def _ask(
        self, key: Hashable, ages: Ages, ask: Callable[[], Awaitable[T | None]]
    ) -> Entry[T]:
        try:
            async with asyncio.timeout(PATIENCE_S):
                value = await ask()
        except TimeoutError:
            return self._failed(key, ages, f"the vendor took longer than {PATIENCE_S:.0f} s")
        except UnavailableError as error:
            return self._failed(key, ages, str(error))
        except RefusedError as error:
            return self._failed(key, ages._replace(failed_s=_REFUSED_S), str(error))
        size_bytes = 0 if value is None else self._size_bytes(value)
        return self._cache.put(key, value, size_bytes, ages, clock.now_ms())

    def _failed(self, key: Hashable, ages: Ages, reason: str) -> Entry[T]:
        self._log.debug("reference.failed", question=str(key), reason=reason)
        return self._cache.fail(key, reason, ages, clock.now_ms())
