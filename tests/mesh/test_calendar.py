"""Trading days and sessions, against the exchange's own published closures and a naive definition."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.calendar import SESSIONS, day_at, day_of


NEW_YORK = ZoneInfo("America/New_York")
DAYS = [date(2010, 1, 1) + timedelta(days=n) for n in range(7670)]
"""2010–2030."""

_CLOSED = {
    2010: "0101 0118 0215 0402 0531 0705 0906 1125 1224",
    2012: "0102 0116 0220 0406 0528 0704 0903 1029 1030 1122 1225",
    2018: "0101 0115 0219 0330 0528 0704 0903 1122 1205 1225",
    2021: "0101 0118 0215 0402 0531 0705 0906 1125 1224",
    2022: "0117 0221 0415 0530 0620 0704 0905 1124 1226",
    2024: "0101 0115 0219 0329 0527 0619 0704 0902 1128 1225",
    2025: "0101 0109 0120 0217 0418 0526 0619 0704 0901 1127 1225",
    2026: "0101 0119 0216 0403 0525 0619 0703 0907 1126 1225",
    2027: "0101 0118 0215 0326 0531 0618 0705 0906 1125 1224",
    2028: "0117 0221 0414 0529 0619 0704 0904 1123 1225",
}
"""Closures by year as the exchange announced them; Sandy, two funerals and a New Year on a Saturday among them."""

_HALF = {
    2010: "1126",
    2012: "0703 1123 1224",
    2018: "0703 1123 1224",
    2021: "1126",
    2022: "1125",
    2024: "0703 1129 1224",
    2025: "0703 1128 1224",
    2026: "1127 1224",
    2027: "1126",
    2028: "0703 1124",
}

instants = st.integers(1_262_304_000_000, 1_924_991_999_999)
"""2010–2030, milliseconds."""


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _at(text: str) -> int:
    return _ms(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK))


def _named(table: dict[int, str], year: int) -> set[str]:
    return {f"{year}-{day[:2]}-{day[2:]}" for day in table[year].split()}


@pytest.mark.parametrize("year", _CLOSED)
def test_closures_are_those_of_the_exchange(year: int) -> None:
    """In a whole year exactly the announced days and the week-ends are closed."""
    days = [day for day in DAYS if day.year == year]

    closed = {day.isoformat() for day in days if not day_of(day).is_trading_day}
    assert closed == _named(_CLOSED, year) | {
        day.isoformat() for day in days if day.weekday() in (5, 6)
    }


@pytest.mark.parametrize("year", _HALF)
def test_half_days_are_those_of_the_exchange(year: int) -> None:
    """In a whole year exactly the announced days close at 13:00 and end at 17:00, all others at 16:00 and 20:00."""
    days = [day_of(day) for day in DAYS if day.year == year]

    trading = [day for day in days if day.is_trading_day]
    half = {day.name for day in trading if day.close_ms == _at(f"{day.name}T13:00")}
    assert half == _named(_HALF, year)
    assert half == {day.name for day in trading if day.post_end_ms == _at(f"{day.name}T17:00")}
    assert all(day.close_ms == _at(f"{day.name}T16:00") for day in trading if day.name not in half)


def test_days_follow_each_other_without_a_hole() -> None:
    """From 2010 to 2030 each day begins where the one before ended, and its boundaries are in order."""
    days = [day_of(day) for day in DAYS]

    assert all(before.end_ms == after.start_ms for before, after in itertools.pairwise(days))
    for day in days:
        bounds = [day.start_ms, day.pre_ms, day.open_ms, day.close_ms, day.post_end_ms, day.end_ms]
        assert bounds == sorted(set(bounds))
        assert (day.end_ms - day.start_ms) / 3_600_000 in (23, 24, 25)


@given(instants)
def test_instant_belongs_to_one_day_and_session(event_ms: int) -> None:
    """The day and session of any instant are those that a New York wall clock and the rules say."""
    day = day_at(event_ms)

    wall = datetime.fromtimestamp(event_ms / 1000, tz=UTC).astimezone(NEW_YORK)
    assert day.name == wall.date().isoformat()
    assert day.start_ms <= event_ms < day.end_ms
    assert day.session(event_ms) == _naive_session(
        wall, trading=day.is_trading_day, half=day.close_ms
    )


def _naive_session(wall: datetime, *, trading: bool, half: int) -> str:
    closes_early = half == _at(f"{wall.date()}T13:00")
    close, end = (time(13), time(17)) if closes_early else (time(16), time(20))
    if not trading or not time(4) <= wall.time() < end:
        return "closed"
    if wall.time() < time(9, 30):
        return "pre"
    return "regular" if wall.time() < close else "post"


@pytest.mark.parametrize(
    ("at", "session"),
    [
        ("2024-10-02T00:00:00.000", "closed"),
        ("2024-10-02T03:59:59.999", "closed"),
        ("2024-10-02T04:00:00.000", "pre"),
        ("2024-10-02T09:29:59.999", "pre"),
        ("2024-10-02T09:30:00.000", "regular"),
        ("2024-10-02T15:59:59.999", "regular"),
        ("2024-10-02T16:00:00.000", "post"),
        ("2024-10-02T19:59:59.999", "post"),
        ("2024-10-02T20:00:00.000", "closed"),
        ("2024-12-24T12:59:59.999", "regular"),
        ("2024-12-24T13:00:00.000", "post"),
        ("2024-12-24T17:00:00.000", "closed"),
        ("2024-07-03T13:00:00.000", "post"),
        ("2024-11-29T12:59:59.999", "regular"),
        ("2024-11-29T13:00:00.000", "post"),
        ("2025-01-09T12:00:00.000", "closed"),
        ("2025-01-08T12:00:00.000", "regular"),
        ("2024-10-06T12:00:00.000", "closed"),
        ("2021-12-31T12:00:00.000", "regular"),
        ("2024-03-08T09:30:00.000", "regular"),
        ("2024-03-11T09:29:59.999", "pre"),
        ("2024-03-11T09:30:00.000", "regular"),
        ("2024-11-01T09:30:00.000", "regular"),
        ("2024-11-04T09:29:59.999", "pre"),
        ("2024-11-04T09:30:00.000", "regular"),
    ],
)
def test_session_at(at: str, session: str) -> None:
    """Each boundary belongs to the session that begins there; half days, closures and both clock changes hold."""
    event_ms = _at(at)

    day = day_at(event_ms)
    assert day.name == at[:10]
    assert day.session(event_ms) == session
    assert session in SESSIONS


@pytest.mark.parametrize(
    ("day", "hours", "open_utc"),
    [
        ("2024-03-08", 24, "14:30"),
        ("2024-03-10", 23, "13:30"),
        ("2024-03-11", 24, "13:30"),
        ("2024-11-01", 24, "13:30"),
        ("2024-11-03", 25, "14:30"),
        ("2024-11-04", 24, "14:30"),
    ],
)
def test_clock_changes_move_the_open(day: str, hours: int, open_utc: str) -> None:
    """The open stays at 09:30 in New York when the clocks change, and the Sunday is an hour shorter or longer."""
    found = day_of(date.fromisoformat(day))

    assert found.end_ms - found.start_ms == hours * 3_600_000
    assert found.open_ms == _ms(datetime.fromisoformat(f"{day}T{open_utc}:00+00:00"))
