"""What tests of live tables share: small listings, and a client that takes frames."""

import math

import msgspec
import numpy as np

from mesh.feed_state import TableState
from schemas.leaderboard import SESSIONS
from schemas.widget import Delta, Head, Snap
from services.widgets.cells import Cells
from services.widgets.frame import Frame
from services.widgets.listing import Listing
from services.widgets.live_table import LiveTable
from services.widgets.want import Want


DECIMALS = {
    "last_usd": 6,
    "gap_pct": 4,
    "dollar_volume_usd": 0,
    "volume_shares": 2,
    "volume_1m_usd": 2,
    "tape_5s_shares_per_s": 2,
    "trades": 0,
    "event_ms": 0,
}
"""As many as a cell of each of these columns is shown with; of a dollar and more, only four."""
COLUMNS = (*DECIMALS, "trading_day", "session", "halt")
HEADS = [Head("2026-01-05", session, 5) for session in SESSIONS]
NAN = math.nan


def table_of(*columns: str) -> LiveTable:
    """A table of *columns* that has no rows yet."""
    return LiveTable(Want("row/*", columns or COLUMNS, None, None, None, None, None), "e.1")


def as_shown(listing: Listing, *columns: str) -> Listing:
    """*listing* with its numbers as they are shown."""
    return listing._replace(numbers=Cells(columns or COLUMNS).rounded(listing.numbers))


def simple(symbols: str, last_usd: float = 1.0) -> Listing:
    """A listing of one-letter symbols that all have one price."""
    numbers = np.full((1, len(symbols)), last_usd)
    return as_shown(Listing(HEADS[1], list(symbols), numbers, len(symbols)), "last_usd")


def delta_of(found: Frame | None) -> Delta:
    """The delta in a frame."""
    assert found is not None
    return msgspec.json.decode(found.numbered(1), type=Delta)


def take(state: TableState, found: Frame) -> None:
    """Have a client take a frame."""
    match msgspec.json.decode(found.numbered(7), type=Snap | Delta):
        case Snap() as snap:
            state.on_snap(snap)
        case delta:
            assert state.on_delta(delta), "the delta does not follow"
    assert (state.seq, state.lost, state.diverged) == (found.seq, False, 0)
