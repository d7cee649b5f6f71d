"""Small tapes of every awkward kind: product and query must still agree."""

from datetime import date, time

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.oracle.generated import (
    DAYS,
    Closes,
    Event,
    busy_tapes,
    closes,
    epoch_ms,
    references,
    tapes,
)
from tests.oracle.oracle import CONDITIONS
from tests.oracle.played import wrong
from tests.oracle.reference import References


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not CONDITIONS.is_file(),
        reason="the vendor's trade conditions are not beside the repository (../shared/data)",
    ),
]

PHASES = (Phase.explicit, Phase.generate)
"""To shrink a tape that fails would take ten minutes: each try is a database."""


@pytest.mark.timeout(120)
@settings(max_examples=20, phases=PHASES)
@given(
    tape=tapes(),
    closes=closes,
    known=references,
    partitions=st.sampled_from([1, 3, 16]),
    frame=st.integers(1, 5),
)
def test_random_tape_equals_query(
    tape: list[Event], closes: Closes, known: References, partitions: int, frame: int
) -> None:
    """Rows, boards and alerts are those of the query, whatever comes in whatever frames."""
    assert wrong(tape, closes, known, partitions, frame) == []


@pytest.mark.timeout(120)
@settings(max_examples=12, phases=PHASES)
@given(tape=busy_tapes(), known=references, frame=st.sampled_from([1, 7, 200]))
def test_busy_tape_equals_query(tape: list[Event], known: References, frame: int) -> None:
    """Windows, sides and alerts are those of the query, also with trades that come late."""
    assert wrong(tape, {}, known, 1, frame) == []


@pytest.mark.parametrize("day", [date(2024, 11, 3), date(2024, 11, 28)])
def test_closed_day_has_no_regular_session(day: date) -> None:
    """On a Sunday or holiday no trade is an official open, and Form T may be the last sale."""
    noon_ms = epoch_ms(day, time(12))
    form_t = {"ev": "T", "sym": "AAA", "p": 10.0, "s": 100, "c": [12], "t": noon_ms, "q": 1}
    regular = {"ev": "T", "sym": "BBB", "p": 10.0, "s": 100, "t": noon_ms, "q": 2}

    assert wrong([form_t, regular], {}) == []


def test_open_is_not_taken_back_by_another_channel() -> None:
    """The open that a minute bar told stays, when a newer second bar does not repeat it."""
    at_ms = epoch_ms(DAYS[0], time(9, 30))
    bar = {"sym": "AAA", "o": 10, "c": 11, "h": 11, "l": 10, "v": 100, "av": 100}
    minute = bar | {"ev": "AM", "op": 10, "s": at_ms, "e": at_ms + 60_000}
    second = bar | {"ev": "A", "s": at_ms + 60_000, "e": at_ms + 61_000}

    assert wrong([minute, second], {}) == []
