"""Relative volume: what trades most against its own habit at this minute of the day.

Score: volume of the day over its average until the same minute of the day.
Source: volume from bars or trades; the volume curve of up to 20 days from reference data.
Missing: a symbol without a curve, or with one of fewer than five days.
"""

import numpy as np

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


_LEAST_DAYS = 5


def score(columns: Columns) -> Numbers:
    """The relative volume."""
    is_known = columns.relative_volume_days >= _LEAST_DAYS
    return np.where(is_known, columns.relative_volume, np.nan)


BOARD = Leaderboard("relative-volume", score)
