"""When events go out: at the pace of their own time, N times as fast, or as fast as they are read.

A pacer knows when an instant of event time is due; `due` cuts a stream of events accordingly. The
night between two trading days is skipped, whatever the pace.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterable
from itertools import islice
from operator import attrgetter
from typing import Protocol

from mesh import clock
from mesh.calendar import day_at
from services.simulator.events import TapeEvent


CHUNK_EVENTS = 500
"""Most events of a frame."""
_BLOCK_EVENTS = 4 * CHUNK_EVENTS
_BLOCK_BYTES = 4 << 20
"""Which a few events exceed, if they are whole frames."""
_TICK_S = 0.02
_ALWAYS_MS = 1 << 62
_time_ms = attrgetter("time_ms")


class Pacer(Protocol):
    """Decides when events up to an instant of event time may go out."""

    def resume(self, time_ms: int) -> None:
        """Event time goes on from *time_ms*, now."""

    async def release(self, time_ms: int) -> int:
        """Wait until *time_ms* is due; the latest event time (ms) that is due then."""


class RealTime:
    """Event time passes *speed* times as fast as the wall clock."""

    def __init__(self, speed: float = 1.0) -> None:
        self._ms_per_s = 1000 * speed
        self._from_ms = 0
        self._from_s = 0.0

    def resume(self, time_ms: int) -> None:
        """Event time goes on from *time_ms*, now."""
        self._from_ms, self._from_s = time_ms, clock.monotonic_s()

    async def release(self, time_ms: int) -> int:
        """Wait until *time_ms* is due, at least one tick of 20 ms if it is not due yet."""
        missing_ms = time_ms - self._now_ms()
        if missing_ms > 0:
            await asyncio.sleep(max(missing_ms / self._ms_per_s, _TICK_S))
        return max(time_ms, int(self._now_ms()))

    def _now_ms(self) -> float:
        return self._from_ms + (clock.monotonic_s() - self._from_s) * self._ms_per_s


class Unpaced:
    """Everything is due at once: the reader sets the pace."""

    def resume(self, time_ms: int) -> None:
        """Nothing to remember."""

    async def release(self, time_ms: int) -> int:
        """Return at once."""
        return _ALWAYS_MS


async def due(
    events: Iterable[TapeEvent], pacer: Pacer, reached_ms: int = 0
) -> AsyncGenerator[list[TapeEvent], None]:
    """*events* in order, in lists of at most `CHUNK_EVENTS` when they are due.

    Events up to *reached_ms* are due at once; the pacer goes on from there. Reading happens in a
    thread, ahead of time by a block, so that a slow file does not stop the event loop.
    """
    iterator = iter(events)
    horizon_ms, day_end_ms = reached_ms, 0
    while block := await asyncio.to_thread(_take, iterator):
        at = 0
        while at < len(block):
            time_ms = block[at].time_ms
            if time_ms > horizon_ms:
                if time_ms >= day_end_ms:
                    day = day_at(time_ms)
                    day_end_ms = day.end_ms
                    pacer.resume(reached_ms if reached_ms >= day.start_ms else time_ms)
                horizon_ms = min(await pacer.release(time_ms), day_end_ms - 1)
            end = bisect_right(
                block, horizon_ms, at, min(at + CHUNK_EVENTS, len(block)), key=_time_ms
            )
            yield block[at:end]
            at = end


def _take(iterator: Iterable[TapeEvent]) -> list[TapeEvent]:
    block, size_bytes = [], 0
    for event in islice(iterator, _BLOCK_EVENTS):
        block.append(event)
        size_bytes += len(event.payload)
        if size_bytes > _BLOCK_BYTES:
            break
    return block
