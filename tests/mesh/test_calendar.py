"""Days, sessions and minutes of the market, against a naive definition; what an operator and new hours change."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.calendar import (
    STANDARD,
    Calendar,
    calendar_with,
    day_at,
    day_of,
    next_trading_day,
    previous_trading_day,
)
from mesh.hours import HOURS
from schemas.leaderboard import SESSIONS


NEW_YORK = ZoneInfo("America/New_York")
DAYS = [date(2001, 1, 1) + timedelta(days=n) for n in range(10_957)]
"""2001–2030."""

instants = st.integers(978_307_200_000, 1_924_991_999_999)
"""2001–2030, milliseconds."""
dates = st.dates(DAYS[0], DAYS[-1])


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _at(text: str) -> int:
    return _ms(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK))


def test_days_follow_each_other_without_a_hole() -> None:
    """From 2001 to 2030 each day begins where the one before ended, and its boundaries are in order."""
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


@given(dates)
def test_holidays_have_no_session(day: date) -> None:
    """A trading day has all three sessions in their order, a closed one none at any minute of it."""
    found = day_of(day)

    minutes = range(found.start_ms, found.end_ms, 60_000)
    sessions = [name for name, _ in itertools.groupby(map(found.session, minutes))]
    assert sessions == (
        ["closed", "pre", "regular", "post", "closed"] if found.is_trading_day else ["closed"]
    )
    assert not (found.is_trading_day and day.weekday() in (5, 6))


@given(dates)
def test_next_and_previous_trading_day_are_inverse(day: date) -> None:
    """Forth and back is the same trading day again, and none is skipped between."""
    found = day_of(day)
    after, before = next_trading_day(found), previous_trading_day(found)

    assert after.is_trading_day
    assert before.is_trading_day
    assert previous_trading_day(after) == (found if found.is_trading_day else before)
    assert next_trading_day(before) == (found if found.is_trading_day else after)
    between = date.fromisoformat(before.name) + timedelta(1)
    while between < date.fromisoformat(after.name):
        assert between == day or not day_of(between).is_trading_day
        between += timedelta(1)


@given(instants)
def test_minute_counts_from_the_pre_market(event_ms: int) -> None:
    """The minute of an instant is that of the wall clock since 04:00, in sessions alone."""
    day = day_at(event_ms)

    minute = day.minute(event_ms)
    wall = datetime.fromtimestamp(event_ms / 1000, tz=UTC).astimezone(NEW_YORK)
    if day.session(event_ms) == "closed":
        assert minute is None
    else:
        assert minute == wall.hour * 60 + wall.minute - 240


@pytest.mark.parametrize(
    ("at", "minute"),
    [
        ("2024-10-02T03:59:59.999", None),
        ("2024-10-02T04:00:00.000", 0),
        ("2024-10-02T09:30:00.000", 330),
        ("2024-10-02T19:59:59.999", 959),
        ("2024-10-02T20:00:00.000", None),
        ("2024-11-29T16:59:59.999", 779),
        ("2024-11-29T17:00:00.000", None),
        ("2024-03-11T09:30:00.000", 330),
        ("2024-11-04T09:30:00.000", 330),
        ("2025-01-09T12:00:00.000", None),
    ],
)
def test_minute_at(at: str, minute: int | None) -> None:
    """Minutes run from 0 to 959, to 779 on a half day, whatever the clocks did at the week-end."""
    event_ms = _at(at)

    assert day_at(event_ms).minute(event_ms) == minute


def test_operator_closes_days() -> None:
    """A closure that was announced today closes its day, an early close shortens one; no other day changes."""
    calendar = calendar_with("2026-09-15,2026-09-16T14:00")

    closed, early = (calendar.day_of(date(2026, 9, day)) for day in (15, 16))
    assert closed.session(_at("2026-09-15T12:00")) == "closed"
    assert (early.close_ms, early.is_half_day) == (_at("2026-09-16T14:00"), True)
    assert early.post_end_ms == _at("2026-09-16T18:00")
    assert calendar.previous_trading_day(early).name == "2026-09-14"
    others = [day for day in DAYS if day not in (date(2026, 9, 15), date(2026, 9, 16))]
    assert all(calendar.day_of(day) == day_of(day) for day in others)


def test_operator_overrules_the_calendar() -> None:
    """A close that is named opens a holiday, and makes a half day a whole one."""
    calendar = calendar_with("2026-12-24T16:00,2026-12-25T13:00")

    eve, christmas = (calendar.day_of(date(2026, 12, day)) for day in (24, 25))
    assert (eve.close_ms, eve.is_half_day) == (_at("2026-12-24T16:00"), False)
    assert eve.post_end_ms == _at("2026-12-24T20:00")
    assert christmas.session(_at("2026-12-25T12:00")) == "regular"
    assert christmas.session(_at("2026-12-25T13:00")) == "post"


def test_no_closures_is_the_standard_calendar() -> None:
    """Programs without closures share one calendar and its days."""
    assert calendar_with("") is STANDARD


def test_evening_belongs_to_the_next_day_once_hours_say_so() -> None:
    """Overnight trading is a row: from its date on trades after 20:00 are the next day's, and days still tile time."""
    hour = timedelta(hours=1)
    since = date(2027, 3, 8)  # the week in which the clocks change
    overnight = HOURS[-1]._replace(since=since, day=-4 * hour, pre=-4 * hour)
    calendar = Calendar(hours=(*HOURS, overnight))

    days = [calendar.day_of(since + timedelta(n)) for n in range(-7, 14)]
    assert all(before.end_ms == after.start_ms for before, after in itertools.pairwise(days))
    assert {(day.end_ms - day.start_ms) / 3_600_000 for day in days} == {20, 23, 24}
    for at, name, session in [
        ("2027-03-05T21:00", "2027-03-05", "closed"),
        ("2027-03-07T19:59", "2027-03-07", "closed"),
        ("2027-03-07T20:00", "2027-03-08", "pre"),
        ("2027-03-08T20:00", "2027-03-09", "pre"),
        ("2027-03-09T03:00", "2027-03-09", "pre"),
        ("2027-03-12T20:00", "2027-03-13", "closed"),
        ("2027-03-14T20:00", "2027-03-15", "pre"),
        ("2027-03-15T12:00", "2027-03-15", "regular"),
    ]:
        day = calendar.day_at(_at(at))
        assert (day.name, day.session(_at(at))) == (name, session)
        assert day.start_ms <= _at(at) < day.end_ms


