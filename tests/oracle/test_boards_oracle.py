"""Every recorded tape through the product's whole arithmetic, against queries over the same files."""

from collections.abc import Sequence
from datetime import datetime, time
from functools import cache
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from mesh.calendar import NEW_YORK
from schemas.wire import encode_json
from services import scanners
from services.simulator.events import TapeEvent
from tests.oracle.oracle import BOARDS, board_rows
from tests.oracle.pipeline import (
    TOP,
    Expected,
    Pipeline,
    Recording,
    expect,
    new_york_day,
    record,
    wrong_at,
)


pytestmark = pytest.mark.slow

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


def _paths(folder: Path, tape: str) -> list[Path]:
    return [folder / path for path in TAPES[tape]]


@cache
def _record(folder: Path, tape: str) -> Recording:
    return record(_paths(folder, tape))


@cache
def _expect(folder: Path, tape: str) -> list[Expected]:
    return expect(_paths(folder, tape), _instants(_record(folder, tape).events))


def _instants(events: Sequence[TapeEvent]) -> list[int]:
    """Instants on the way: by the clock on a day in the middle, around its ends, evenly, and the end."""
    days = [
        (day, list(part))
        for day, part in groupby((event.time_ms for event in events), key=new_york_day)
    ]
    day, times = days[len(days) // 2]
    chosen = {round(datetime.combine(day, at, NEW_YORK).timestamp() * 1000) for at in CLOCK_TIMES}
    chosen |= {days[0][1][0], times[0] - 1, times[0], times[-1], events[-1].time_ms}
    evenly = {events[len(events) * part // 14].time_ms for part in range(14)}
    return sorted(chosen | evenly)


@pytest.mark.parametrize("partitions", [1, 2, 16])
@pytest.mark.parametrize("tape", TAPES)
def test_market_equals_query(recorded: Path, tape: str, partitions: int) -> None:
    """At every instant all rows and all boards are those of the query, however many partitions there are."""
    recording = _record(recorded, tape)
    pipeline = Pipeline(partitions, recording.closes)

    wrong = wrong_at(pipeline, recording.events, _expect(recorded, tape))

    assert wrong == []
    assert pipeline.splitter.rejected == 0
    assert pipeline.splitter.received.total() == len(recording.events)
    assert sum(sum(fold.late.values()) for fold in pipeline.folds) == 0


@pytest.mark.parametrize("tape", TAPES)
def test_instants_cover_the_tape(recorded: Path, tape: str) -> None:
    """The comparison is not empty: every session and day boundary is visited, with rows on the boards."""
    expected = _expect(recorded, tape)
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

    wrong = wrong_at(Pipeline(2, recording.closes), events, _expect(recorded, tape))

    assert any(f": {field} is " in line for line in wrong)
    assert all(line.startswith(f"at {last.time_ms}: ") for line in wrong)


def test_every_board_has_a_query() -> None:
    """A new board comes with its score in `_RANKED` and its name in `BOARDS`."""
    assert {board.name for board in scanners.discover()} == set(BOARDS)


def test_board_rows_end_with_the_tape(recorded: Path) -> None:
    """Without an instant it is the end; with one, nothing later is known."""
    last = _expect(recorded, "minute-spy")[-1]
    paths = _paths(recorded, "minute-spy")

    assert board_rows(paths, top=TOP) == last.boards
    assert board_rows(paths, last.at_ms - 1, top=TOP) != last.boards
