"""Which days the market is open and when it closes, against the exchange's own history."""

import itertools
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mesh.calendar import day_of, next_trading_day, previous_trading_day


NEW_YORK = ZoneInfo("America/New_York")
DAYS = [date(2001, 1, 1) + timedelta(days=n) for n in range(10_957)]
"""2001–2030."""

_CLOSED = {
    2001: "0101 0115 0219 0413 0528 0704 0903 0911 0912 0913 0914 1122 1225",
    2002: "0101 0121 0218 0329 0527 0704 0902 1128 1225",
    2003: "0101 0120 0217 0418 0526 0704 0901 1127 1225",
    2004: "0101 0119 0216 0409 0531 0611 0705 0906 1125 1224",
    2005: "0117 0221 0325 0530 0704 0905 1124 1226",
    2006: "0102 0116 0220 0414 0529 0704 0904 1123 1225",
    2007: "0101 0102 0115 0219 0406 0528 0704 0903 1122 1225",
    2008: "0101 0121 0218 0321 0526 0704 0901 1127 1225",
    2009: "0101 0119 0216 0410 0525 0703 0907 1126 1225",
    2010: "0101 0118 0215 0402 0531 0705 0906 1125 1224",
    2011: "0117 0221 0422 0530 0704 0905 1124 1226",
    2012: "0102 0116 0220 0406 0528 0704 0903 1029 1030 1122 1225",
    2013: "0101 0121 0218 0329 0527 0704 0902 1128 1225",
    2014: "0101 0120 0217 0418 0526 0704 0901 1127 1225",
    2015: "0101 0119 0216 0403 0525 0703 0907 1126 1225",
    2016: "0101 0118 0215 0325 0530 0704 0905 1124 1226",
    2017: "0102 0116 0220 0414 0529 0704 0904 1123 1225",
    2018: "0101 0115 0219 0330 0528 0704 0903 1122 1205 1225",
    2019: "0101 0121 0218 0419 0527 0704 0902 1128 1225",
    2020: "0101 0120 0217 0410 0525 0703 0907 1126 1225",
    2021: "0101 0118 0215 0402 0531 0705 0906 1125 1224",
    2022: "0117 0221 0415 0530 0620 0704 0905 1124 1226",
    2023: "0102 0116 0220 0407 0529 0619 0704 0904 1123 1225",
    2024: "0101 0115 0219 0329 0527 0619 0704 0902 1128 1225",
    2025: "0101 0109 0120 0217 0418 0526 0619 0704 0901 1127 1225",
    2026: "0101 0119 0216 0403 0525 0619 0703 0907 1126 1225",
    2027: "0101 0118 0215 0326 0531 0618 0705 0906 1125 1224",
    2028: "0117 0221 0414 0529 0619 0704 0904 1123 1225",
}
"""Closures by year, from Monday to Friday, as exchange_calendars 4.13.2 (XNYS) has them; it agrees with
`mesh.calendar` on the close of each day from 1998 to 2036. Unscheduled among them: September 2001, Reagan
(2004), Ford (2007), Sandy (2012), Bush (2018), Carter (2025)."""

_HALF = {
    2001: "0703 1123 1224",
    2002: "0705 1129 1224",
    2003: "0703 1128 1224 1226",
    2004: "1126",
    2005: "1125",
    2006: "0703 1124",
    2007: "0703 1123 1224",
    2008: "0703 1128 1224",
    2009: "1127 1224",
    2010: "1126",
    2011: "1125",
    2012: "0703 1123 1224",
    2013: "0703 1129 1224",
    2014: "0703 1128 1224",
    2015: "1127 1224",
    2016: "1125",
    2017: "0703 1124",
    2018: "0703 1123 1224",
    2019: "0703 1129 1224",
    2020: "1127 1224",
    2021: "1126",
    2022: "1125",
    2023: "0703 1124",
    2024: "0703 1129 1224",
    2025: "0703 1128 1224",
    2026: "1127 1224",
    2027: "1126",
    2028: "0703 1124",
}
"""Days that closed at 13:00, from the same source: 3 July (5 July in 2002), the day after Thanksgiving, 24
December (26 December too in 2003); neither eve where it is a Friday before a Saturday that is observed."""


