"""A client's table and sequence: whatever the frames say, they are what the service has."""

import struct
import zlib
from itertools import pairwise
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mesh.feed_state import SequenceState, TableState, checksum
from schemas.widget import Delta, Event, Head, Snap
from schemas.wire import encode_json, json_decoder
from tests.schemas.deltas import rows_and_cells


HEAD = Head("2026-03-02", "regular", 1)
COLUMNS = ["symbol", "last_usd", "volume_shares", "session"]

Rows: TypeAlias = list[list[Any]]

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9)
cells = st.tuples(numbers, numbers, st.none() | st.sampled_from(["pre", "regular", "5", "", "é"]))
tables = st.lists(st.tuples(st.sampled_from("ABCDEFGH"), cells), unique_by=lambda row: row[0]).map(
    lambda rows: [[symbol, *row] for symbol, row in rows]
)


def slow_crc(rows: Rows) -> int:
    """The checksum, cell by cell as `schemas.widget` says it."""
    said = b"".join(row[0].encode() + b"\n" for row in rows)
    for column in range(1, len(COLUMNS)):
        for row in rows:
            cell = row[column]
            if cell is None:
                said += b"\xff" * 8
            elif isinstance(cell, str):
                said += cell.encode() + b"\n"
            else:
                said += struct.pack("<d", cell)
    return zlib.crc32(said)


def slow_delta(before: Rows, after: Rows, seq: int, crc: int | None = None) -> Delta:
    """What leads from *before* to *after*; whoever stands at another place than the one before it moves."""
    old, new = {row[0]: row for row in before}, {row[0]: row for row in after}
    order = [symbol for symbol in old if symbol in new]
    moves = []
    for place, symbol in enumerate(new):
        if place >= len(order) or order[place] != symbol:
            moves.append((place, symbol))
            if symbol in order:
                order.remove(symbol)
            order.insert(place, symbol)
    changes = [
        (place, column, row[column])
        for place, (symbol, row) in enumerate(new.items())
        for column in range(1, len(row))
        if symbol not in old or old[symbol][column] is not row[column]
    ]
    gone = [symbol for symbol in old if symbol not in new]
    return Delta(1, seq - 1, seq, 5.0, HEAD, gone, moves, *rows_and_cells(changes), len(after), crc)


def snap(rows: Rows, seq: int = 1, crc: int | None = None) -> Snap:
    """A frame with *rows* of its own, as a client decodes it."""
    crc = slow_crc(rows) if crc is None else crc
    frame = Snap(1, "board/x", "e", seq, 5.0, HEAD, COLUMNS, rows, len(rows), crc)
    return json_decoder(Snap).decode(encode_json(frame))


def shown(state: TableState) -> Rows:
    """The rows in their order."""
    return [state.rows[symbol] for symbol in state.symbols]


def started(rows: Rows) -> TableState:
    """A state with *rows*."""
    state = TableState()
    state.on_snap(snap(rows))
    return state


A, B, C = ["A", 1.0, 2.0, "pre"], ["B", 3.0, None, None], ["C", 5, 6.5, "post"]


@given(st.lists(tables, min_size=1, max_size=6))
def test_deltas_lead_from_table_to_table(history: list[Rows]) -> None:
    """Whatever changes, enters, leaves and moves: after each delta the table is the next one, and so says its checksum."""
    state = started(history[0])
    for seq, (before, after) in enumerate(pairwise(history), 2):
        assert state.on_delta(slow_delta(before, after, seq, slow_crc(after)))

        assert shown(state) == list(after)
        assert (state.seq, state.lost, state.diverged) == (seq, False, 0)


@given(tables)
def test_checksum_is_as_documented(rows: Rows) -> None:
    """The fast checksum is the one that the schema describes cell by cell."""
    assert started(rows).crc() == slow_crc(rows)


def test_checksum_of_doubles_is_that_of_their_cells() -> None:
    """A service's column of doubles, where unknown is NaN and JSON has null for infinity, sums to what its client has."""
    columns = [np.array([1.5, np.nan, -np.inf])], [[1.5, None, None]]

    assert checksum("ABC", columns[0]) == checksum("ABC", columns[1])
    assert checksum("ABC", [[1.5, float("nan"), None]]) == checksum("ABC", columns[1])


def test_checksum_knows_a_text_from_a_number() -> None:
    """The text "5" is not the number 5, alone in its column or not."""
    assert checksum("A", [["5"]]) != checksum("A", [[5]])
    assert checksum("AB", [["5", 1]]) != checksum("AB", [[5, 1]])


@given(tables, tables, st.integers(1, (1 << 32) - 1))
def test_wrong_checksum_is_noticed(before: Rows, after: Rows, wrong: int) -> None:
    """A delta with another checksum leaves the table lost, until the next snap."""
    state = started(before)
    assert state.on_delta(slow_delta(before, after, 2, slow_crc(after) ^ wrong))

    assert (state.lost, state.diverged) == (True, 1)
    assert not state.on_delta(slow_delta(after, after, 3))
    state.on_snap(snap(after, 4))
    assert (state.lost, state.seq) == (False, 4)


