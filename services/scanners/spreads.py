"""Spreads: what is dearest to trade.

Score: spread of the best bid and offer, percent of their middle.
Source: quotes.
Missing: a symbol without a two-sided quote, one whose market is crossed or locked, and one without a trade or bar today.
"""

import numpy as np

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The spread."""
    is_shown = (columns.spread_pct > 0.0) & np.isfinite(columns.last_usd)
    return np.where(is_shown, columns.spread_pct, np.nan)


BOARD = Leaderboard("spreads", score)