def _at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp() * 1000)


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
    assert half == {day.name for day in trading if day.is_half_day}
    usual = [day for day in trading if day.name not in half]
    assert all(day.close_ms == _at(f"{day.name}T16:00") for day in usual)
    assert all(day.post_end_ms == _at(f"{day.name}T20:00") for day in usual)


@pytest.mark.parametrize(
    ("day", "close"),
    [
        ("2019-07-03", "13:00"),  # a Wednesday
        ("2020-07-02", "16:00"),  # 4 July was a Saturday: 3 July is closed, its eve a whole day
        ("2020-07-03", None),
        ("2021-07-05", None),  # 4 July was a Sunday
        ("2023-07-03", "13:00"),  # a Monday
        ("2024-07-03", "13:00"),
        ("2025-07-03", "13:00"),  # a Thursday
        ("2002-07-03", "16:00"),
        ("2002-07-05", "13:00"),  # a Friday, the one time that the day after was the half one
        ("2013-07-03", "13:00"),
        ("2020-12-24", "13:00"),
        ("2021-12-24", None),  # Christmas was a Saturday
        ("2021-12-23", "16:00"),
        ("2024-12-24", "13:00"),
        ("2025-12-24", "13:00"),  # federal offices were closed on both eves, the exchange was not
        ("2025-12-26", "16:00"),
        ("2022-12-26", None),  # Christmas was a Sunday
        ("2003-12-26", "13:00"),
        ("2019-11-29", "13:00"),
        ("2020-11-27", "13:00"),
        ("2021-11-26", "13:00"),
        ("2024-11-29", "13:00"),
        ("2025-11-28", "13:00"),
        ("2026-11-27", "13:00"),
        ("2021-06-18", "16:00"),  # the law of the day before did not move the exchange
        ("2022-06-20", None),  # the first Juneteenth, and it was a Sunday
        ("2023-06-19", None),
        ("2021-12-31", "16:00"),  # New Year on a Saturday is not observed
        ("2023-01-02", None),
        ("2001-09-10", "16:00"),
        ("2001-09-11", None),
        ("2001-09-14", None),
        ("2001-09-17", "16:00"),
        ("2004-06-11", None),
        ("2007-01-02", None),
        ("2012-10-29", None),
        ("2012-10-30", None),
        ("2018-12-05", None),
        ("2025-01-09", None),
        ("2025-10-13", "16:00"),  # Columbus Day: banks are closed, the exchange is not
        ("2025-11-11", "16:00"),
    ],
)
def test_close_of_an_odd_day(day: str, close: str | None) -> None:
    """Days that rules of thumb get wrong close when the exchange did: at 13:00, at 16:00, or they never open."""
    found = day_of(date.fromisoformat(day))

    assert found.is_trading_day == (close is not None)
    assert found.is_half_day == (close == "13:00")
    if close is not None:
        assert found.close_ms == _at(f"{day}T{close}")


def test_years_have_their_number_of_trading_days() -> None:
    """Each year has 250 to 253 trading days, but for 2001, which lost four."""
    counts = {
        year: sum(day_of(day).is_trading_day for day in days)
        for year, days in itertools.groupby(DAYS, lambda day: day.year)
    }

    assert counts.pop(2001) == 248
    assert set(counts.values()) <= {250, 251, 252, 253}


@pytest.mark.parametrize(
    ("day", "before", "after"),
    [
        ("2001-09-11", "2001-09-10", "2001-09-17"),
        ("2012-10-29", "2012-10-26", "2012-10-31"),
        ("2024-11-29", "2024-11-27", "2024-12-02"),
        ("2021-12-24", "2021-12-23", "2021-12-27"),
    ],
)
def test_trading_days_next_to_a_closure(day: str, before: str, after: str) -> None:
    """Closures and week-ends are stepped over together."""
    found = day_of(date.fromisoformat(day))

    assert previous_trading_day(found).name == before
    assert next_trading_day(found).name == after
