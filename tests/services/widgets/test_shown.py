"""What is shown of a market: only what changed is looked at again, and nothing that changed is missed."""

import msgspec
import numpy as np

from mesh.leaderboard import Instant, Leaderboard
from schemas.columns import PLACE, Columns, columns_of
from schemas.leaderboard import Row
from schemas.widget import Delta, View
from services.widgets.catalogue import Catalogue
from services.widgets.live_table import LiveTable
from services.widgets.shown import Showing
from tests.services.widgets.boards import show_market


INSTANT = Instant("2026-01-05", 1, "regular")
BESIDE = Leaderboard("beside", lambda columns: columns.gap_pct - columns.gap_pct.mean())
"""Its scores are not of one row alone."""


def market_of(*gaps: float) -> Columns:
    """Rows A, B and so on, with gaps."""
    rows = zip("ABCDEF", gaps, strict=False)
    return columns_of([Row(name, "2026-01-05", "regular", 1, gap_pct=gap) for name, gap in rows])


def test_score_that_other_rows_change_is_shown() -> None:
    """A row that stays as it is, and whose score is another because of its neighbour, is told with that score."""
    catalogue = Catalogue("e", [BESIDE])
    show_market(catalogue, market_of(3.0, 1.0), INSTANT, 1.0)
    view = View(columns=["score", "gap_pct"], sort="score")
    table = catalogue.follow("board/beside", view, lambda: None)
    assert isinstance(table, LiveTable)
    show_market(catalogue, market_of(3.0, 2.0), INSTANT, 2.0)
    found = table.after(1)
    assert found is not None
    delta = msgspec.json.decode(found.numbered(1), type=Delta)

    assert (delta.rows, delta.cells) == ([0, 1], [[1, [0.5, -0.5]], [2, [2], [1]]])


def test_rows_are_dated_by_their_last_change() -> None:
    """Of three ticks each row has the date of the one that changed it; what is behind its last decimal counts too."""
    showing, columns = Showing(), market_of(1.0, 2.0, np.nan)
    first = showing.take(columns).changed_at
    assert first is not None
    assert first.tolist() == [1, 1, 1]
    columns.matrix[PLACE["gap_pct"], 1] += 1e-9
    showing.take(columns)
    columns.matrix[PLACE["gap_pct"], 2] = 5.0
    shown = showing.take(columns)
    assert shown.changed_at is not None

    assert (shown.tick, shown.changed_at.tolist()) == (3, [1, 2, 3])
    assert shown.numbers[PLACE["gap_pct"]].tolist() == [1.0, 2.0, 5.0]


def test_other_symbols_begin_anew() -> None:
    """A market of other symbols, or of the same in another order, has nothing to do with the one before."""
    showing = Showing()
    showing.take(market_of(1.0, 2.0))
    shown = showing.take(market_of(7.0))

    assert shown.numbers[PLACE["gap_pct"]].tolist() == [7.0]
    assert shown.changed_at is not None
    assert shown.changed_at.tolist() == [2]
