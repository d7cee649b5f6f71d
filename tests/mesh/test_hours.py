"""Hours by date and closures from text."""

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.hours import HOURS, hours_of, parse_closures


closures = st.dictionaries(
    st.dates().filter(lambda day: day.weekday() < 5),
    st.none() | st.times(time(9, 31), time(15, 59)),
)


def test_hours_are_in_order() -> None:
    """Rows come by date, and what each says follows upon another: no session is empty or overlaps the next day."""
    assert [row.since for row in HOURS] == sorted({row.since for row in HOURS})
    assert HOURS[0].since == date.min
    whole_day = timedelta(days=1)
    for row in HOURS:
        assert (
            -whole_day < row.day <= row.pre < row.open < row.half_close < row.close < row.post_end
        )
        assert row.half_close < row.half_post_end
        assert row.post_end <= min(each.day for each in HOURS) + whole_day


def test_hours_hold_since_their_date() -> None:
    """The newest row that has begun holds, from its own date on."""
    later = HOURS[-1]._replace(since=date(2027, 6, 1), pre=timedelta(hours=3))
    table = (*HOURS, later)

    assert hours_of(date(2027, 5, 31), table) == HOURS[-1]
    assert hours_of(date(2027, 6, 1), table) == later
    assert hours_of(date(2040, 1, 1), table) == later


@given(closures)
def test_closures_are_read_as_written(given: dict[date, time | None]) -> None:
    """Any days and closes of a market are read back from their text, blanks and a last comma included."""
    closes = {day: at and at.replace(second=0, microsecond=0) for day, at in given.items()}
    items = [f"{day}" if at is None else f"{day}T{at:%H:%M}" for day, at in closes.items()]

    assert parse_closures(",".join(items)) == closes
    assert parse_closures("".join(f" {item} ," for item in items)) == closes


@given(st.text("0123456789-T:, ", max_size=20))
def test_anything_else_is_refused_as_what_was_expected(text: str) -> None:
    """Text that is not closures is refused with what was expected, and never in another way."""
    refusal = _refusal(text)

    assert refusal is None or refusal.startswith("Expected ")


def _refusal(text: str) -> str | None:
    try:
        parse_closures(text)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260915", "not '20260915'"),
        ("2026-09-19", "Monday to Friday, not Saturday 2026-09-19"),
        ("2026-09-15T09:30", "between the usual open and close, not 09:30"),
        ("2026-09-15,2026-09-15", "not 2026-09-15 again"),
    ],
)
def test_refusal_names_what_is_wrong(text: str, expected: str) -> None:
    """The operator is told which entry makes no sense, and why."""
    with pytest.raises(ValueError, match=expected):
        parse_closures(text)
