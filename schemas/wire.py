"""The base of every Struct that crosses a wire, and the encoders and decoders that all share."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec


T = TypeVar("T")

DecodeError = msgspec.DecodeError
"""Input that is not what was declared: malformed, or (as `ValidationError`) of a wrong type.

The only exception that a `Decoder` of this module raises, whatever it is given.
"""


class Wire(msgspec.Struct, frozen=True, gc=False):
    """A value that crosses a wire: immutable, so that a fan-out can share it without copying.

    The garbage collector does not track it (it cannot be part of a cycle), which keeps a
    process with hundreds of thousands of live rows free of collection pauses.
    """


encode_json = msgspec.json.Encoder().encode
"""JSON bytes of any declared value; absent optional fields are written as null."""

encode_msgpack = msgspec.msgpack.Encoder().encode
"""Msgpack bytes of any declared value."""


_FIXED_LIST, _LIST_16 = 1 << 4, 1 << 16
"""Lengths from which on a list needs a longer head. Source: the msgpack specification."""


def msgpack_items(values: list[Any]) -> bytes:
    """Msgpack bytes of *values* one after the other, to be put into one list with others."""
    return encode_msgpack(values)[len(_list_head(len(values))) :]


def msgpack_list(length: int, items: bytes | bytearray) -> msgspec.Raw:
    """The encoded list whose *length* values are encoded in *items*."""
    return msgspec.Raw(_list_head(length) + items)


def _list_head(length: int) -> bytes:
    if length < _FIXED_LIST:
        return bytes((0x90 | length,))
    if length < _LIST_16:
        return b"\xdc" + length.to_bytes(2, "big")
    return b"\xdd" + length.to_bytes(4, "big")


class Decoder(Generic[T]):
    """Decodes one declared type, and refuses everything else as `DecodeError`.

    The library lets two other exceptions through: what is no UTF-8, and what is nested deeper
    than the stack. Either would end a program that had only guarded against bad bytes.
    """

    __slots__ = ("_decode",)

    def __init__(self, decode: Callable[[Any], T]) -> None:
        self._decode = decode

    def decode(self, data: bytes | bytearray | memoryview | msgspec.Raw | str) -> T:
        """The value that *data* holds; text is for JSON only.

        Raises:
            DecodeError: *data* is not what was declared.
        """
        try:
            return self._decode(data)
        except (UnicodeError, RecursionError) as error:
            raise DecodeError(str(error)) from error


def json_decoder(kind: type[T]) -> Decoder[T]:
    """A reusable decoder: build it once at start, not per message."""
    return Decoder(msgspec.json.Decoder(kind).decode)


def msgpack_decoder(kind: type[T]) -> Decoder[T]:
    """A reusable decoder: build it once at start, not per message."""
    return Decoder(msgspec.msgpack.Decoder(kind).decode)
