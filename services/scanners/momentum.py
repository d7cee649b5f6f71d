"""Momentum: where trading has just become faster.

Score: trades per second of the last 15 s over those of the last five minutes.
Source: volume-eligible trades, or second bars where MESH_PRINTS says so.
Missing: a symbol with fewer than 30 trades in five minutes, or without any in the last minute of the market.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The acceleration of trading."""
    return columns.momentum


BOARD = Leaderboard("momentum", score, max_age_s=60.0)
