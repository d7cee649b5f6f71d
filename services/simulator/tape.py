"""Recorded tapes: files of any mix, merged into the order in which a live feed would know events.

A tape is made of files and folders. What a file is, its content says, not its name:

- vendor JSON lines, one event object or one frame (an array of them) a line, ordered by time; they
  are passed on byte by byte, malformed lines included (at the time of the line before), so that a
  listener meets them;
- vendor flat files (CSV) of trades, quotes and minute bars, see `services.simulator.flat`;
- flat files of day bars, which are no events but the previous closes.

Each may be gzipped. The order is `t` of trades, quotes and bands (nanoseconds become milliseconds),
`e` (window end) of bars, and of a frame that of its last event; ties are broken by path, then by line. Where a folder holds a day of a
channel both as JSON lines and as a flat file, the JSON lines win, or all events would come twice;
files named one by one are always played. What else lies in a folder (a README, a table) is left out. A file is opened when its first event is due and let go
at its end, so a month does not sit in memory.
"""

import gzip
import heapq
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mesh.calendar import day_at
from mesh.errors import FatalError
from services.simulator import flat, lines
from services.simulator.events import DayBar, DayBars, TapeEvent


_EXPECTED = "expected vendor JSON lines or flat-file CSV (trades_v1, quotes_v1, minute_aggs_v1, day_aggs_v1), plain or gzipped"
_TAPE_SUFFIXES = (".jsonl", ".ndjson", ".csv")
_GZIP_MAGIC = b"\x1f\x8b"
_READ_BYTES = 1 << 20
"""A frame is some ten thousand bytes long: the usual buffer would cut each into pieces."""


class TapeFile(NamedTuple):
    """One file of a tape."""

    path: Path
    kind: flat.Kind | None
    """None: JSON lines."""
    from_ms: int
    """No event of the file is earlier."""


