"""Trades of the last minute: what is printed most often right now.

Score: trades in the minute that ends with the symbol's newest second.
Source: volume-eligible trades, or second bars where MESH_PRINTS says so.
Missing: a symbol without trades, or without any in the last minute of the market.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The trades of a minute."""
    return columns.trades_1m


BOARD = Leaderboard("trades-1m", score, max_age_s=60.0)
