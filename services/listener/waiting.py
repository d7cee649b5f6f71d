"""Frames that have arrived and are not published yet."""

import asyncio
from collections import Counter, deque
from contextlib import suppress
from typing import NamedTuple

from mesh import clock
from schemas.naming import MarketClass
from services.listener.frames import count_events


class Frame(NamedTuple):
    """A frame as received."""

    text: str
    received_ms: float


class Frames:
    """Frames between socket and publisher: bounded in bytes.

    Full, it drops the oldest frames and counts their events by class; or, if *lossless*, it lets
    the socket wait.
    """

    def __init__(self, most_bytes: int, *, lossless: bool) -> None:
        self.discarded: Counter[MarketClass] = Counter()
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._most_bytes = most_bytes
        self._lossless = lossless
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self.ended = False
        """Whether no more frames come."""

    async def put(self, text: str) -> None:
        """Take a frame from the socket."""
        self._frames.append(Frame(text, clock.now_ms()))
        self._bytes += len(text)
        self._arrived.set()
        while self._bytes > self._most_bytes:
            if self._lossless:
                self._taken.clear()
                await self._taken.wait()
            else:
                dropped = self._frames.popleft()
                self._bytes -= len(dropped.text)
                self.discarded += count_events(dropped.text)

    @property
    def waiting(self) -> int:
        """How many frames wait."""
        return len(self._frames)

    @property
    def waiting_bytes(self) -> int:
        """How many characters wait, which are bytes but for the rare name."""
        return self._bytes

    def end(self) -> None:
        """No more frames come: nobody need wait for one."""
        self.ended = True
        self._arrived.set()

    async def wait(self, seconds: float) -> None:
        """Until there is a frame, or none will come, or *seconds* have passed."""
        if not self._frames and not self.ended:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()

    def pop(self) -> Frame | None:
        """The oldest frame; None if there is none."""
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._bytes -= len(frame.text)
        self._taken.set()
        return frame

    def discard(self) -> None:
        """Drop what waits, counted by class."""
        while (frame := self.pop()) is not None:
            self.discarded += count_events(frame.text)
