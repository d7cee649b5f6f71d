"""The base of every Struct that crosses a wire, and the encoders and decoders that all share."""

from typing import TypeVar

import msgspec


T = TypeVar("T")

DecodeError = msgspec.DecodeError
"""Bytes that are not what was declared: malformed, or (as `ValidationError`) of a wrong type."""


class Wire(msgspec.Struct, frozen=True, gc=False):
    """A value that crosses a wire: immutable, so that a fan-out can share it without copying.

    The garbage collector does not track it (it cannot be part of a cycle), which keeps a
    process with hundreds of thousands of live rows free of collection pauses.
    """


encode_json = msgspec.json.Encoder().encode
"""JSON bytes of any declared value; absent optional fields are written as null."""

encode_msgpack = msgspec.msgpack.Encoder().encode
"""Msgpack bytes of any declared value."""


def json_decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """A reusable decoder: build it once at start, not per message."""
    return msgspec.json.Decoder(kind)


def msgpack_decoder(kind: type[T]) -> msgspec.msgpack.Decoder[T]:
    """A reusable decoder: build it once at start, not per message."""
    return msgspec.msgpack.Decoder(kind)
