"""Dollars of the last minute: where most money changes hands right now.

Score: dollars in the minute that ends with the symbol's newest second.
Source: volume-eligible trades, or second bars where MESH_PRINTS says so.
Missing: a symbol without trades, or without any in the last minute of the market.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The dollars of a minute."""
    return columns.volume_1m_usd


BOARD = Leaderboard("dollars-1m", score, max_age_s=60.0)
