"""Halts: what is at a price band or paused, or was paused today, the latest first.

Score: when its state of trading began, milliseconds since the epoch.
Source: limit-up limit-down messages; a print tells that a paused symbol trades again.
Missing: a symbol that trades as it always did today, and one that trades again since nobody knows when.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The begin of the state."""
    return columns.halt_ms


BOARD = Leaderboard("halts", score)
