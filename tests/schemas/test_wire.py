"""Decoders: whatever bytes they are given, they give a value or a DecodeError."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns import Image, RowsBatch
from schemas.leaderboard import Board
from schemas.market import Bar, BatchHead, Other, OwnerPositions, Trade
from schemas.widget import Subscribe
from schemas.wire import (
    DecodeError,
    encode_msgpack,
    json_decoder,
    msgpack_decoder,
    msgpack_items,
    msgpack_list,
)


MSGPACK: tuple[Any, ...] = (BatchHead, list[Bar], Trade, Other, OwnerPositions, RowsBatch, Image)
JSON: tuple[Any, ...] = (Board, Subscribe, dict[str, str])
DEEP = b"\x91" * 100_000 + b"\xc0"


@pytest.mark.parametrize("kind", MSGPACK)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_value_or_a_decode_error(kind: Any, data: bytes) -> None:
    """A payload that anybody may publish cannot end a program that guards against DecodeError."""
    with suppress(DecodeError):
        msgpack_decoder(kind).decode(data)


@pytest.mark.parametrize("kind", JSON)
@given(st.binary(max_size=80) | st.text(st.characters(), max_size=40))
def test_any_text_is_a_value_or_a_decode_error(kind: Any, data: bytes | str) -> None:
    """The same of JSON, and of text that cannot be written as UTF-8."""
    with suppress(DecodeError):
        json_decoder(kind).decode(data)


def test_msgpack_deeper_than_the_stack_is_a_decode_error() -> None:
    """Events that are left raw are still walked through, and may be nested without end."""
    head = encode_msgpack([1, 1, 0, 0.0, None])[:-1]

    with pytest.raises(DecodeError, match="recursion"):
        msgpack_decoder(BatchHead).decode(head + DEEP)


def test_json_deeper_than_the_stack_is_a_decode_error() -> None:
    """A field that is not declared is skipped by walking through it."""
    with pytest.raises(DecodeError, match="recursion"):
        json_decoder(Board).decode('{"x":' + "[" * 100_000)


@pytest.mark.parametrize("text", [b"\xa2\xff\xfe", b"\xa3\xed\xa0\x80"])
def test_msgpack_text_that_is_no_utf8_is_a_decode_error(text: bytes) -> None:
    """A symbol is text; bytes that are none are refused like any other wrong value."""
    trade = encode_msgpack(["A", 1, 1, 1.0, 1.0, [], 1, "i"])
    assert msgpack_decoder(Trade).decode(trade).symbol == "A"

    with pytest.raises(DecodeError, match="utf-8"):
        msgpack_decoder(Trade).decode(trade.replace(b"\xa1A", text))


@pytest.mark.parametrize("text", [b'{"a":"\xff"}', '{"a":"\ud800"}'])
def test_json_text_that_is_no_utf8_is_a_decode_error(text: bytes | str) -> None:
    """The same of JSON, as bytes and as text."""
    with pytest.raises(DecodeError, match="utf-8"):
        json_decoder(dict[str, str]).decode(text)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 65_535, 65_536])
def test_list_of_encoded_items_is_the_list_encoded(length: int) -> None:
    """Items that were encoded in two goes and put together are the bytes of the whole list."""
    values = [(number, "x") for number in range(length)]
    items = msgpack_items(values[: length // 3]) + msgpack_items(values[length // 3 :])

    assert bytes(msgpack_list(length, items)) == encode_msgpack(values)
