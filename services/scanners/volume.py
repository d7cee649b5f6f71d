"""Volume: what has traded most shares today.

Score: shares of the day, all sessions.
Source: the accumulated volume of the vendor's bars; the sum of volume-eligible trades where there are no bars.
Missing: a symbol whose volume is unknown.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The volume of the day."""
    return columns.volume_shares


BOARD = Leaderboard("volume", score)
