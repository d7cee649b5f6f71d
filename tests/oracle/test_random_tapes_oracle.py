"""Small tapes of every awkward kind: product and query must still agree.

What the recorded days do not have: half days, the end of daylight saving, days without a file, bars
that come twice or lose a field, fractional sizes, condition ids that nobody knows, several channels
at the same millisecond.
"""

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.calendar import NEW_YORK
from schemas.wire import encode_json
from tests.oracle.oracle import CONDITIONS
from tests.oracle.pipeline import Pipeline, expect, record, wrong_at


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not CONDITIONS.is_file(),
        reason="the vendor's trade conditions are not beside the repository (../shared/data)",
    ),
]

DAYS = (
    date(2024, 11, 1),
    date(2024, 11, 3),  # a Sunday; daylight saving ends
    date(2024, 11, 4),
    date(2024, 11, 28),  # Thanksgiving
    date(2024, 11, 29),  # closes at 13:00
    date(2024, 12, 2),
)
CLOCK_TIMES = (
    time(0),
    time(3, 59),
    time(4),
    time(9, 29),
    time(9, 30),
    time(12, 59),
    time(13),
    time(15, 59),
    time(16),
    time(17),
    time(19, 59),
    time(20),
    time(23, 59),
)
SYMBOLS = ("AAA", "BRK.B", "BACpL")
WINDOW_MS = {"A": 1_000, "AM": 60_000}
CONDITION_IDS = (0, 2, 12, 14, 15, 16, 37, 38, 41, 53, 99)

prices = st.integers(1, 400_000).map(lambda ticks: ticks / 100)
shares = st.integers(1, 10_000)
fractions = st.integers(1, 10**9).map(lambda millionths: f"{millionths / 10**6:.6f}")


_bar = {"o": prices, "c": prices, "h": prices, "l": prices, "v": shares}
_totals = {"av": shares, "dav": fractions, "a": st.just(0) | prices}
_open = {"op": st.just(0) | prices}
seconds = st.fixed_dictionaries({"ev": st.just("A"), **_bar}, optional=_totals | _open)
minutes = st.fixed_dictionaries({"ev": st.just("AM"), **_bar}, optional=_totals | _open)
trades = st.fixed_dictionaries(
    {"ev": st.just("T"), "p": prices, "s": shares},
    optional={"ds": fractions, "c": st.lists(st.sampled_from(CONDITION_IDS), max_size=3)},
)
channels = seconds | minutes | trades
"""Vendor events without symbol, time and sequence, as they may come together."""

Drawn = tuple[date, time, int, str, dict[str, Any], int]
"""Day, clock time and seconds after it, symbol, event, and how often it comes."""


@st.composite
def tapes(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events in the order in which a live feed would know them."""
    first = draw(st.integers(0, len(DAYS) - 2))
    event = st.tuples(
        st.sampled_from(DAYS[first : first + 2]),
        st.sampled_from(CLOCK_TIMES),
        st.integers(0, 2),
        st.sampled_from(SYMBOLS),
        channels,
        st.integers(1, 2),
    )
    drawn = draw(st.lists(event, min_size=1, max_size=25))
    return list(_in_order(drawn))


def _in_order(drawn: list[Drawn]) -> Iterator[dict[str, Any]]:
    timed = [
        (_epoch_ms(day, at) + later_s * 1000, symbol, event, copies)
        for day, at, later_s, symbol, event, copies in drawn
    ]
    timed.sort(key=lambda event: _known_ms(event[0], event[2]["ev"]))
    for sequence, (at_ms, symbol, event, copies) in enumerate(timed):
        if event["ev"] == "T":
            more = {"sym": symbol, "t": at_ms, "q": sequence}
        else:
            end_ms = _known_ms(at_ms, event["ev"])
            more = {"sym": symbol, "s": end_ms - WINDOW_MS[event["ev"]], "e": end_ms}
        yield from [event | more] * copies


def _epoch_ms(day: date, at: time) -> int:
    return round(datetime.combine(day, at, NEW_YORK).timestamp() * 1000)


def _known_ms(at_ms: int, ev: str) -> int:
    """The end of the window that contains *at_ms*; for a trade itself."""
    width = WINDOW_MS.get(ev, 1)
    return at_ms - at_ms % width + (width if ev in WINDOW_MS else 0)


def _write(
    folder: Path, events: list[dict[str, Any]], closes: dict[tuple[date, str], float]
) -> None:
    (folder / "events.jsonl").write_bytes(b"\n".join(map(encode_json, events)))
    header = "ticker,volume,open,close,high,low,window_start,transactions"
    for day in {day for day, _symbol in closes}:
        midnight_ns = _epoch_ms(day, time(0)) * 10**6
        rows = [
            f"{symbol},1,1,{close},1,1,{midnight_ns},"
            for (of, symbol), close in closes.items()
            if of == day
        ]
        (folder / f"{day}.csv").write_text("\n".join([header, *rows, ""]))


def _wrong(
    events: list[dict[str, Any]],
    closes: dict[tuple[date, str], float],
    partitions: int = 1,
    frame: int = 1,
    flush: int = 1,
) -> list[str]:
    """What is wrong after the first event, on the way, and at the end."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, events, closes)
        recording = record([folder])
        instants = sorted({event.time_ms for event in recording.events})
        expected = expect([folder], [*instants[:: len(instants) // 3 + 1], instants[-1]])
    pipeline = Pipeline(
        partitions, recording.closes, events_per_frame=frame, frames_per_flush=flush
    )
    return wrong_at(pipeline, recording.events, expected)


@pytest.mark.timeout(120)
@settings(max_examples=40)
@given(
    tape=tapes(),
    closes=st.dictionaries(
        st.tuples(st.sampled_from(DAYS), st.sampled_from(SYMBOLS)), prices, max_size=9
    ),
    partitions=st.sampled_from([1, 3, 16]),
    frame=st.integers(1, 5),
    flush=st.integers(1, 3),
)
def test_random_tape_equals_query(
    tape: list[dict[str, Any]],
    closes: dict[tuple[date, str], float],
    partitions: int,
    frame: int,
    flush: int,
) -> None:
    """Rows and boards are those of the query, whatever comes in whatever frames."""
    assert _wrong(tape, closes, partitions, frame, flush) == []


@pytest.mark.parametrize("day", [date(2024, 11, 3), date(2024, 11, 28)])
def test_closed_day_has_no_regular_session(day: date) -> None:
    """On a Sunday or holiday no trade is an official open, and Form T may be the last sale."""
    noon_ms = _epoch_ms(day, time(12))
    form_t = {"ev": "T", "sym": "AAA", "p": 10.0, "s": 100, "c": [12], "t": noon_ms, "q": 1}
    regular = {"ev": "T", "sym": "BBB", "p": 10.0, "s": 100, "t": noon_ms, "q": 2}

    assert _wrong([form_t, regular], {}) == []


def test_open_is_not_taken_back_by_another_channel() -> None:
    """The open that a minute bar told stays, when a newer second bar does not repeat it."""
    at_ms = _epoch_ms(DAYS[0], time(9, 30))
    bar = {"sym": "AAA", "o": 10, "c": 11, "h": 11, "l": 10, "v": 100, "av": 100}
    minute = bar | {"ev": "AM", "op": 10, "s": at_ms, "e": at_ms + 60_000}
    second = bar | {"ev": "A", "s": at_ms + 60_000, "e": at_ms + 61_000}

    assert _wrong([minute, second], {}) == []
