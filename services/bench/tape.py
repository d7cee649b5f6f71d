"""A synthetic tape of a wanted density, written once and kept for the next run."""

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from services.simulator.events import TapeEvent
from services.simulator.market import Market, start_of


_START = "2026-01-05T10:00:00"
_TRADES_SHARE = 0.62
"""Of the synthetic market's events, at densities of ten thousands a second."""


class BenchTape(NamedTuple):
    """A tape file and what it holds."""

    path: Path
    events: int
    market_s: int
    """Seconds of market time that it spans."""


def written(folder: Path, *, rate: int, seconds: int, symbols: int) -> BenchTape:
    """About *rate* × *seconds* events of a market of *symbols*, as JSON lines in *folder*."""
    path = folder / f"tape-{rate}-{seconds}-{symbols}.jsonl"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as out:
            out.writelines(event.payload + b"\n" for event in _events(rate, seconds, symbols))
        unfinished.rename(path)
    with path.open("rb") as lines:
        return BenchTape(path, sum(1 for _ in lines), seconds)


def _events(rate: int, seconds: int, symbols: int) -> Iterator[TapeEvent]:
    start_ms = start_of(_START)
    market = Market(seed=1, symbols=symbols, start_ms=start_ms, trades_a_s=rate * _TRADES_SHARE)
    return takewhile(lambda event: event.time_ms < start_ms + seconds * 1000, market)
