"""News movers: fresh news and unusual volume, both, or nothing."""

import math

import pytest

from mesh.leaderboard import Instant
from schemas.columns import columns_of
from schemas.leaderboard import Row
from services.scanners.news_movers import BOARD


HOUR_MS = 3_600_000


def _score(news_ms: int | None, shares: float | None, average: float | None = 780_000.0) -> float:
    row = Row(
        "A", "2024-10-02", "regular", 10 * HOUR_MS, volume_5m_shares=shares, average_volume_shares=average, news_ms=news_ms,
    )  # fmt: skip
    return float(BOARD.scores(columns_of([row]), _instant())[0])


def _instant() -> Instant:
    return Instant("2024-10-02", 10 * HOUR_MS, "regular")


@pytest.mark.parametrize(
    ("news_ms", "shares", "expected"),
    [
        (9 * HOUR_MS, 50_000.0, 5.0),
        (10 * HOUR_MS + 60_000, 50_000.0, 5.0),
        (9 * HOUR_MS, 29_000.0, None),
        (6 * HOUR_MS, 50_000.0, None),
        (None, 50_000.0, None),
        (9 * HOUR_MS, None, None),
    ],
)
def test_score_is_the_pace_after_fresh_news(
    news_ms: int | None, shares: float | None, expected: float | None
) -> None:
    """780,000 shares a day are 10,000 in five minutes: 50,000 are five times as many."""
    found = _score(news_ms, shares)

    assert math.isnan(found) if expected is None else found == pytest.approx(expected)


def test_unknown_average_is_off_the_board() -> None:
    """What is usual is then not known."""
    assert math.isnan(_score(9 * HOUR_MS, 50_000.0, None))
    assert math.isnan(_score(9 * HOUR_MS, 50_000.0, 0.0))