@pytest.mark.parametrize(
    ("day", "hours", "behind_utc_h"),
    [
        ("2024-03-08", 24, 5),
        ("2024-03-10", 23, 4),
        ("2024-03-11", 24, 4),
        ("2024-11-01", 24, 4),
        ("2024-11-03", 25, 5),
        ("2024-11-04", 24, 5),
        ("2006-03-31", 24, 5),  # until 2006 the clocks changed in April and October
        ("2006-04-02", 23, 4),
        ("2006-04-03", 24, 4),
        ("2006-10-27", 24, 4),
        ("2006-10-29", 25, 5),
        ("2006-10-30", 24, 5),
    ],
)
def test_clock_changes_move_the_sessions(day: str, hours: int, behind_utc_h: int) -> None:
    """Sessions stay where they are in New York when the clocks change, and the Sunday is an hour shorter or longer."""
    found = day_of(date.fromisoformat(day))

    bounds = (found.pre_ms, found.open_ms, found.close_ms, found.post_end_ms)
    midnight_ms = _ms(datetime.fromisoformat(f"{day}T00:00+00:00"))
    in_utc_h = [(bound_ms - midnight_ms) / 3_600_000 for bound_ms in bounds]
    assert in_utc_h == [hour + behind_utc_h for hour in (4, 9.5, 16, 20)]
    assert found.end_ms - found.start_ms == hours * 3_600_000
