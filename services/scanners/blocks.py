"""Blocks: the greatest single trades of the day.

Score: dollars of the greatest block of the symbol: 10,000 shares and $200,000 at least.
Source: volume-eligible trades.
Missing: a symbol without a block today.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The greatest block."""
    return columns.block_usd


BOARD = Leaderboard("blocks", score)