def test_snap_with_wrong_checksum_is_lost() -> None:
    """A snap is not believed either."""
    state = TableState()
    state.on_snap(snap([A, B], crc=1))

    assert (state.lost, state.diverged) == (True, 1)


@pytest.mark.parametrize(("rows", "good"), [([A, B[:3]], [A]), ([A, []], [A]), ([A, A], [A, A])])
def test_snap_that_is_no_table_is_lost(rows: Rows, good: Rows) -> None:
    """Rows of another length, or two of one symbol, are noticed even if the checksum suits the rest."""
    state = TableState()
    state.on_snap(snap(rows, crc=slow_crc(good)))

    assert (state.lost, state.diverged) == (True, 1)


@pytest.mark.parametrize("after", [0, 2, 3])
def test_delta_for_another_position_changes_nothing(after: int) -> None:
    """Only the delta after the table's own position is taken."""
    state = started([A, B])
    delta = msgspec.structs.replace(slow_delta([A, B], [B], 2), after=after)

    assert not state.on_delta(delta)
    assert (shown(state), state.seq, state.lost) == ([A, B], 1, False)


def test_no_delta_is_taken_before_the_first_snap() -> None:
    """Without a table nothing follows."""
    assert not TableState().on_delta(slow_delta([], [], 1))


def test_symbol_that_left_and_came_back_is_new() -> None:
    """First *gone*, then *moves*, then *cells*: of a row that left, nothing is kept for the row that came."""
    state = started([A, B, C])
    delta = Delta(1, 1, 2, 0, HEAD, ["A"], [(1, "A")], [1], [[1, [9.0]]], 3)
    assert state.on_delta(delta)

    assert shown(state) == [B, ["A", 9.0, None, None], C]


def test_moves_are_taken_out_before_they_are_put_in() -> None:
    """Places are those of the new order, in which all other rows keep theirs."""
    state = started([A, B, C])
    assert state.on_delta(Delta(1, 1, 2, 0, HEAD, [], [(0, "C"), (2, "A")], [], [], 3))

    assert state.symbols == ["C", "B", "A"]


@pytest.mark.parametrize(
    "fault",
    [
        {"gone": ["X"]},
        {"rows": [0], "cells": [[4, [1.0]]]},
        {"rows": [0], "cells": [[0, ["X"]]]},
        {"rows": [0], "cells": [[1, []]]},
        {"rows": [2], "cells": [[1, [1.0]]]},
        {"cells": [[1, [1.0], [-1]]]},
        {"moves": [(3, "A")]},
    ],
)
def test_delta_that_does_not_fit_is_noticed(fault: dict[str, Any]) -> None:
    """Without a checksum too: a row that is not there, a column that is not there, a row without a place."""
    state = started([A, B])
    delta = msgspec.structs.replace(slow_delta([A, B], [A, B], 2), **fault)
    assert state.on_delta(delta)

    assert (state.lost, state.diverged) == (True, 1)


def event(after: int, seq: int, *values: int, epoch: str = "e") -> Event:
    """The next of a sequence of numbers, as a client decodes it."""
    frame = Event(1, "news", epoch, after, seq, [Raw(b"%d" % value) for value in values])
    return json_decoder(Event).decode(encode_json(frame))


def values_of(state: SequenceState) -> list[int]:
    """The numbers that are kept."""
    return [int(bytes(value)) for value in state.values]


def test_sequence_takes_what_follows_and_keeps_the_newest() -> None:
    """Values come oldest first; beyond the bound the oldest go."""
    state = SequenceState(keep=3)
    assert state.on_event(event(0, 2, 1, 2))
    assert state.on_event(event(2, 4, 3, 4))

    assert (values_of(state), state.seq, state.epoch) == ([2, 3, 4], 4, "e")


@pytest.mark.parametrize("frame", [event(1, 3, 9), event(3, 4, 9), event(2, 3, 9, epoch="f")])
def test_sequence_refuses_what_does_not_follow(frame: Event) -> None:
    """Another position, or the right number of another numbering, changes nothing."""
    state = SequenceState()
    state.on_event(event(0, 2, 1, 2))

    assert not state.on_event(frame)
    assert (values_of(state), state.seq, state.epoch) == ([1, 2], 2, "e")


def test_sequence_begins_anew() -> None:
    """A frame after 0 takes the place of all that was known; after an empty beginning it is just the first."""
    state = SequenceState()
    assert state.on_event(event(0, 0))
    assert state.on_event(event(0, 1, 1))
    assert state.on_event(event(0, 7, 6, 7, epoch="f"))

    assert (values_of(state), state.seq, state.epoch) == ([6, 7], 7, "f")
