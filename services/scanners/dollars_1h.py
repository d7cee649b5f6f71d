"""Dollars of the last hour: where most money has changed hands lately.

Score: dollars in the hour that ends with the symbol's newest second, in steps of a minute.
Source: volume-eligible trades, or second bars where MESH_PRINTS says so.
Missing: a symbol without trades, or without any in the last hour of the market.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The dollars of an hour."""
    return columns.volume_1h_usd


BOARD = Leaderboard("dollars-1h", score, max_age_s=3600.0)
