"""Deltas of a live table by hand: what they hold, how few moves they make, and from how far back they lead."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mesh.feed_state import TableState
from services.widgets.listing import Listing
from tests.services.widgets.tables import HEADS, NAN, delta_of, simple, table_of, take


def test_change_behind_the_last_decimal_is_none() -> None:
    """A price of a dollar and more is shown with four decimals: a change in its sixth is not sent."""
    table = table_of("last_usd")
    table.update(simple("AB", 1.5), 1.0)

    assert not table.update(simple("AB", 1.500004), 2.0)


@pytest.mark.parametrize(
    ("before", "now", "moves"),
    [
        ("ABCDEF", "ACDEFB", [(5, "B")]),
        ("ABCDEF", "FABCDE", [(0, "F")]),
        ("ABCDEF", "BACDEF", 1),
        ("ABCDEF", "AEBCDF", [(1, "E")]),
        ("ABCDEF", "ABXCDEF", [(2, "X")]),
        ("ABCDEF", "ACDEF", []),
        ("ABCDEF", "FEDCBA", 5),
        ("ABCDEF", "XYZ", 3),
        ("", "ABC", 3),
        ("ABC", "", 0),
    ],
)
def test_moves_are_as_few_as_can_be(before: str, now: str, moves: list[Any] | int) -> None:
    """Only the rows that must be put elsewhere are, each once; the others are not named."""
    table = table_of("last_usd")
    table.update(simple(before), 1.0)
    table.update(simple(now), 2.0)
    delta = delta_of(table.after(1))

    assert delta.moves == moves or len(delta.moves) == moves
    assert delta.gone == [symbol for symbol in before if symbol not in now]
    assert [now[row] for row in delta.rows] == [each for each in now if each not in before]


def test_delta_holds_only_what_changed() -> None:
    """One changed price is one cell; neither the order nor another row is repeated."""
    table = table_of("last_usd", "gap_pct")
    table.update(Listing(HEADS[0], ["A", "B"], np.array([[1.0, 2.0], [3.0, 4.0]]), 9), 1.0)
    table.update(Listing(HEADS[0], ["A", "B"], np.array([[1.0, 2.0], [3.0, NAN]]), 9), 2.5)
    delta = delta_of(table.after(1))

    assert (delta.gone, delta.moves) == ([], [])
    assert (delta.rows, delta.cells) == ([1], [[2, [None]]])
    assert (delta.after, delta.seq, delta.received_ms) == (1, 2, 2.5)


def test_row_that_went_and_returned_is_sent_whole() -> None:
    """A client that did not look meanwhile holds an older life of the row: all of its cells are said again."""
    table = table_of("last_usd")
    table.update(simple("AB", 1.0), 1.0)
    table.update(simple("A", 1.0), 1.0)
    table.update(simple("AB", 1.0), 1.0)

    delta = delta_of(table.after(1))
    assert (delta.rows, delta.cells) == ([1], [[1, [1]]])
    assert delta_of(table.after(2)).moves == [(1, "B")]


def test_frames_of_one_position_are_encoded_once() -> None:
    """All clients at one position share one encoding, of the delta and of the snap."""
    table = table_of("last_usd")
    table.update(simple("A"), 1.0)
    table.update(simple("B"), 1.0)

    assert table.after(1) is table.after(1)
    assert table.resume("e.1", 1) is table.after(1)
    assert table.begin(recovered=None) is table.begin(recovered=None)
    assert table.begin(recovered=False) is not table.begin(recovered=None)


@pytest.mark.parametrize(
    ("epoch", "seq"), [("e.2", 2), ("", 2), ("e.1", 0), ("e.1", -1), ("e.1", 3)]
)
def test_position_that_is_none_cannot_be_resumed(epoch: str, seq: int) -> None:
    """Another epoch, a position before the first and one that is not reached yet are worth nothing."""
    table = table_of("last_usd")
    table.update(simple("A"), 1.0)
    table.update(simple("B"), 1.0)

    assert table.resume(epoch, seq) is None


def test_position_too_long_ago_cannot_be_resumed() -> None:
    """Orders of the rows are remembered for a bounded number of changes, and never wrongly beyond."""
    table = table_of("last_usd")
    orders = ["AB", "BA"]
    for seq in range(1000):
        table.update(simple(orders[seq % 2]), 1.0)
    remembered = [seq for seq in range(1, 1001) if table.after(seq) is not None]

    assert remembered == list(range(remembered[0], 1001))
    assert 100 <= len(remembered) <= 200


def test_order_that_stands_still_is_remembered_for_ever() -> None:
    """Where only numbers change, a delta from the very first position is possible after any number of updates."""
    table = table_of("last_usd")
    table.update(simple("AB"), 1.0)
    state = TableState()
    take(state, table.begin(recovered=None))
    for price in range(1000):
        table.update(simple("AB", 2.0 + price), 1.0)
    found = table.resume("e.1", 1)

    assert found is not None
    take(state, found)
    assert state.rows["A"] == ["A", 1001]


def test_checksum_comes_every_now_and_then() -> None:
    """A client that takes every delta is told the checksum at regular intervals."""
    table = table_of("last_usd")
    told = []
    for price in range(1, 100):
        table.update(simple("AB", float(price)), 1.0)
        if price > 1 and delta_of(table.after(price - 1)).crc is not None:
            told.append(price)

    assert len(told) >= 5
    assert len({later - earlier for earlier, later in pairwise(told)}) == 1
