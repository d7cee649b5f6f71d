"""Every recorded tape through the product's whole arithmetic, against queries over the same files.

The events take the way that they take in production, without the broker: frames, batches by class
and partition, rows, the market table, boards; everything is encoded and decoded where it would
cross a wire.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from functools import cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from mesh.calendar import NEW_YORK
from mesh.leaderboard import board_at
from schemas.leaderboard import RowsBatch, public_row
from schemas.market import Bar, Batch, Trade
from schemas.naming import MarketClass
from schemas.wire import encode_json, encode_msgpack, msgpack_decoder
from services import scanners
from services.boards.market import MarketTable
from services.listener.frames import Splitter
from services.processors.rows import FOLDED, RowFold
from services.simulator.events import TapeEvent
from services.simulator.tape import Tape
from tests.oracle.oracle import BOARDS, Moment, Oracle, Row, board_rows, differences


pytestmark = pytest.mark.slow

TOP = 10
"""Below the number of symbols, so that the cut is seen."""

EVENTS_PER_FRAME = 211
FRAMES_PER_FLUSH = 3

_DAYS = "flat/us_stocks_sip/day_aggs_v1"
TAPES = {
    "minute-17": ("minute-17/ws", f"minute-17/{_DAYS}"),
    "minute-17-flat": ("minute-17/flat/us_stocks_sip/minute_aggs_v1", f"minute-17/{_DAYS}"),
    "minute-spy": ("minute-spy/ws", f"minute-spy/{_DAYS}"),
    "minute-spy-flat": ("minute-spy/flat/us_stocks_sip/minute_aggs_v1", f"minute-spy/{_DAYS}"),
    "ticks-xxx": ("ticks-xxx/ws", f"ticks-xxx/{_DAYS}"),
    "ticks-xxx-flat": ("ticks-xxx/flat/us_stocks_sip/trades_v1", f"ticks-xxx/{_DAYS}"),
    "ticks-xxx-folder": ("ticks-xxx",),
}
"""Files of each tape. The whole folder holds the same events twice: JSON lines go before flat files."""

CLOCK_TIMES = (
    time(8, 15),
    time(9, 29, 59, 999_000),
    time(9, 30),
    time(9, 31, 0, 500_000),
    time(15, 59),
    time(16),
    time(18, 30),
)
"""Pre-market, around the open, the last minute of regular hours, the close, after-hours."""

_decode: dict[MarketClass, Any] = {
    MarketClass.BARS: msgpack_decoder(Batch[Bar]).decode,
    MarketClass.MINUTES: msgpack_decoder(Batch[Bar]).decode,
    MarketClass.TRADES: msgpack_decoder(Batch[Trade]).decode,
}
_decode_rows = msgpack_decoder(RowsBatch).decode


class Recording(NamedTuple):
    """A tape in memory, and what there is to know of it."""

    paths: list[Path]
    events: list[TapeEvent]
    closes: dict[str, dict[str, float]]
    """Previous closes by trading day, as the product's reference data has them."""
    instants: list[int]
    """Where to compare: in order, the last is the end."""


class Expected(NamedTuple):
    """The oracle's answers for one instant."""

    at_ms: int
    moment: Moment | None
    rows: list[Row]
    boards: dict[str, list[Row]]


class Pipeline:
    """The product from frame to board."""

    def __init__(self, partitions: int, closes: Mapping[str, Mapping[str, float]]) -> None:
        self.splitter = Splitter(partitions)
        self.folds = [RowFold(None, closes) for _ in range(partitions)]
        self._table = MarketTable(partitions)
        self._flushes = [0] * partitions
        self._frames = 0

    def play(self, events: Sequence[TapeEvent]) -> None:
        """Take *events* in frames, flushing now and then, and at the end."""
        for start in range(0, len(events), EVENTS_PER_FRAME):
            payloads = [event.payload for event in events[start : start + EVENTS_PER_FRAME]]
            self.splitter.add(f"[{b','.join(payloads).decode()}]", 1.0)
            self._fold()
            self._frames += 1
            if self._frames % FRAMES_PER_FLUSH == 0:
                self._flush()
        self._flush()

    def _fold(self) -> None:
        for lot in self.splitter.take():
            batch = encode_msgpack(Batch(1, 0, lot.received_ms, lot.events))
            if lot.market_class in FOLDED:
                events = _decode[lot.market_class](batch).events
                self.folds[lot.partition].on_batch(lot.market_class, events)

    def _flush(self) -> None:
        for partition, fold in enumerate(self.folds):
            if rows := fold.on_flush():
                self._flushes[partition] += 1
                batch = RowsBatch(partition, 1, self._flushes[partition], 1.0, rows)
                assert self._table.apply(_decode_rows(encode_msgpack(batch)))

    def rows(self) -> list[Row]:
        """The whole market, as KV `rows` shows it."""
        rows = sorted(self._table.rows(), key=lambda row: row.symbol)
        return [_as_json(public_row(row)) for row in rows]

    def boards(self) -> dict[str, Row]:
        """Every board, as KV `boards` shows it; none before the first row."""
        instant = self._table.instant()
        if instant is None:
            return {}
        boards = (
            board_at(instant, board, self._table.rows(), seq=1, top=TOP)
            for board in scanners.discover()
        )
        return {board.board: _as_json(board) for board in boards}


def _as_json(value: msgspec.Struct) -> Row:
    decoded: Row = msgspec.json.decode(encode_json(value))
    return decoded


