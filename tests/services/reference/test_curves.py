"""Volume curves: a hand-computed one, days that count, and what lies outside of a day."""

from datetime import date

import pytest

from mesh.calendar import day_of
from services.reference.curves import CurveDay, Minute, cumulative_shares, curve


FIRST, SECOND = day_of(date(2026, 3, 6)), day_of(date(2026, 3, 9))
"""Summer time begins between them."""
MINUTE_MS = 60_000


def _at(day_ms: int, minute: int, shares: float) -> Minute:
    return Minute(day_ms + minute * MINUTE_MS, shares)


def test_curve_is_the_average_of_the_days_minute_by_minute() -> None:
    """By hand: 100 at 04:00 on one day, 300 at 09:30 on the other: 50, then 200 to the end."""
    minutes = [_at(FIRST.pre_ms, 0, 100.0), _at(SECOND.open_ms, 0, 300.0)]
    found = curve("F", "2026-03-10", [CurveDay(FIRST, 1.0), CurveDay(SECOND, 1.0)], minutes)

    assert found is not None
    sums = cumulative_shares(found)
    assert (found.symbol, found.asof_day, found.days) == ("F", "2026-03-10", 2)
    assert len(found.cumulative_shares) == 4 * 960
    assert set(sums[:330]) == {50.0}
    assert set(sums[330:]) == {200.0}


def test_shares_before_a_split_are_counted_as_those_of_today() -> None:
    """Three for one between the days: 100 shares of then are 300 of now."""
    minutes = [_at(FIRST.pre_ms, 5, 100.0), _at(SECOND.pre_ms, 5, 300.0)]
    found = curve("F", "2026-03-10", [CurveDay(FIRST, 3.0), CurveDay(SECOND, 1.0)], minutes)

    assert found is not None
    assert cumulative_shares(found)[4:6] == (0.0, 300.0)


def test_day_without_a_trade_counts() -> None:
    """A symbol that trades every other day has half the volume on an average day."""
    minutes = [_at(FIRST.pre_ms, 959, 100.0)]
    found = curve("F", "2026-03-10", [CurveDay(FIRST, 1.0), CurveDay(SECOND, 1.0)], minutes)

    assert found is not None
    assert cumulative_shares(found)[958:] == (0.0, 50.0)


@pytest.mark.parametrize("start_ms", [FIRST.pre_ms - MINUTE_MS, FIRST.post_end_ms, SECOND.start_ms])
def test_minutes_outside_of_the_days_are_left_out(start_ms: int) -> None:
    """Before 04:00, from 20:00 on, and a symbol without any trade has no curve."""
    days = [CurveDay(FIRST, 1.0), CurveDay(SECOND, 1.0)]

    assert curve("F", "2026-03-10", days, [Minute(start_ms, 100.0)]) is None
