"""Rows in columns: what a row says, a column says, and bytes say again."""

import math
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns import (
    FIELDS,
    PLACE,
    Image,
    RowsBatch,
    changes_of,
    columns_of,
    packed,
    unknown,
)
from schemas.leaderboard import Row
from schemas.wire import encode_msgpack, msgpack_decoder
from tests.schemas.rows import rows


markets = st.lists(rows, max_size=4)


@given(markets)
def test_rows_survive_columns(market: list[Row]) -> None:
    """Numbers, words, dates and what is unknown come back as they were, each in its own field and row."""
    columns = columns_of(market)

    assert columns.rows() == market
    assert [columns.row(place) for place in range(len(market))] == market
    assert len(columns) == len(market)
    for name in FIELDS:
        assert columns.values(name) == [getattr(row, name) for row in market]


@given(st.lists(st.tuples(rows, rows), max_size=4))
def test_batch_and_image_survive_bytes(pairs: list[tuple[Row, Row]]) -> None:
    """What travels between programs reads back as the same rows, whatever they were before."""
    before = columns_of([one for one, _ in pairs]).matrix
    market = [msgspec.structs.replace(other, symbol=one.symbol) for one, other in pairs]
    columns = columns_of(market)
    batch = RowsBatch(3, 2, 1, 1.5, *changes_of(columns, before).packed())
    image = Image(3, 2, 1, 1.5, *packed(columns))

    found = msgpack_decoder(RowsBatch).decode(encode_msgpack(batch))
    pictured = msgpack_decoder(Image).decode(encode_msgpack(image))
    assert (found, pictured) == (batch, image)
    assert found.changes().onto(before).rows() == pictured.columns().rows() == market


@given(rows, st.sampled_from(FIELDS))
def test_only_what_changed_travels(row: Row, name: str) -> None:
    """A row that is as it was has no numbers; one that lost one has that, as unknown."""
    before = columns_of([row]).matrix

    assert not changes_of(columns_of([row]), before).numbers.size
    lost = columns_of([row])
    lost.matrix[PLACE[name]] = math.nan
    changes = changes_of(lost, before)
    assert changes.numbers.size == changes.which.sum() == (getattr(row, name) is not None)
    assert np.isnan(changes.numbers).all()


@given(markets, st.data())
def test_taken_rows_are_those_of_their_places(market: list[Row], data: st.DataObject) -> None:
    """Any rows in any order, some more than once, as a table of their own; also on the wire."""
    places = data.draw(st.lists(st.sampled_from(range(len(market))))) if market else []

    taken = columns_of(market).take(np.array(places, np.intp))

    assert taken.rows() == [market[place] for place in places]
    batch = RowsBatch(0, 1, 1, 0.0, *changes_of(taken, unknown(len(taken))).packed())
    assert batch.changes().onto(unknown(len(taken))).rows() == taken.rows()


@given(rows)
def test_column_of_a_number_is_that_number(row: Row) -> None:
    """A score reads numbers as they are in the row, and NaN where they are unknown."""
    columns = columns_of([row])

    for name in FIELDS:
        value = getattr(row, name)
        if isinstance(value, str):
            continue
        [found] = getattr(columns, name).tolist()
        assert math.isnan(found) if value is None else found == value


def test_days_and_sessions_are_in_order() -> None:
    """Later days, and later sessions of a day, are greater numbers."""
    columns = columns_of(
        [
            Row("A", "2023-12-31", "closed", 1),
            Row("A", "2024-02-29", "pre", 1),
            Row("A", "2024-03-01", "regular", 1),
            Row("A", "2024-10-02", "post", 1),
        ]
    )

    for column in (columns.trading_day, columns.session):
        assert all(one < other for one, other in pairwise(column.tolist()))


def test_field_that_rows_do_not_have_is_named() -> None:
    """A misspelt field is an AttributeError that says what was asked for, and where the names are."""
    columns = columns_of([Row("A", "2024-10-02", "regular", 1)])

    with pytest.raises(AttributeError, match=r"'change_percent'; see schemas\.leaderboard\.Row"):
        _ = columns.change_percent
    assert not hasattr(columns, "symbol")


@pytest.mark.parametrize(
    "length", [0, 1, 8, 8 * len(FIELDS), 16 * len(FIELDS) - 8, 24 * len(FIELDS)]
)
def test_numbers_of_another_length_are_refused(length: int) -> None:
    """Bytes that are not one number for each field of each symbol are an error, not rows that are shifted."""
    with pytest.raises(ValueError, match=r"reshape|multiple of element size"):
        Image(0, 1, 1, 0.0, ["A", "B"], bytes(length)).columns()
    every = b"\xff" * ((2 * len(FIELDS) + 7) // 8)
    with pytest.raises(ValueError, match=r"no changes of 2 rows|multiple of element size"):
        RowsBatch(0, 1, 1, 0.0, ["A", "B"], every, bytes(length)).changes()


@pytest.mark.parametrize("bits", [0, 1, (2 * len(FIELDS) + 7) // 8 - 1, 100])
def test_bits_of_another_number_of_rows_are_refused(bits: int) -> None:
    """Bits that are not one for each field of each symbol are an error."""
    with pytest.raises(ValueError, match="no changes of 2 rows"):
        RowsBatch(0, 1, 1, 0.0, ["A", "B"], bytes(bits), b"").changes()


@pytest.mark.parametrize(
    ("field", "number"),
    [
        *(("trading_day", number) for number in (math.nan, 0.0, 4e6, math.inf)),
        *(("session", number) for number in (math.nan, -1.0, 4.0)),
        *(("event_ms", number) for number in (math.nan, -1.0, math.inf)),
        *(("halt", number) for number in (-1.0, 3.0, math.inf)),
    ],
)
def test_number_that_stands_for_nothing_is_refused(field: str, number: float) -> None:
    """A day, session, time or halt that none is named by is an error at the door, not later where it is read."""
    columns = columns_of([Row("A", "2024-10-02", "regular", 1)] * 2)
    columns.matrix[PLACE[field], 1] = number

    with pytest.raises(ValueError, match="trading day, session, event time or halt"):
        Image(0, 1, 1, 0.0, *packed(columns)).columns()
    with pytest.raises(ValueError, match="trading day, session, event time or halt"):
        changes_of(columns, unknown(2)).onto(unknown(2))
