"""Shares of the last five minutes: what has changed hands most just now.

Score: shares in the five minutes that end with the symbol's newest second, in steps of 15 s.
Source: volume-eligible trades, or second bars where MESH_PRINTS says so.
Missing: a symbol without trades, or without any in the last five minutes of the market.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The shares of five minutes."""
    return columns.volume_5m_shares


BOARD = Leaderboard("volume-5m", score, max_age_s=300.0)
