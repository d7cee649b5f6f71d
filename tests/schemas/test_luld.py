"""Price bands by rule, with the changes of the 18th amendment, and codes of market-wide halts."""

import pytest

from mesh.calendar import day_at
from schemas.luld import Tier, Width, bands, market_halt_until_ms, market_level, width
from services.simulator.market import start_of


FULL, HALF = "2026-01-05", "2025-11-28"
"""A day until 16:00, and the day after Thanksgiving, until 13:00."""

CASES = [
    # day, time, tier, previous close, percent, most dollars
    (FULL, "09:30:00", 1, 50.0, 5.0, None),  # not doubled since the 18th amendment
    (FULL, "09:44:59", 2, 50.0, 10.0, None),
    (FULL, "12:00:00", 1, 3.01, 5.0, None),
    (FULL, "12:00:00", 2, 3.01, 10.0, None),
    (FULL, "12:00:00", 1, 3.0, 20.0, None),
    (FULL, "12:00:00", 2, 3.0, 20.0, None),
    (FULL, "12:00:00", 2, 0.75, 20.0, None),
    (FULL, "12:00:00", 2, 0.74, 75.0, 0.15),
    (FULL, "15:34:59", 1, 50.0, 5.0, None),
    (FULL, "15:35:00", 1, 50.0, 10.0, None),
    (FULL, "15:59:59", 1, 50.0, 10.0, None),
    (FULL, "15:35:00", 2, 50.0, 10.0, None),  # not doubled either, above $3
    (FULL, "15:35:00", 2, 3.0, 40.0, None),
    (FULL, "15:35:00", 2, 0.5, 150.0, 0.3),
    (FULL, "09:35:00", 2, 2.0, 20.0, None),
    (HALF, "12:34:59", 1, 50.0, 5.0, None),
    (HALF, "12:35:00", 1, 50.0, 10.0, None),
    (HALF, "12:35:00", 2, 50.0, 10.0, None),
    (HALF, "12:59:59", 2, 2.0, 40.0, None),
]


@pytest.mark.parametrize(("day", "time", "tier", "close_usd", "pct", "most_usd"), CASES)
def test_width_is_that_of_the_plan(
    day: str, time: str, tier: int, close_usd: float, pct: float, most_usd: float | None
) -> None:
    """Tier, previous close and the time before the close decide; the first minutes are like all others."""
    at_ms = start_of(f"{day}T{time}")
    hours = day_at(at_ms)

    found = width(Tier(tier), close_usd, at_ms, hours.open_ms, hours.close_ms)

    assert found == Width(pct, most_usd)


@pytest.mark.parametrize(
    "time", [f"{FULL}T09:29:59", f"{FULL}T16:00:00", f"{HALF}T13:00:00", f"{HALF}T15:40:00"]
)
def test_there_are_no_bands_outside_the_regular_session(time: str) -> None:
    """Before the open and from the close on, also that of a half day, nothing limits a price."""
    at_ms = start_of(time)
    hours = day_at(at_ms)

    assert width(Tier.ONE, 50.0, at_ms, hours.open_ms, hours.close_ms) is None


@pytest.mark.parametrize(
    ("reference_usd", "wide", "lower_usd", "upper_usd"),
    [
        (50.17, Width(10.0, None), 45.15, 55.19),  # as the vendor sent for ZMUN
        (0.31, Width(75.0, 0.15), 0.16, 0.46),  # as for ZOOZ
        (0.07, Width(75.0, 0.15), 0.02, 0.12),  # as for ZSPC
        (0.1, Width(150.0, 0.3), 0.0, 0.25),
    ],
)
def test_bands_are_the_vendors(
    reference_usd: float, wide: Width, lower_usd: float, upper_usd: float
) -> None:
    """Whole cents to both sides, as in messages of the live feed; never below zero."""
    assert bands(reference_usd, wide) == (lower_usd, upper_usd)


@pytest.mark.parametrize(
    ("codes", "level"),
    [((), None), ((16, 17), None), ((36,), 1), ((37,), 2), ((17, 183), 3), ((181, 182), 2)],
)
def test_market_level_is_the_worst_that_is_told(codes: tuple[int, ...], level: int | None) -> None:
    """Both of the vendor's tables are read, and other codes say nothing."""
    assert market_level(codes) == level


@pytest.mark.parametrize(
    ("day", "level", "time", "until"),
    [
        (FULL, 1, "09:45:00", "10:00:00"),
        (FULL, 2, "15:25:00", "15:40:00"),
        (FULL, 2, "15:25:01", None),
        (FULL, 3, "15:50:00", "16:00:00"),
        (FULL, 3, "09:31:00", "16:00:00"),
        (HALF, 1, "12:25:00", "12:40:00"),
        (HALF, 1, "12:26:00", None),
    ],
)
def test_market_wide_halt_ends_by_rule(day: str, level: int, time: str, until: str | None) -> None:
    """Levels 1 and 2 stop for a quarter of an hour unless the close is near, level 3 for the day."""
    at_ms = start_of(f"{day}T{time}")

    found = market_halt_until_ms(level, at_ms, day_at(at_ms).close_ms)

    assert found == (None if until is None else start_of(f"{day}T{until}"))
