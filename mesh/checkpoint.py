"""Checkpoints: what a partition's owner needs to go on where a former owner stopped.

One key a partition in KV `checkpoints`. Snapshot and positions are one value, so they cannot
disagree. Every write is a compare-and-set on the revision before it: who is no longer the owner is
refused (`FencedError`) and must stop writing.
"""

from contextlib import suppress
from typing import NamedTuple

from mesh.connection import Connection
from mesh.errors import FatalError, FencedError
from mesh.kv import KeyValue
from schemas.market import Position
from schemas.naming import Bucket, partition_token
from schemas.wire import (
    DecodeError,
    Wire,
    encode_json,
    encode_msgpack,
    json_decoder,
    msgpack_decoder,
)


_PARTITIONS_KEY = "partitions"


class Counts(Wire, array_like=True, frozen=True):
    """What became of the events of a partition so far, by class: all that were published up to its positions."""

    folded: dict[str, int]
    late: dict[str, int]
    discarded: dict[str, int]
    """Lost for good: dropped by an owner that was too slow, or no longer held by anything."""


class Checkpoint(Wire, array_like=True, frozen=True):
    """State of a partition at one moment of its tape."""

    owner: str
    """Name of the process that wrote it."""
    positions: dict[str, Position]
    """What the snapshot covers, by class."""
    written_ms: float
    """By the owner's clock."""
    counts: Counts
    snapshot: bytes


class Held(NamedTuple):
    """A checkpoint at its revision."""

    checkpoint: Checkpoint | None
    """None if there is none that can be read."""
    revision: int
    refused: str = ""
    """Why the checkpoint that is there cannot be read."""


_decode = msgpack_decoder(Checkpoint).decode
_decode_partitions = json_decoder(int).decode


class Checkpoints:
    """The checkpoints of all partitions on one broker."""

    def __init__(self, connection: Connection) -> None:
        self._bucket = KeyValue(connection, Bucket.CHECKPOINTS)

    async def require_partitions(self, partitions: int) -> None:
        """Claim or confirm that this broker's state is divided into *partitions*.

        Raises:
            FatalError: it is divided otherwise; symbols would be looked for in the wrong partition.
        """
        with suppress(FencedError):  # it is claimed already
            await self._bucket.put_if(_PARTITIONS_KEY, encode_json(partitions), 0)
        entry = await self._bucket.get(_PARTITIONS_KEY)
        found = _decode_partitions(entry.value) if entry is not None and entry.value else None
        if found != partitions:
            raise FatalError(
                f"this broker's state has {found} partitions, MESH_PARTITIONS asks for {partitions}: "
                f"use {found}, or another data directory"
            )

    async def load(self, partition: int) -> Held:
        """The newest checkpoint of *partition*."""
        entry = await self._bucket.get(partition_token(partition))
        if entry is None:
            return Held(None, 0)
        if entry.value is None:  # somebody deleted it: the revision still counts
            return Held(None, entry.revision)
        try:
            return Held(_decode(entry.value), entry.revision)
        except DecodeError as error:
            return Held(None, entry.revision, str(error))

    async def save(self, partition: int, checkpoint: Checkpoint, revision: int) -> int:
        """Replace the checkpoint that is at *revision*; the new revision.

        Raises:
            FencedError: another owner has written since.
            BrokerError: it is not known whether it was written.
        """
        return await self._bucket.put_if(
            partition_token(partition), encode_msgpack(checkpoint), revision
        )
