"""A synthetic tape of a wanted density, written once and kept for the next run."""

from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from services.simulator.events import TapeEvent
from services.simulator.market import Market, start_of


_START = "2026-01-05T10:00:00"
_FRAME_MS, _FRAME_EVENTS = 20, 500
_TRADES_SHARE = 0.62
"""Of the synthetic market's events, at densities of ten thousands a second."""


class BenchTape(NamedTuple):
    """A tape file and what it holds."""

    path: Path
    events: int
    market_s: int
    """Seconds of market time that it spans."""


def written(folder: Path, *, rate: int, seconds: int, symbols: int) -> BenchTape:
    """About *rate* × *seconds* events of a market of *symbols*, as frames in a file of *folder*."""
    path = folder / f"frames-{rate}-{seconds}-{symbols}.jsonl"
    count = path.with_suffix(".count")
    if not count.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            events = 0
            for frame in frames(_events(rate, seconds, symbols)):
                events += len(frame)
                out.write(b"[" + b",".join([event.payload for event in frame]) + b"]\n")
        count.write_text(str(events))
    return BenchTape(path, int(count.read_text()), seconds)


def frames(events: Iterable[TapeEvent]) -> Iterator[list[TapeEvent]]:
    """*events* as a feed would group them: what happens in 20 ms, and 500 at most."""
    frame: list[TapeEvent] = []
    due_ms = 0
    for event in events:
        if frame and (event.time_ms >= due_ms or len(frame) == _FRAME_EVENTS):
            yield frame
            frame = []
        if not frame:
            due_ms = event.time_ms + _FRAME_MS
        frame.append(event)
    if frame:
        yield frame


def _events(rate: int, seconds: int, symbols: int) -> Iterator[TapeEvent]:
    start_ms = start_of(_START)
    market = Market(seed=1, symbols=symbols, start_ms=start_ms, trades_a_s=rate * _TRADES_SHARE)
    return takewhile(lambda event: event.time_ms < start_ms + seconds * 1000, market)