class Tape:
    """Files that are played as one; each iteration starts from the beginning.

    Reading blocks: iterate in a thread where a stall would hurt.

    Raises:
        FatalError: a path does not exist, holds nothing, or is not what a tape is made of. While
            iterating: a file turned out to be broken.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        found = [file for path in paths for file in _files(path)]
        self._days = [file.path for file in found if file.kind is flat.Kind.DAYS]
        self._files = sorted(
            (file for file in found if file.kind is not flat.Kind.DAYS),
            key=lambda file: str(file.path),
        )
        if not self._files:
            raise FatalError(f"no events in {', '.join(map(str, paths))}; {_EXPECTED}")

    def __iter__(self) -> Iterator[TapeEvent]:
        return merge([(file.from_ms, _events(file)) for file in self._files])

    @cached_property
    def days(self) -> list[str]:
        """Trading days with events, ISO dates in New York. Reads JSON lines to their ends."""
        return sorted({day for file in self._files for day in _days(file)})

    @cached_property
    def day_closes(self) -> dict[str, DayBars]:
        """The bars of each day (ISO date) of the day files, by ticker."""
        closes: dict[str, dict[str, DayBar]] = {}
        for path in self._days:
            for day, ticker, bar in flat.day_bars(path, _lines(path)):
                closes.setdefault(day, {})[ticker] = bar
        return dict(closes)

    def day_bars(self, day: str) -> DayBars:
        """The bars of *day* (ISO date), empty if no day file has it."""
        return self.day_closes.get(day, {})


def merge(parts: Sequence[tuple[int, Iterator[TapeEvent]]]) -> Iterator[TapeEvent]:
    """The events of all *parts* in the order of time; ties in the order of parts.

    A part is (a time that none of its events precedes, its ordered events); it is not touched
    before that time.
    """
    waiting = sorted(range(len(parts)), key=lambda part: parts[part][0], reverse=True)
    heap: list[tuple[int, int, TapeEvent]] = []
    while heap or waiting:
        while waiting and (not heap or parts[waiting[-1]][0] <= heap[0][0]):
            _push(heap, waiting.pop(), parts)
        if heap:
            _time_ms, part, event = heap[0]
            yield event
            following = next(parts[part][1], None)
            if following is None:
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (following.time_ms, part, following))


def _push(
    heap: list[tuple[int, int, TapeEvent]],
    part: int,
    parts: Sequence[tuple[int, Iterator[TapeEvent]]],
) -> None:
    first = next(parts[part][1], None)
    if first is not None:
        heapq.heappush(heap, (first.time_ms, part, first))


def _files(path: Path) -> list[TapeFile]:
    if not path.exists():
        raise FatalError(f"{path} does not exist; {_EXPECTED}, or a folder of such files")
    if not path.is_dir():
        return [_identify(path)]
    files = [
        file
        for found in sorted(path.rglob("*"))
        if _is_visible_file(found, path) and (file := _identify_in_folder(found)) is not None
    ]
    if not files:
        raise FatalError(f"{path} holds no tape; {_EXPECTED}")
    return _without_doubles(files)


def _identify_in_folder(path: Path) -> TapeFile | None:
    """The file, or None if it only lies beside a tape, as a README does; what is named like a tape must be one."""
    try:
        return _identify(path)
    except FatalError:
        if path.name.removesuffix(".gz").endswith(_TAPE_SUFFIXES):
            raise
        return None


def _is_visible_file(found: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in found.relative_to(folder).parts)
    return found.is_file() and not hidden


def _without_doubles(files: list[TapeFile]) -> list[TapeFile]:
    if not any(file.kind in flat.CHANNEL for file in files):
        return files
    recorded = {
        day_channel for file in files if file.kind is None for day_channel in _coverage(file)
    }
    return [
        file for file in files if file.kind not in flat.CHANNEL or not recorded & _coverage(file)
    ]


def _days(file: TapeFile) -> set[str]:
    """ISO days of a file; lines are ordered, so a file that ends on its first day has no other."""
    day = day_at(file.from_ms)
    if file.kind is not None:
        return {day.name}
    for line in deque(_lines(file.path), maxlen=1):
        if file.from_ms <= lines.time_ms_of(line) < day.end_ms:
            return {day.name}
    return {name for name, _channel in _coverage(file)}


def _coverage(file: TapeFile) -> set[tuple[str, str]]:
    """(ISO day, channel) of what a file holds; a flat file is one day by the vendor's definition."""
    if file.kind is not None:
        return {(day_at(file.from_ms).name, flat.CHANNEL[file.kind])}
    found: set[tuple[str, str]] = set()
    day = day_at(file.from_ms)
    for event in _events(file):
        if event.time_ms >= day.end_ms:
            day = day_at(event.time_ms)
        types = lines.count(event.payload) if event.ev == lines.FRAME else (event.ev,)
        found.update((day.name, ev) for ev in types)
    return found


def _identify(path: Path) -> TapeFile:
    first = list(islice(_lines(path), 2))
    if (
        first
        and first[0].startswith((b"{", b"["))
        and (lines.is_readable(first[0]) or _TAPE_SUFFIXES[0] in path.name)
    ):
        return TapeFile(path, None, _first_time_ms(path))
    texts = [line.decode(errors="replace") for line in first]
    kind = flat.kind_of(*texts) if len(texts) > 1 else None
    from_ms = flat.first_time_ms(kind, *texts) if kind else None
    if kind is None or from_ms is None:
        raise FatalError(f"{path} is not part of a tape; {_EXPECTED}")
    # rows come by ticker, so the first row is not the earliest
    return TapeFile(path, kind, day_at(from_ms).start_ms)


def _first_time_ms(path: Path) -> int:
    for line in _lines(path):
        time_ms = lines.time_ms_of(line)
        if time_ms:
            return time_ms
    raise FatalError(f"{path} has no line with a time; {_EXPECTED}")


def _events(file: TapeFile) -> Iterator[TapeEvent]:
    if file.kind is not None:
        yield from flat.events(file.path, file.kind, _lines(file.path))
        return
    time_ms = file.from_ms
    for line in _lines(file.path):
        event = lines.read(line, time_ms)
        time_ms = event.time_ms
        yield event


def _lines(path: Path) -> Iterator[bytes]:
    """Lines without their ends, blank ones left out."""
    try:
        with path.open("rb", buffering=_READ_BYTES) as raw:
            zipped = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            source = gzip.GzipFile(fileobj=raw) if zipped else raw
            for line in source:
                stripped = line.strip()
                if stripped:
                    yield stripped
    except (OSError, EOFError, zlib.error) as error:
        raise FatalError(f"{path} cannot be read: {error}") from error
