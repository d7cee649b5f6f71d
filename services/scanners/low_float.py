"""Low-float movers: what has risen most of that of which there is little to buy.

Score: change against the previous close, percent.
Source: last price from bars and trades; previous close and free float from reference data.
Missing: a symbol with an unknown free float or one above 20 million shares, and one that has not risen.
"""

import numpy as np

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


_MOST_SHARES = 20_000_000
"""What day traders call low: 10 million, or 20 in a hot market."""


def score(columns: Columns) -> Numbers:
    """The change of a symbol with a low float."""
    is_low = (columns.free_float_shares <= _MOST_SHARES) & (columns.change_pct > 0.0)
    return np.where(is_low, columns.change_pct, np.nan)


BOARD = Leaderboard("low-float", score)
