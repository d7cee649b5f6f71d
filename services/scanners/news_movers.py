"""News movers: what is traded unusually much after somebody wrote about it.

Score: shares of the last five minutes over those of five minutes of an average day.
Source: trades or bars; average volume from reference data; time of publication from news.
Missing: a symbol without an article of the last three hours, of unknown average volume, or with less than
three times its usual pace.
"""

import numpy as np

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


_FRESH_MS = 3 * 3_600_000
_SPANS_A_DAY = 78
"""Five minutes each, in a regular session."""
_LEAST_TIMES = 3.0


def score(columns: Columns) -> Numbers:
    """The pace of a symbol against its usual one, after fresh news."""
    average = columns.average_volume_shares
    usual = np.where(average > 0.0, average, np.nan) / _SPANS_A_DAY
    pace = columns.volume_5m_shares / usual
    is_fresh = columns.event_ms - columns.news_ms <= _FRESH_MS
    return np.where(is_fresh & (pace >= _LEAST_TIMES), pace, np.nan)


BOARD = Leaderboard("news-movers", score, max_age_s=300.0)
