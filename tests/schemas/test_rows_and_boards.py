"""Rows and boards on the wire."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.leaderboard import (
    Board,
    Image,
    PackedRow,
    RankedRow,
    Row,
    RowsBatch,
    public_row,
    ranked,
)
from schemas.wire import encode_json, encode_msgpack, json_decoder, msgpack_decoder


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
packed_rows = st.builds(
    PackedRow,
    symbol=st.text(max_size=8),
    session=st.sampled_from(["pre", "regular", "post", "closed"]),
    event_ms=st.integers(0, 1 << 52),
    **dict.fromkeys(Row.__struct_fields__[4:], numbers),
)


@given(packed_rows)
def test_public_row_is_the_same_row_with_names(row: PackedRow) -> None:
    """The JSON of a row names every field of the packed row, unknown ones as null."""
    found = msgspec.json.decode(encode_json(public_row(row)), type=dict[str, object])

    assert list(found) == list(Row.__struct_fields__)
    assert list(found.values()) == list(msgspec.structs.astuple(row))


@given(packed_rows, st.integers(1, 500), st.floats(allow_nan=False, allow_infinity=False))
def test_ranked_row_takes_each_field_from_its_own(row: PackedRow, rank: int, score: float) -> None:
    """No field of a ranked row is filled from another one of the row."""
    place = ranked(rank, score, row)

    assert (place.rank, place.score) == (rank, score)
    shared = set(RankedRow.__struct_fields__) & set(Row.__struct_fields__)
    assert shared == set(RankedRow.__struct_fields__) - {"rank", "score"}
    assert all(getattr(place, field) == getattr(row, field) for field in shared)


@given(st.lists(packed_rows, max_size=3))
def test_board_survives_json(rows: list[PackedRow]) -> None:
    """A board that was put into KV reads back as the same board."""
    board = Board(
        "gainers",
        "2024-10-02",
        "regular",
        1,
        2,
        [ranked(n, 1.5, row) for n, row in enumerate(rows)],
    )

    assert json_decoder(Board).decode(encode_json(board)) == board


@given(st.lists(packed_rows, max_size=3))
def test_batch_and_image_survive_msgpack(rows: list[PackedRow]) -> None:
    """What travels between programs reads back as it was."""
    batch = RowsBatch(3, 2, 1, 1.5, rows)
    image = Image(3, 2, 1, 1.5, rows)

    assert msgpack_decoder(RowsBatch).decode(encode_msgpack(batch)) == batch
    assert msgpack_decoder(Image).decode(encode_msgpack(image)) == image


def test_rows_cannot_be_changed() -> None:
    """A row that is shared by a fan-out is immutable."""
    row = PackedRow("A", "2024-10-02", "regular", 1, *[None] * 9)

    with pytest.raises(AttributeError):
        row.last_usd = 1.0  # type: ignore[misc]  # the point of the test
