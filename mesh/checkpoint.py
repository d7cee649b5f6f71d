"""Checkpoints: what a partition's owner needs to go on where a former owner stopped.

One key a partition in KV `checkpoints`, its head: owner, positions, counts, and the snapshot that
belongs to them, so that they cannot disagree. Every write of a head is a compare-and-set on the
revision before it: who is no longer the owner is refused (`FencedError`) and must stop writing.

A snapshot that does not fit into one message lies in parts beside the head, at `{partition}.{slot}.{n}`,
and the head names the revision of each. Two slots take turns, so what the current head names stays
until the next head is in place. Parts are put only on top of a head that this process has put itself, and
each only while that head is the newest: neither a paused owner that wakes up nor a message of a
dead one that arrives late can overwrite what a successor's head names. Parts that are not needed any
more stay: their keys are used again, there are at most two sets of them, and removing is the one write
that the server cannot make conditional.
"""

import asyncio
from contextlib import suppress
from typing import Literal, NamedTuple

from mesh.connection import Connection
from mesh.errors import FatalError, FencedError
from mesh.kv import KeyValue
from schemas.checkpoint import CHECKPOINT_VERSION, Counts, Head, Parts, read_head
from schemas.market import Position
from schemas.naming import Bucket, partition_token
from schemas.wire import (
    DecodeError,
    Wire,
    encode_json,
    encode_msgpack,
    json_decoder,
)


_PARTITIONS_KEY = "partitions"
_HEADERS_BYTES = 1024
"""What a message needs beside its payload; the server's limit is for both."""
_READS = 5
_READ_AGAIN_S = 0.05


class Checkpoint(Wire, frozen=True):
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


class Summary(NamedTuple):
    """What can be said of a checkpoint without its snapshot."""

    head: Checkpoint | None
    """Without its snapshot; None if there is none that can be read."""
    revision: int
    size_bytes: int
    refused: str = ""


class _Put(NamedTuple):
    """The head that this process has put."""

    revision: int
    slot: str
    """Of its parts; empty if it has none."""


_decode_partitions = json_decoder(int).decode


