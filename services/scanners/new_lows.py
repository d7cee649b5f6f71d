"""New lows: what is at a price that it has not had for longest.

Score: trading days since the price was as low as the low of today.
Source: lows of the day from bars and trades; lows of the days before from reference data.
Missing: a symbol whose history is unknown, one whose low yesterday reached, and one that is more than 1 % above its low of today.
"""

import numpy as np

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


_NEAR_PCT = 1.0


def score(columns: Columns) -> Numbers:
    """The age of the low."""
    is_new = (columns.low_days > 0) & (columns.low_distance_pct <= _NEAR_PCT)
    return np.where(is_new, columns.low_days, np.nan)


BOARD = Leaderboard("new-lows", score)
