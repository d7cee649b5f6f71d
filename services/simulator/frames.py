"""A recording of whole frames: one line for each frame that a connection received, as it came.

Playing it costs a tenth of playing single events, because nothing is cut or joined: it is what load
is made of. A connection that did not subscribe to everything gets each frame filtered.
"""

import asyncio
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from msgspec import Raw

from mesh.calendar import day_at
from mesh.errors import FatalError
from schemas.wire import DecodeError, Wire, json_decoder
from services.simulator.events import DayBars, TapeEvent
from services.simulator.feed import Listener, Sent
from services.simulator.player import Pacer
from services.simulator.protocol import END_OF_TAPE


_TIME = re.compile(rb'"[te]":(\d{13})\b')
_TAIL_BYTES = 400
"""The last event of a frame lies in them, and so does its time."""
_BLOCK = 16


class _Peek(Wire, frozen=True):
    ev: str
    sym: str = ""
    T: str = ""


_split = json_decoder(list[Raw]).decode
_peek = json_decoder(_Peek).decode


def is_frames(path: Path) -> bool:
    """Whether the file at *path* is a recording of frames: its first line begins with a bracket."""
    try:
        with path.open("rb") as lines:
            return lines.read(1) == b"["
    except OSError:
        return False


class Frames:
    """A recording; each iteration starts from the beginning.

    Raises:
        FatalError: while iterating: a frame has no time, or the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """(Time of its last event in epoch milliseconds, frame), in the order of the file."""
        try:
            with self._path.open("rb") as lines:
                for line in lines:
                    frame = line.rstrip()
                    if frame:
                        yield self._time_ms(frame), frame
        except OSError as error:
            raise FatalError(f"{self._path} cannot be read: {error}") from error

    @property
    def days(self) -> list[str]:
        """The trading day of the first frame, an ISO date in New York."""
        return [day_at(time_ms).name for time_ms, _ in islice(self, 1)]

    def day_bars(self, _day: str) -> DayBars:
        """None: a recording of a feed has no bars of whole days."""
        return {}

    def _time_ms(self, frame: bytes) -> int:
        times = _TIME.findall(frame, max(0, len(frame) - _TAIL_BYTES)) or _TIME.findall(frame)
        if not times:
            raise FatalError(
                f"{self._path}: a frame must hold events with times, was {frame[:80]!r}"
            )
        return int(times[-1])


class FramesFeed:
    """A recording of frames, played to each connection from its start; lossless, as a tape is."""

    def __init__(self, frames: Frames, pacer: Pacer) -> None:
        self.sent = Sent()
        self.reached_ms = 0
        """Time up to which any connection has been served: before it frames are due at once."""
        self._frames = frames
        self._pacer = pacer

    async def run(self) -> None:
        """Nothing: a recording stands still while nobody listens."""

    async def play(self, listener: Listener) -> None:
        """Send every frame when it is due, then say that the recording is at its end."""
        frames = iter(self._frames)
        horizon_ms = self.reached_ms
        is_resumed = False
        while block := await asyncio.to_thread(_take, frames):
            for time_ms, frame in block:
                if time_ms > horizon_ms:
                    if not is_resumed:
                        self._pacer.resume(max(self.reached_ms, time_ms))
                        is_resumed = True
                    horizon_ms = await self._pacer.release(time_ms)
                await self._send(listener, frame)
                self.reached_ms = max(self.reached_ms, time_ms)
        await listener.send(END_OF_TAPE)

    async def _send(self, listener: Listener, frame: bytes) -> None:
        if listener.subscriptions.is_everything:
            self.sent.whole(frame)
            await listener.send(frame)
        elif chosen := self.sent.frame(listener.subscriptions, _events(frame)):
            await listener.send(chosen)


def _take(frames: Iterator[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    return list(islice(frames, _BLOCK))


def _events(frame: bytes) -> list[TapeEvent]:
    try:
        parts = [(bytes(part), _peek(part)) for part in _split(frame)]
    except DecodeError as error:
        raise FatalError(f"a frame must be an array of events: {error}") from error
    return [TapeEvent(0, peek.ev, peek.sym or peek.T, payload) for payload, peek in parts]
