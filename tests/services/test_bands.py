"""Near a band, and at one: distances by hand."""

import pytest

from mesh.calendar import day_at
from schemas.market import Halt
from services.processors.bands import near_band, touched
from services.processors.halts import HaltDay, fold_halts


T0 = 1_767_625_200_000
"""2026-01-05, 10:00 in New York."""
BANDS = (11.0, 9.0)
BANDED = Halt("ABC", T0, 0, *BANDS, (16,))


def _state(*halts: Halt) -> HaltDay:
    states: dict[str, HaltDay] = {}
    fold_halts(states, halts, day_at, set())
    return states["ABC"]


@pytest.mark.parametrize(
    ("last_usd", "side", "distance_pct", "near"),
    [
        (10.0, "down", 10.0, False),  # as far from both
        (10.5, "up", 0.5 / 10.5 * 100, False),
        (10.95, "up", 0.05 / 10.95 * 100, True),
        (11.0, "up", 0.0, True),
        (11.2, "up", -0.2 / 11.2 * 100, True),
        (9.05, "down", 0.05 / 9.05 * 100, True),
        (9.2, "down", 0.2 / 9.2 * 100, False),
    ],
)
def test_nearer_band_is_measured_from_the_last_price(
    last_usd: float, side: str, distance_pct: float, near: bool
) -> None:
    """Within one percent of the price a symbol is near its band, also beyond it."""
    found = near_band(_state(BANDED), last_usd)

    assert found is not None
    assert (found.side, found.is_near) == (side, near)
    assert found.band_usd == BANDS[side == "down"]
    assert found.distance_pct == pytest.approx(distance_pct)


@pytest.mark.parametrize(
    "halts",
    [
        [Halt("ABC", T0, 0, None, None, (19,))],
        [BANDED, Halt("ABC", T0 + 1000, 1, None, None, (17,))],
        [BANDED, Halt("ABC", T0 + 1000, 1, None, None, (23,))],
    ],
)
def test_nothing_is_near_without_bands_or_at_one(halts: list[Halt]) -> None:
    """A symbol that is at a band or paused is not near one any more, and without a price nobody is."""
    assert near_band(_state(*halts), 10.95) is None
    assert near_band(_state(BANDED), None) is None


@pytest.mark.parametrize(
    ("bid_usd", "ask_usd", "side"),
    [
        (11.0, 11.01, "up"),
        (8.99, 9.0, "down"),
        (10.0, 10.01, None),
        (None, None, None),
        (10.99, None, None),
    ],
)
def test_quote_at_a_band_touches_it(
    bid_usd: float | None, ask_usd: float | None, side: str | None
) -> None:
    """The best bid at the upper band, or the best offer at the lower one, is a limit state."""
    assert touched(_state(BANDED), bid_usd, ask_usd) == side
