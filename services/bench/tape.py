"""Synthetic tapes of a wanted density, as frames: written once and kept for the next run."""

from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from mesh.calendar import Day
from services.simulator.events import TapeEvent
from services.simulator.market import Market, start_of


FOLDER = Path(".mesh/bench")

BURST = 10
"""How many times as much is traded in the first seconds of the regular session."""
BURST_MS = 10_000

_STEADY_START, _OPENING_START = "2026-01-05T10:00:00", "2026-01-05T09:29:40"
_OPENING_S = 45
_DAY_START, _DAY_S = "2026-01-05T04:00:00", 16 * 3600
_FRAME_MS, _FRAME_EVENTS = 20, 500
_TRADES_SHARE = 0.62
"""Of the synthetic market's events, at densities of ten thousands a second."""


class BenchTape(NamedTuple):
    """A tape file and what it holds."""

    path: Path
    events: int
    market_s: int
    """Seconds of market time that it spans."""


def steady(*, rate: int, seconds: int, symbols: int) -> BenchTape:
    """About *rate* × *seconds* events of a market of *symbols* in the regular session."""
    start_ms = start_of(_STEADY_START)
    market = Market(seed=1, symbols=symbols, start_ms=start_ms, trades_a_s=rate * _TRADES_SHARE)
    events = takewhile(lambda event: event.time_ms < start_ms + seconds * 1000, market)
    return _written(FOLDER / f"steady-{rate}-{seconds}-{symbols}.jsonl", events, seconds)


def opening(*, rate: int, symbols: int) -> BenchTape:
    """A pre-market of *rate* events a second, at 09:30:00 ten times as many for ten seconds, then twice."""
    start_ms = start_of(_OPENING_START)
    market = Market(
        seed=1,
        symbols=symbols,
        start_ms=start_ms,
        trades_a_s=rate * _TRADES_SHARE,
        activity=_burst,
    )
    events = takewhile(lambda event: event.time_ms < start_ms + _OPENING_S * 1000, market)
    return _written(FOLDER / f"opening-{rate}-{symbols}.jsonl", events, _OPENING_S)


def trading_day(*, rate: int, symbols: int) -> BenchTape:
    """A day of a market of *symbols* from 04:00 to 20:00, with *rate* trades a second in the regular session's mean."""
    start_ms = start_of(_DAY_START)
    market = Market(seed=1, symbols=symbols, start_ms=start_ms, trades_a_s=rate)
    events = takewhile(lambda event: event.time_ms < start_ms + _DAY_S * 1000, market)
    return _written(FOLDER / f"day-{rate}-{symbols}.jsonl", events, _DAY_S)


def _burst(day: Day, now_ms: int) -> float:
    if now_ms < day.open_ms:
        return 1.0
    return BURST if now_ms < day.open_ms + BURST_MS else 2.0


def _written(path: Path, events: Iterable[TapeEvent], seconds: int) -> BenchTape:
    count = path.with_suffix(".count")
    if not count.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        with path.open("wb") as out:
            for frame in frames(events):
                written += len(frame)
                out.write(b"[" + b",".join([event.payload for event in frame]) + b"]\n")
        count.write_text(str(written))
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
