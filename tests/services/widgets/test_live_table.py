"""A live table: whoever follows it, from wherever and however seldom, has the newest listing."""

import math
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.feed_state import TableState
from schemas.leaderboard import HALTS, SESSIONS
from schemas.widget import Head, Snap
from services.widgets.listing import Listing
from services.widgets.live_table import LiveTable
from tests.services.widgets.tables import (
    COLUMNS,
    DECIMALS,
    HEADS,
    NAN,
    as_shown,
    table_of,
    take,
)


TEXTS = {
    "trading_day": lambda code: date.fromordinal(int(code)).isoformat(),
    "session": lambda code: SESSIONS[int(code)],
    "halt": lambda code: HALTS[int(code)],
}

_numbers = (
    st.sampled_from([NAN, math.inf, -math.inf, -0.0, 5e-324, -1e-9, 2.0**53, 1e17, 1.79e308, -1e300, 0.1 + 0.2])
    | st.floats()
    | st.floats(-1e6, 1e6, width=32)
)  # fmt: skip
_whole = st.sampled_from([NAN, 0.0, 7.0, 2.0**53, 1e17])
_codes = {"trading_day": 738_003.0, "session": 3.0, "halt": 2.0}
_names = st.sampled_from(COLUMNS)
_patches = _names.flatmap(
    lambda name: st.tuples(
        st.integers(0, 8),
        st.just(COLUMNS.index(name)),
        st.sampled_from([NAN, _codes[name]]) if name in _codes
        else _whole if name in ("trades", "event_ms")
        else _numbers,
    )
)  # fmt: skip


def listing_of(
    rows: list[tuple[str, int]], patches: list[tuple[int, int, float]], head: Head, total: int
) -> Listing:
    """A listing of symbols that are said to be like one another, but for *patches*: row, column and number."""
    numbers = np.empty((len(COLUMNS), len(rows)))
    numbers[:] = [like for _, like in rows]
    numbers[COLUMNS.index("trading_day")] += 738_000
    numbers[COLUMNS.index("halt")] = NAN
    for row, column, number in patches:
        if row < len(rows):
            numbers[column, row] = number
    return Listing(head, [symbol for symbol, _ in rows], numbers, total)


listings = st.builds(
    listing_of,
    st.lists(
        st.tuples(st.sampled_from([*"ABCDEFG", "BRK.B", "é"]), st.integers(0, 3)),
        unique_by=lambda row: row[0],
    ),
    st.lists(_patches, max_size=4),
    st.sampled_from(HEADS),
    st.integers(0, 9),
)
CLIENTS = 3
steps = st.lists(
    st.tuples(
        st.none() | listings,
        st.tuples(*[st.sampled_from(["", "", "after", "resume", "begin"])] * CLIENTS),
    ),
    min_size=1,
    max_size=8,
)


def cell(name: str, number: float) -> Any:
    """What a client is shown of *number*."""
    if not math.isfinite(number):
        return None
    if name in TEXTS:
        return TEXTS[name](number)
    decimals = 4 if name == "last_usd" and abs(number) >= 1.0 else DECIMALS[name]
    with np.errstate(over="ignore"):
        rounded = float(np.round(number, decimals))
    return rounded if math.isfinite(rounded) else number


def rows_of(listing: Listing) -> list[list[Any]]:
    """The rows that a client must have."""
    columns = [
        [cell(name, number) for number in line]
        for name, line in zip(COLUMNS, listing.numbers.tolist(), strict=True)
    ]
    return [list(row) for row in zip(listing.symbols, *columns, strict=True)]


def check(state: TableState, table: LiveTable, listing: Listing) -> None:
    """That a client has *listing*, and that its checksum is the service's."""
    assert [state.rows[symbol] for symbol in state.symbols] == rows_of(listing)
    assert (state.total, state.head) == (listing.total, listing.head)
    assert state.crc() == table.checksum()


@given(steps)
def test_any_client_has_the_newest_listing(history: list[Any]) -> None:
    """Whatever comes, goes, moves and changes, a client that takes a frame now and then has all that is new with it."""
    table = table_of()
    clients = [TableState() for _ in range(CLIENTS)]
    newest = listing_of([], [], HEADS[0], 0)
    for listing, actions in history:
        newest = newest if listing is None else listing
        table.update(as_shown(newest), 1.0)
        for state, action in zip(clients, actions, strict=True):
            if not action:
                continue
            found = table.after(state.seq) if action == "after" else None
            if action == "resume":
                found = table.resume(state.epoch, state.seq)
            assert (found is None) == (state.seq == 0 or action == "begin")
            take(state, found or table.begin(recovered=None))

            check(state, table, newest)


@given(listings)
def test_repeated_listing_is_no_update(listing: Listing) -> None:
    """What changes nothing that anybody is shown gives no new position, and nothing is encoded again."""
    table = table_of()

    assert table.update(as_shown(listing), 1.0)
    first = table.begin(recovered=None)
    shifted = listing._replace(numbers=listing.numbers + 0.0)
    assert not table.update(as_shown(shifted), 2.0)
    assert table.seq == 1
    assert table.begin(recovered=None) is first


@given(
    _numbers.filter(math.isfinite),
    st.sampled_from([name for name in DECIMALS if name not in ("trades", "event_ms")]),
)
def test_shown_number_is_near_the_number(number: float, name: str) -> None:
    """What is shown differs by no more than the last decimal that is shown, however large the number is."""
    decimals = 4 if name == "last_usd" and abs(number) >= 1.0 else DECIMALS[name]
    table = table_of(name)
    table.update(as_shown(Listing(HEADS[0], ["A"], np.array([[number]]), 1), name), 1.0)
    snap = msgspec.json.decode(table.begin(recovered=None).numbered(1), type=Snap)

    assert snap.rows[0][1] == pytest.approx(number, rel=1e-15, abs=0.51 * 10.0**-decimals)


@pytest.mark.parametrize("name", ["trades", "high_days", "bar_start_ms", "relative_volume_days"])
def test_whole_column_is_shown_as_it_is_summed(name: str) -> None:
    """A column of whole numbers holds no others, in its cells as in the checksum."""
    table = table_of(name)
    table.update(as_shown(Listing(HEADS[0], ["A", "B"], np.array([[1.7, 2.0]]), 2), name), 1.0)
    state = TableState()
    take(state, table.begin(recovered=None))

    assert [state.rows[symbol][1] for symbol in "AB"] == [2, 2]
