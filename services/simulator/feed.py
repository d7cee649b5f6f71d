"""What is played to connections: a recorded tape to each from its start, or one live market to all.

A tape is lossless: every connection gets all of it, those who read slowly hold it back, and what
an earlier connection was sent already goes out as fast as it is read. The market is live: its
clock runs whether or not anybody listens, nothing is replayed, and a connection that does not
keep up is dropped.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from typing import Protocol

from services.simulator.events import TapeEvent
from services.simulator.lines import FRAME, count, events_of
from services.simulator.player import Pacer, due
from services.simulator.protocol import END_OF_TAPE, Subscriptions


DEFAULT_BACKLOG_BYTES = 64 * 1024 * 1024
_READ_AHEAD_BYTES = 256 * 1024


class Listener(Protocol):
    """One subscribed connection."""

    @property
    def subscriptions(self) -> Subscriptions:
        """What it wants; may change at any time."""

    async def send(self, frame: bytes) -> None:
        """Send a text frame; waits while the other side does not read."""

    def drop(self) -> None:
        """End the connection because it has not read for too long; does not wait."""


class Sent:
    """How much has been sent since the program started."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.frames = 0

    def frame(self, subscriptions: Subscriptions, chunk: list[TapeEvent]) -> bytes | None:
        """The frame of what was subscribed to in *chunk*, counted; None if there is nothing."""
        chosen = subscriptions.select(chunk)
        if not chosen:
            return None
        self.events.update([event.ev for event in chosen])
        self.frames += 1
        return b"[" + b",".join([event.payload for event in chosen]) + b"]"

    def cut(self, subscriptions: Subscriptions, chunk: list[TapeEvent]) -> Iterator[bytes]:
        """The frames of what was subscribed to in *chunk*; frames of the tape go out by themselves."""
        events: list[TapeEvent] = []
        for event in chunk:
            if event.ev != FRAME:
                events.append(event)
                continue
            yield from self._joined(subscriptions, events)
            events = []
            yield from self._whole(subscriptions, event)
        yield from self._joined(subscriptions, events)

    def _joined(self, subscriptions: Subscriptions, events: list[TapeEvent]) -> Iterator[bytes]:
        frame = self.frame(subscriptions, events)
        if frame is not None:
            yield frame

    def _whole(self, subscriptions: Subscriptions, whole: TapeEvent) -> Iterator[bytes]:
        """*whole* untouched, if all channels were asked for; a broken one too, whatever was."""
        events = None if subscriptions.is_everything else events_of(whole)
        if events is not None:
            yield from self._joined(subscriptions, events)
            return
        self.events += count(whole.payload)
        self.frames += 1
        yield whole.payload


class Feed(Protocol):
    """Something to listen to."""

    @property
    def sent(self) -> Sent:
        """Counters over all connections."""

    async def run(self) -> None:
        """What goes on without connections, for as long as the program lasts."""

    async def play(self, listener: Listener) -> None:
        """Serve one connection from its first subscription on; returns when nothing more comes."""


class TapeFeed:
    """A recorded tape, played to each connection from its start."""

    def __init__(self, tape: Iterable[TapeEvent], pacer: Pacer) -> None:
        self.sent = Sent()
        self.reached_ms = 0
        """Event time up to which any connection has been served."""
        self._tape = tape
        self._pacer = pacer

    async def run(self) -> None:
        """Nothing: a tape stands still while nobody listens."""

    async def play(self, listener: Listener) -> None:
        """Send the whole tape, then say that it is at its end."""
        async with aclosing(due(self._tape, self._pacer, self.reached_ms)) as chunks:
            async for chunk in chunks:
                for frame in self.sent.cut(listener.subscriptions, chunk):
                    await listener.send(frame)
                self.reached_ms = max(self.reached_ms, chunk[-1].time_ms)
        await listener.send(END_OF_TAPE)


class _Backlog:
    """Frames that wait for one connection."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.frames: deque[bytes] = deque()
        self.size_bytes = 0
        self.arrived = asyncio.Event()

    def add(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.size_bytes += len(frame)
        self.arrived.set()


class LiveFeed:
    """One market for all connections.

    With *wait_for_readers* the market stands still while nobody listens and waits for those who
    do: that is what playing as fast as it is read means for a market without an end.
    """

    def __init__(
        self,
        market: Iterable[TapeEvent],
        pacer: Pacer,
        *,
        wait_for_readers: bool = False,
        backlog_bytes: int = DEFAULT_BACKLOG_BYTES,
    ) -> None:
        self.sent = Sent()
        self._market = market
        self._pacer = pacer
        self._wait_for_readers = wait_for_readers
        self._backlog_bytes = backlog_bytes
        self._backlogs: dict[_Backlog, None] = {}
        self._read = asyncio.Event()

    @property
    def listeners(self) -> int:
        """Connections that are being served now."""
        return len(self._backlogs)

    async def run(self) -> None:
        """The market's clock."""
        async with aclosing(due(self._market, self._pacer)) as chunks:
            async for chunk in chunks:
                if self._wait_for_readers:
                    await self._until_read()
                for backlog in list(self._backlogs):
                    self._offer(backlog, chunk)

    async def play(self, listener: Listener) -> None:
        """Send what happens from now on, until the caller cancels."""
        backlog = _Backlog(listener)
        self._backlogs[backlog] = None
        self._read.set()
        try:
            while True:
                await backlog.arrived.wait()
                backlog.arrived.clear()
                while backlog.frames:
                    await listener.send(backlog.frames[0])
                    backlog.size_bytes -= len(backlog.frames.popleft())
                    self._read.set()
        finally:
            self._backlogs.pop(backlog, None)
            self._read.set()

    def _offer(self, backlog: _Backlog, chunk: list[TapeEvent]) -> None:
        frame = self.sent.frame(backlog.listener.subscriptions, chunk)
        if frame is None:
            return
        if not self._wait_for_readers and backlog.size_bytes + len(frame) > self._backlog_bytes:
            del self._backlogs[backlog]
            backlog.listener.drop()
        else:
            backlog.add(frame)

    async def _until_read(self) -> None:
        while not self._backlogs or any(b.size_bytes > _READ_AHEAD_BYTES for b in self._backlogs):
            self._read.clear()
            await self._read.wait()
