"""Losers: what has fallen most since the day's official open.

Score: change against the official open, percent, negated.
Source: last price and official open of the day, from bars and trades.
Missing: a symbol without an official open today (all of them before 09:30) or without a last price.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The fall since the open."""
    return -columns.change_open_pct


BOARD = Leaderboard("losers", score)
