"""Dollar volume: where most money has changed hands today.

Score: dollars of the day, all sessions: its volume times its VWAP.
Source: the vendor's bars; volume-eligible trades where there are no bars.
Missing: a symbol whose volume or VWAP is unknown.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The dollars of the day."""
    return columns.dollar_volume_usd


BOARD = Leaderboard("dollar-volume", score)
