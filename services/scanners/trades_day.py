"""Trades of the day: what was printed most often.

Score: trades of the day, all sessions.
Source: volume-eligible trades.
Missing: a symbol without trades.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The trades of the day."""
    return columns.trades


BOARD = Leaderboard("trades-day", score)
