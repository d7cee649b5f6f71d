"""Trades of the last five minutes: what is printed most often.

Score: trades in the five minutes that end with the symbol's newest second, in steps of 15 s.
Source: volume-eligible trades, or second bars where MESH_PRINTS says so.
Missing: a symbol without trades, or without any in the last five minutes of the market.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The trades of five minutes."""
    return columns.trades_5m


BOARD = Leaderboard("trades-5m", score, max_age_s=300.0)
