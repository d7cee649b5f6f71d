"""Reference data: what is refused before anything is divided by it."""

import pytest

from schemas.reference import PreviousCloses
from schemas.wire import DecodeError, encode_json, json_decoder


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
