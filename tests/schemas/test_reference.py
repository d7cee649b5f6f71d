"""Reference data: what is refused before anything is divided by it."""

import pytest

from schemas.reference import PreviousCloses, ReferenceDay, Stair, SymbolDay
from schemas.wire import DecodeError, encode_json, encode_msgpack, json_decoder, msgpack_decoder


_decode = json_decoder(PreviousCloses).decode


def test_previous_closes_survive_json() -> None:
    """What the reference program puts reads back, also a day of which nothing is known."""
    for closes in (
        PreviousCloses("2024-10-02", "2024-10-01", {"A": 0.0001, "BRK.B": 1e6}),
        PreviousCloses("2024-10-02", None, {}),
    ):
        assert _decode(encode_json(closes)) == closes


@pytest.mark.parametrize("close", [0, -0.0, -1.5, "null", "1e999", '"1"'])
def test_close_that_nothing_can_be_divided_by_is_refused(close: object) -> None:
    """A close of 0 would end every program that computes a change against it."""
    text = f'{{"trading_day":"2024-10-02","closes_day":null,"closes_usd":{{"A":1,"B":{close}}}}}'

    with pytest.raises(DecodeError):
        _decode(text)


def test_day_of_a_partition_survives_msgpack() -> None:
    """What is known and what is not both read back, in the fields that they were put into."""
    known = SymbolDay("BRK.B", 11.0, average_days=3, highs=[Stair(1, 12.5)], renamed_from="BRKB")
    day = ReferenceDay("2024-10-02", 7, False, [known, SymbolDay("F")])

    assert msgpack_decoder(ReferenceDay).decode(encode_msgpack(day)) == day
