"""New highs: what is at a price that it has not had for longest.

Score: trading days since the price was as high as the high of today.
Source: highs of the day from bars and trades; highs of the days before from reference data.
Missing: a symbol whose history is unknown, one whose high yesterday reached, and one that is more than 1 % below its high of today.
"""

import numpy as np

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


_NEAR_PCT = -1.0


def score(columns: Columns) -> Numbers:
    """The age of the high."""
    is_new = (columns.high_days > 0) & (columns.high_distance_pct >= _NEAR_PCT)
    return np.where(is_new, columns.high_days, np.nan)


BOARD = Leaderboard("new-highs", score)