@cache
def _record(folder: Path, tape: str) -> Recording:
    paths = [folder / path for path in TAPES[tape]]
    played = Tape(paths)
    events = list(played)
    closes = {
        day: {ticker: float(bar.close_usd) for ticker, bar in bars.items()}
        for day, bars in played.day_closes.items()
    }
    days = sorted({_new_york_day(event.time_ms).isoformat() for event in events})
    before = {day: max((known for known in closes if known < day), default="") for day in days}
    previous = {day: closes.get(known, {}) for day, known in before.items()}
    return Recording(paths, events, previous, _instants(events))


def _instants(events: Sequence[TapeEvent]) -> list[int]:
    """Instants on the way: by the clock on a day in the middle, around its ends, evenly, and the end."""
    days = [
        (day, list(part))
        for day, part in groupby((event.time_ms for event in events), key=_new_york_day)
    ]
    day, times = days[len(days) // 2]
    chosen = {round(datetime.combine(day, at, NEW_YORK).timestamp() * 1000) for at in CLOCK_TIMES}
    chosen |= {days[0][1][0], times[0] - 1, times[0], times[-1], events[-1].time_ms}
    evenly = {events[len(events) * part // 14].time_ms for part in range(14)}
    return sorted(chosen | evenly)


def _new_york_day(event_ms: int) -> date:
    return datetime.fromtimestamp(event_ms / 1000, NEW_YORK).date()


@cache
def _expected(folder: Path, tape: str) -> list[Expected]:
    recording = _record(folder, tape)
    oracle = Oracle(recording.paths)
    return [
        Expected(at, oracle.moment(at), oracle.rows(at), oracle.boards(at, top=TOP))
        for at in recording.instants
    ]


def _wrong(
    pipeline: Pipeline, events: Sequence[TapeEvent], expected: Sequence[Expected]
) -> list[str]:
    """What is wrong at any of the instants, while *events* are played through *pipeline*."""
    wrong: list[str] = []
    played = 0
    for right in expected:
        until = bisect_right(events, right.at_ms, key=attrgetter("time_ms"))
        pipeline.play(events[played:until])
        played = until
        found = [f"rows: {line}" for line in differences(pipeline.rows(), right.rows)]
        boards = pipeline.boards()
        found += [] if bool(boards) == bool(right.moment) else [f"moment is not {right.moment}"]
        for name, board in boards.items():
            moment = Moment(board["trading_day"], board["session"], board["asof_ms"])
            found += [] if moment == right.moment else [f"{name}: {moment} is not {right.moment}"]
            lines = differences(board["rows"], right.boards.get(name, []))
            found += [f"{name}: {line}" for line in lines]
        wrong += [f"at {right.at_ms}: {line}" for line in found]
    assert played == len(events)
    return wrong


@pytest.mark.parametrize("partitions", [1, 2, 16])
@pytest.mark.parametrize("tape", TAPES)
def test_market_equals_query(recorded: Path, tape: str, partitions: int) -> None:
    """At every instant all rows and all boards are those of the query, however many partitions there are."""
    recording = _record(recorded, tape)
    pipeline = Pipeline(partitions, recording.closes)

    wrong = _wrong(pipeline, recording.events, _expected(recorded, tape))

    assert wrong == []
    assert pipeline.splitter.rejected == 0
    assert pipeline.splitter.received.total() == len(recording.events)
    assert sum(sum(fold.late.values()) for fold in pipeline.folds) == 0


@pytest.mark.parametrize("tape", TAPES)
def test_instants_cover_the_tape(recorded: Path, tape: str) -> None:
    """The comparison is not empty: every session and day boundary is visited, with rows on the boards."""
    expected = _expected(recorded, tape)
    moments = [right.moment for right in expected if right.moment]

    assert len(expected) > 20
    assert {moment.session for moment in moments} == {"pre", "regular", "post"}
    assert all(expected[-1].boards[name] for name in ("gainers", "volume"))
    assert len({moment.trading_day for moment in moments}) > 2 or tape.startswith("ticks")


@pytest.mark.parametrize(
    ("tape", "name", "more", "field"),
    [
        ("minute-spy", "c", 0.01, "last_usd"),
        ("minute-spy", "av", 1, "volume_shares"),
        ("minute-17", "c", 0.01, "change_pct"),
        ("ticks-xxx-flat", "p", 1.0, "vwap_usd"),
        ("ticks-xxx-flat", "s", 1, "volume_shares"),
    ],
)
def test_perturbed_event_is_seen(
    recorded: Path, tape: str, name: str, more: float, field: str
) -> None:
    """One event with another price or one share more is enough to fail, and only after it came."""
    recording = _record(recorded, tape)
    *events, last = recording.events
    changed = msgspec.json.decode(last.payload)
    changed[name] += more
    events.append(TapeEvent(last.time_ms, last.ev, last.sym, encode_json(changed)))

    wrong = _wrong(Pipeline(2, recording.closes), events, _expected(recorded, tape))

    assert any(f": {field} is " in line for line in wrong)
    assert all(line.startswith(f"at {last.time_ms}: ") for line in wrong)


def test_every_board_has_a_query() -> None:
    """A new board comes with its score in `_RANKED` and its name in `BOARDS`."""
    assert {board.name for board in scanners.discover()} == set(BOARDS)


def test_board_rows_end_with_the_tape(recorded: Path) -> None:
    """Without an instant it is the end; with one, nothing later is known."""
    last = _expected(recorded, "minute-spy")[-1]
    paths = _record(recorded, "minute-spy").paths

    assert board_rows(paths, top=TOP) == last.boards
    assert board_rows(paths, last.at_ms - 1, top=TOP) != last.boards
