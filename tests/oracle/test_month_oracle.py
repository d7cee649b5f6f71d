"""A month with every odd day of the calendar, against queries over the same file."""

from datetime import time
from functools import cache
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from schemas.wire import encode_json
from services.simulator.events import TapeEvent
from tests.oracle.generated import epoch_ms, write
from tests.oracle.month import (
    HALF_DAY,
    HALTED,
    RENAMED,
    SPLIT,
    USUAL_CENTS,
    Month,
    build,
    instants,
)
from tests.oracle.oracle import CONDITIONS, Row
from tests.oracle.pipeline import Expected, Pipeline, Recording, expect, record, wrong_at


pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("month"),  # made once, which takes as long as a test of it
    pytest.mark.skipif(
        not CONDITIONS.is_file(),
        reason="the vendor's trade conditions are not beside the repository (../shared/data)",
    ),
]


@cache
def _month() -> tuple[Month, Recording, list[Expected]]:
    month = build()
    with TemporaryDirectory() as name:
        write(Path(name), month.events, {})
        return month, record([Path(name)]), expect([Path(name)], instants(), month.references)


def _row(at_ms: int, symbol: str) -> Row:
    """A symbol's row by query."""
    _, _, expected = _month()
    [right] = [each for each in expected if each.at_ms == at_ms]
    [row] = [row for row in right.rows if row["symbol"] == symbol]
    return row


@pytest.mark.timeout(180)
@pytest.mark.parametrize("partitions", [1, 2, 16])
def test_month_equals_query(partitions: int) -> None:
    """Rows, boards and alerts of the whole month are those of the query, however many partitions there are."""
    month, recording, expected = _month()
    pipeline = Pipeline(partitions, {}, month.references)

    wrong = wrong_at(pipeline, recording.events, expected)

    assert wrong == []
    assert pipeline.late() == 0


def _told(at_ms: int, sequence: int, *codes: int, **bands: float) -> TapeEvent:
    """A message about price bands, of the symbol that is halted."""
    message = {"ev": "LULD", "T": HALTED[0], "i": codes, "t": at_ms * 1_000_000, "q": sequence}
    return TapeEvent(at_ms, "LULD", HALTED[0], encode_json(message | bands))


@pytest.mark.timeout(180)
def test_halt_of_the_month_is_told() -> None:
    """A pause that begins and ends shows in the row, on the board and in alerts, and moves nothing else."""
    month, recording, expected = _month()
    symbol, day, since, until = HALTED
    since_ms, until_ms = epoch_ms(day, since), epoch_ms(day, until)
    halts = [_told(since_ms, 1, 17), _told(until_ms, 2, 18, h=300.0, l=0.01)]
    events = sorted([*recording.events, *halts], key=attrgetter("time_ms"))
    paused = [event for event in events if event.time_ms < since_ms + 60_000]
    pipeline = Pipeline(2, {}, month.references)

    pipeline.play(paused)
    [row] = [row for row in pipeline.rows() if row["symbol"] == symbol]
    assert (row["halt"], row["halt_ms"]) == ("paused", since_ms)
    assert [row["symbol"] for row in pipeline.boards()["halts"]["rows"]] == [symbol]

    pipeline.play(events[len(paused) :])
    alerts = {alert["id"]: alert for alert in pipeline.alerts()}
    told = {each: alerts.pop(each) for each in (f"halt-{symbol}-{since_ms}", f"resume-{symbol}-{until_ms}")}  # fmt: skip
    assert [each["until_ms"] for each in told.values()] == [until_ms, None]
    assert sorted(alerts) == [each["id"] for each in expected[-1].alerts]
    assert pipeline.late() == 0


def test_month_has_what_it_says() -> None:
    """The comparison is not empty: split, new name, half day, halt and every kind of alert are visited."""
    month, _, expected = _month()
    symbol, day, shares = SPLIT
    split = _row(epoch_ms(day, time(9, 30)) - 1, symbol)
    assert split["previous_close_usd"] < USUAL_CENTS[symbol] / shares / 80
    assert abs(split["change_pct"]) < 25

    _, new, day = RENAMED
    renamed = _row(epoch_ms(day, time(9, 30)) - 1, new)
    assert renamed["previous_close_usd"] is not None
    assert renamed["high_days"] is not None

    assert _row(epoch_ms(HALF_DAY, time(13)) - 1, "CALM")["session"] == "regular"
    assert _row(epoch_ms(HALF_DAY, time(13, 11)) - 1, "CALM")["session"] == "post"

    halted, day, since, until = HALTED
    silent = range(epoch_ms(day, since), epoch_ms(day, until))
    assert not any(
        e["sym"] == halted and e.get("t") in silent for e in month.events if e["ev"] == "T"
    )

    kinds = {alert["kind"] for alert in expected[-1].alerts}
    assert kinds == {"high", "low", "running-up", "running-down", "volume-spike", "block"}
    breaches = {each["session"] for alert in expected[-1].alerts for each in alert["breaches"]}
    assert breaches == {"pre", "regular", "previous day"}
    boards = ("relative-volume", "low-float", "volume")
    assert all(any(right.boards[name] for right in expected) for name in boards)
