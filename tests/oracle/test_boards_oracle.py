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
from tests.oracle.boards import BOARDS, BY_REFERENCE
from tests.oracle.differences import differences
from tests.oracle.oracle import board_rows
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


pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("recordings"),  # what each holds is read and queried once
]

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

TOLD = {
    "2017-12-28": {"XXX": (157.0, 163.0, 156.5, 158.0, 4e6)},
    "2017-12-29": {"XXX": (158.0, 158.9, 156.6, 158.2, 3e6)},
}
"""Days before the tape that has but one."""

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
    return record(_paths(folder, tape), TOLD if tape.startswith("ticks") else {})


@cache
def _expect(folder: Path, tape: str) -> list[Expected]:
    recording = _record(folder, tape)
    instants = _instants(recording.events)
    if "-f" in tape:  # the same market from other files
        instants = sorted({*instants[:-1:2], *instants[1:6:2], instants[-1]})
    return expect(_paths(folder, tape), instants, recording.references)


def _instants(events: Sequence[TapeEvent]) -> list[int]:
    """Instants on the way: by the clock on a day in the middle, around its ends, evenly, and the end."""
    days = [
        (day, list(part))
        for day, part in groupby((event.time_ms for event in events), key=new_york_day)
    ]
    day, times = days[len(days) // 2]
    chosen = {round(datetime.combine(day, at, NEW_YORK).timestamp() * 1000) for at in CLOCK_TIMES}
    chosen |= {days[0][1][0], times[0] - 1, times[0], times[-1], events[-1].time_ms}
    evenly = {events[len(events) * part // 10].time_ms for part in range(10)}
    return sorted(chosen | evenly)


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("tape", "partitions"),
    [(tape, number) for tape in TAPES for number in (1, 2, 16) if number == 2 or "-f" not in tape],
)
def test_market_equals_query(recorded: Path, tape: str, partitions: int) -> None:
    """At every instant all rows and all boards are those of the query, however many partitions there are."""
    recording = _record(recorded, tape)
    pipeline = Pipeline(partitions, recording.closes, recording.references)

    wrong = wrong_at(pipeline, recording.events, _expect(recorded, tape))

    assert wrong == []
    assert pipeline.splitter.rejected == 0
    assert pipeline.splitter.received.total() == len(recording.events)
    assert pipeline.late() == 0


@pytest.mark.parametrize("tape", TAPES)
def test_instants_cover_the_tape(recorded: Path, tape: str) -> None:
    """The comparison is not empty: every session and day boundary is visited, with rows on the boards."""
    expected = _expect(recorded, tape)
    moments = [right.moment for right in expected if right.moment]

    assert len(expected) > 8
    assert {moment.session for moment in moments} == {"pre", "regular", "post"}
    assert all(expected[-1].boards[name] for name in ("gainers", "volume", "relative-volume"))
    kinds = {alert["kind"] for alert in expected[-1].alerts}
    assert kinds == ({"high", "low", "block", "volume-spike"} if "ticks" in tape else set())
    assert len({moment.trading_day for moment in moments}) > 2 or tape.startswith("ticks")


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("tape", "name", "more", "fields"),
    [
        ("minute-spy", "c", 0.01, {"last_usd"}),
        ("minute-spy", "av", 1, {"volume_shares"}),
        ("minute-17", "c", 0.01, {"change_pct"}),
        ("ticks-xxx-flat", "p", 1.0, {"vwap_usd"}),
        ("ticks-xxx-flat", "s", 1, {"volume_shares", "volume_1h_usd"}),
    ],
)
def test_perturbed_event_is_seen(
    recorded: Path, tape: str, name: str, more: float, fields: set[str]
) -> None:
    """One event with another price or one share more is enough to fail, and only after it came."""
    recording = _record(recorded, tape)
    *events, last = recording.events
    changed = msgspec.json.decode(last.payload)
    changed[name] += more
    events.append(TapeEvent(last.time_ms, last.ev, last.sym, encode_json(changed)))

    wrong = wrong_at(
        Pipeline(2, recording.closes, recording.references), events, _expect(recorded, tape)
    )

    assert all(any(f": {field} is " in line for line in wrong) for field in fields)
    assert all(line.startswith(f"at {last.time_ms}: ") for line in wrong)


def test_every_board_has_a_query() -> None:
    """A new board comes with its score in `RANKED` and its name in `BOARDS`; no recording has halts, or news."""
    assert {board.name for board in scanners.discover()} == {*BOARDS, "halts", "news-movers"}


def test_board_rows_end_with_the_tape(recorded: Path) -> None:
    """Without an instant it is the end; with one, nothing later is known. What the files do not say is left out."""
    last = _expect(recorded, "minute-spy")[-1]
    paths = _paths(recorded, "minute-spy")
    rows = board_rows(paths, top=TOP)

    assert rows.keys() == set(BOARDS) - BY_REFERENCE
    assert all(differences(last.boards[name], rows[name]) == [] for name in rows)
    assert board_rows(paths, last.at_ms - 1, top=TOP) != rows
