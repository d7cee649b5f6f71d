"""Gappers: what stands highest above its previous close, in every session.

Score: change against the official close of the trading day before, percent.
Source: last price from bars and trades; previous close from the vendor's grouped daily bars.
Missing: a symbol whose previous close is unknown (a new listing, or reference data that is not there yet).
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The change since the previous close."""
    return columns.change_pct


BOARD = Leaderboard("gappers", score)
