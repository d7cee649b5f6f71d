"""Shares of the last hour: what has changed hands most lately.

Score: shares in the hour that ends with the symbol's newest second, in steps of a minute.
Source: volume-eligible trades, or second bars where MESH_PRINTS says so.
Missing: a symbol without trades, or without any in the last hour of the market.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The shares of an hour."""
    return columns.volume_1h_shares


BOARD = Leaderboard("volume-1h", score, max_age_s=3600.0)
