"""What lies at the key of a partition in KV `checkpoints`."""

from typing import Literal

from schemas.market import Position
from schemas.wire import DecodeError, Wire, msgpack_decoder


CHECKPOINT_VERSION = 1
"""Of the head. The snapshot in it has a version of its own."""


class Counts(Wire, array_like=True, frozen=True):
    """What became of the events of a partition so far, by class: all that were published up to its positions."""

    folded: dict[str, int]
    late: dict[str, int]
    discarded: dict[str, int]
    """Lost for good: dropped by an owner that was too slow, or no longer held by anything."""


class Parts(Wire, array_like=True, frozen=True):
    """Where a snapshot lies that did not fit into the head."""

    slot: Literal["a", "b"]
    revisions: list[int]
    size_bytes: int


class Head(Wire, array_like=True, frozen=True):
    """What lies at the key of a partition."""

    version: int
    owner: str
    """Name of the process that wrote it."""
    positions: dict[str, Position]
    """What the snapshot covers, by class."""
    written_ms: float
    """By the owner's clock."""
    counts: Counts
    snapshot: bytes | Parts


class _Version(Wire, array_like=True, frozen=True):
    """The first element of a head: before there were versions it was the owner."""

    version: int | str


_decode_head = msgpack_decoder(Head).decode
_decode_version = msgpack_decoder(_Version).decode


def read_head(value: bytes) -> Head:
    """The head that *value* holds.

    Raises:
        DecodeError: it is none, or one of another version.
    """
    version = _decode_version(value).version
    if version != CHECKPOINT_VERSION:
        found = "none" if isinstance(version, str) else version
        raise DecodeError(f"a checkpoint must be of version {CHECKPOINT_VERSION}, was of {found}")
    return _decode_head(value)
