"""Rows and boards as JSON."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.leaderboard import best
from schemas.columns import columns_of
from schemas.leaderboard import Board, Row
from schemas.wire import encode_json, json_decoder
from tests.schemas.rows import rows


@given(rows)
def test_row_as_json_names_every_field(row: Row) -> None:
    """Unknown ones are null, and what is read back is the same row."""
    found = msgspec.json.decode(encode_json(row), type=dict[str, object])

    assert list(found) == list(Row.__struct_fields__)
    assert list(found.values()) == list(msgspec.structs.astuple(row))
    assert json_decoder(Row).decode(encode_json(row)) == row


@given(st.lists(rows, max_size=3))
def test_board_survives_json(market: list[Row]) -> None:
    """A board that was put into KV reads back as the same board."""
    columns = columns_of(market)
    board = Board("gainers", "2024-10-02", "regular", 1, 2, best(columns, columns.event_ms, 3))

    assert json_decoder(Board).decode(encode_json(board)) == board


def test_rows_cannot_be_changed() -> None:
    """A row that is shared by a fan-out is immutable."""
    row = Row("A", "2024-10-02", "regular", 1)

    with pytest.raises(AttributeError):
        row.last_usd = 1.0  # type: ignore[misc]  # the point of the test
