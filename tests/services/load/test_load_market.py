"""The made-up market, the views of it, and the figures."""

import numpy as np
import pytest

from mesh.leaderboard import board_at
from schemas.columns import FIELDS, changes_of
from schemas.leaderboard import RankedRow
from schemas.wire import encode_json
from services.load.market import SYMBOLS, Market
from services.load.tally import Tally, ratio
from services.load.views import FEED, MOST_VIEWS, views
from services.scanners.gainers import BOARD
from services.widgets.want import want


def test_as_many_rows_change_as_promised_and_as_trades_change_them() -> None:
    """At a tick 150 of 500 rows change: what trades move does, and what they cannot move does not."""
    market = Market()
    before = market.columns.matrix.copy()

    changed = market.tick()

    which = changes_of(market.columns, before).which
    names = {name for name, moved in zip(FIELDS, which, strict=True) if moved.any()}
    assert len(changed) == np.count_nonzero(which.any(axis=0)) == SYMBOLS * 0.3
    assert {"last_usd", "change_pct", "change_open_pct", "volume_shares", "vwap_usd"} <= names
    assert {"dollar_volume_usd", "relative_volume", "event_ms", "trades"} <= names
    assert not names & {"open_usd", "previous_close_usd", "gap_pct", "free_float_shares", "halt"}


def test_the_same_seed_makes_the_same_market() -> None:
    """Ticks follow from the seed alone, so that two runs are the same load."""
    one, other = Market(3), Market(3)

    assert all(np.array_equal(one.tick().matrix, other.tick().matrix, equal_nan=True) for _ in "ab")


def test_every_symbol_is_on_the_board() -> None:
    """The board holds 500 rows, whose prices are numbers."""
    market = Market()
    market.tick()

    board = board_at(market.instant, BOARD, market.columns, seq=1, top=SYMBOLS)

    assert len({row.symbol for row in board.rows}) == SYMBOLS
    assert all(row.last_usd is not None and row.last_usd > 0 for row in board.rows)


def test_views_are_distinct_and_large() -> None:
    """No two views are the same to the service, the first is the whole board, and all have hundreds of rows of known columns."""
    found = views(MOST_VIEWS, hz=2.0)

    assert len({want(FEED, view) for view in found}) == MOST_VIEWS
    assert encode_json(found[0]) == b'{"hz":2.0}'
    columns = {name for view in found for name in view.columns or ()}
    sorts = {view.sort.removeprefix("+") for view in found if view.sort}
    assert columns | sorts <= set(RankedRow.__struct_fields__)
    assert all(isinstance(view.top, int) and view.top > 200 for view in found[1:])


def test_only_what_arrives_while_measuring_counts() -> None:
    """Deltas before are left out, one without a time has no latency, and percentiles are of the others."""
    tally = Tally()
    tally.on_delta(10, 1000.0, 1500.0, is_plain=True)
    tally.is_measuring = True
    for latency in range(1, 101):
        tally.on_delta(10, 1000.0, 1000.0 + latency, is_plain=latency == 1)
    tally.on_delta(10, 0.0, 1000.0, is_plain=False)

    assert (tally.delivered, tally.deltas, tally.plain_deltas) == (101, 101, 1)
    assert [tally.latency_ms(percent) for percent in (50, 99, 100)] == [50.0, 99.0, 100.0]
    assert Tally().latency_ms(99) is None


@pytest.mark.parametrize(("whole", "expected"), [(3.0, 0.6667), (None, None), (0, None)])
def test_ratio_of_nothing_is_unknown(whole: float | None, expected: float | None) -> None:
    """What is not known is not zero."""
    assert ratio(2.0, whole) == expected