class Checkpoints:
    """The checkpoints of all partitions on one broker."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._bucket = KeyValue(connection, Bucket.CHECKPOINTS)
        self._put: dict[int, _Put] = {}

    async def require_partitions(self, partitions: int) -> None:
        """Claim or confirm that this broker's state is divided into *partitions*.

        Raises:
            FatalError: it is divided otherwise; symbols would be looked for in the wrong partition.
        """
        found = None
        while found is None:  # claimed by another, and this replica has not heard of it yet
            with suppress(FencedError):
                await self._bucket.put_if(_PARTITIONS_KEY, encode_json(partitions), 0)
            found = await self.partitions()
        if found != partitions:
            raise FatalError(
                f"this broker's state has {found} partitions, MESH_PARTITIONS asks for {partitions}: "
                f"use {found}, or another data directory"
            )

    async def partitions(self) -> int | None:
        """How many partitions this broker's state is divided into; None if nobody has decided that yet."""
        entry = await self._bucket.get(_PARTITIONS_KEY)
        return _decode_partitions(entry.value) if entry is not None and entry.value else None

    async def load(self, partition: int) -> Held:
        """The newest checkpoint of *partition*."""
        held = Held(None, 0)
        for _ in range(_READS):
            entry = await self._bucket.get(partition_token(partition))
            if entry is None or not entry.value:  # never written, begun, or deleted by somebody
                return Held(None, 0 if entry is None else entry.revision)
            try:
                head = read_head(entry.value)
                snapshot = await self._snapshot(partition, head)
                return Held(_checkpoint(head, snapshot), entry.revision)
            except DecodeError as error:
                return Held(None, entry.revision, str(error))
            except _WrongPartsError as error:
                held = Held(None, entry.revision, str(error))
            await asyncio.sleep(_READ_AGAIN_S)  # its owner has gone on meanwhile, or a replica lags
        return held

    async def summary(self, partition: int) -> Summary:
        """What can be said of the newest checkpoint of *partition* without reading its parts."""
        entry = await self._bucket.get(partition_token(partition))
        if entry is None or not entry.value:
            return Summary(None, 0 if entry is None else entry.revision, 0)
        size_bytes = len(entry.value)
        try:
            head = read_head(entry.value)
        except DecodeError as error:
            return Summary(None, entry.revision, size_bytes, str(error))
        if isinstance(head.snapshot, Parts):
            size_bytes += head.snapshot.size_bytes
        return Summary(_checkpoint(head, b""), entry.revision, size_bytes)

    async def save(self, partition: int, checkpoint: Checkpoint, revision: int) -> int:
        """Replace the checkpoint that is at *revision*; the new revision.

        Raises:
            FencedError: another owner has written since.
            BrokerError: it is not known whether it was written.
        """
        limit_bytes = self._connection.client.max_payload - _HEADERS_BYTES
        value = _encoded(checkpoint, checkpoint.snapshot)
        slot = ""
        if len(value) > limit_bytes:
            mine = await self._own_head(partition, revision)
            revision = mine.revision
            parts = await self._put_parts(partition, checkpoint.snapshot, mine, limit_bytes)
            value, slot = _encoded(checkpoint, parts), parts.slot
        return await self._put_head(partition, value, revision, slot)

    async def _put_head(self, partition: int, value: bytes, revision: int, slot: str) -> int:
        self._put.pop(partition, None)  # until it is known what became of this one
        revision = await self._bucket.put_if(partition_token(partition), value, revision)
        self._put[partition] = _Put(revision, slot)
        return revision

    async def _own_head(self, partition: int, revision: int) -> _Put:
        """The head at *revision* if this process has put it; else it is put again, as it is, so that it has."""
        mine = self._put.get(partition)
        if mine is None or mine.revision != revision:
            entry = await self._bucket.get(partition_token(partition))
            if revision != (0 if entry is None else entry.revision):
                raise FencedError(f"the checkpoint of partition {partition} is not at {revision}")
            value = b"" if entry is None or entry.value is None else entry.value
            await self._put_head(partition, value, revision, _slot(value))
            mine = self._put[partition]
        return mine

    async def _put_parts(
        self, partition: int, snapshot: bytes, mine: _Put, limit_bytes: int
    ) -> Parts:
        # Should one fail, it may still arrive, but not on top of the head that is put before the next try.
        del self._put[partition]
        slot: Literal["a", "b"] = "b" if mine.slot == "a" else "a"
        head = partition_token(partition)
        revisions = []
        for number, start in enumerate(range(0, len(snapshot), limit_bytes)):
            key, part = _part_key(partition, slot, number), snapshot[start : start + limit_bytes]
            revisions.append(await self._bucket.put_while(key, part, head, mine.revision))
        return Parts(slot, revisions, len(snapshot))

    async def _snapshot(self, partition: int, head: Head) -> bytes:
        if isinstance(head.snapshot, bytes):
            return head.snapshot
        slot, revisions = head.snapshot.slot, head.snapshot.revisions
        parts = await asyncio.gather(
            *(self._bucket.get(_part_key(partition, slot, n)) for n in range(len(revisions)))
        )
        values = []
        for number, (part, revision) in enumerate(zip(parts, revisions, strict=True), 1):
            if part is None or part.value is None or part.revision != revision:
                found = None if part is None else part.revision
                raise _WrongPartsError(
                    f"part {number} of {len(revisions)} of the checkpoint must be at revision {revision}, was at {found}"
                )
            values.append(part.value)
        return b"".join(values)


class _WrongPartsError(Exception):
    """The parts are not those that the head names."""


def _encoded(checkpoint: Checkpoint, snapshot: bytes | Parts) -> bytes:
    owner, positions = checkpoint.owner, checkpoint.positions
    written_ms, counts = checkpoint.written_ms, checkpoint.counts
    return encode_msgpack(Head(CHECKPOINT_VERSION, owner, positions, written_ms, counts, snapshot))


def _checkpoint(head: Head, snapshot: bytes) -> Checkpoint:
    return Checkpoint(head.owner, head.positions, head.written_ms, head.counts, snapshot)


def _slot(value: bytes) -> str:
    """Where the parts are that a head names; empty if it has none, or cannot be read."""
    try:
        snapshot = read_head(value).snapshot
    except DecodeError:
        return ""
    return snapshot.slot if isinstance(snapshot, Parts) else ""


def _part_key(partition: int, slot: str, number: int) -> str:
    return f"{partition_token(partition)}.{slot}.{number}"
