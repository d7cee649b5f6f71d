"""KV buckets: one key, one last value, a revision that grows.

A bucket is the stream `KV_{bucket}` and a key the subject `$KV.{bucket}.{key}`. A value is put by
publishing there; what the server then does (keep the last, republish on a plain subject) the
topology says. Watching goes through one ordered consumer for each process and bucket with a
heartbeat of half a second, and begins anew after every reconnect with the last value of each key:
a watcher may see a value twice, and never misses the last one. (The client's own `kv.watch` was
blind for 15 s after a server restart, measured.)
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from operator import attrgetter
from typing import NamedTuple

from nats.errors import Error
from nats.errors import TimeoutError as ClientTimeoutError
from nats.js.api import ConsumerConfig, DeliverPolicy

from mesh import direct
from mesh.connection import Connection
from mesh.errors import BrokerError, FencedError
from mesh.tasks import cancellable
from schemas.naming import Bucket, bucket_stream, key_subject, parse_key_subject


RECEIVED_MS = "Mesh-Received-Ms"
"""Header of a derived value: when the oldest change in it arrived from the vendor, epoch milliseconds."""

_WRONG_LAST_SEQUENCE = 10071
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_EXPECTED_AT = "Nats-Expected-Last-Subject-Sequence-Subject"
_OPERATION = "KV-Operation"
_DELETION = {_OPERATION: "DEL"}
_PUT_S = 5.0
_HEARTBEAT_S = 0.5
_RETRY_S = 0.5


class Entry(NamedTuple):
    """A value at a revision."""

    key: str
    value: bytes | None
    """None if the key was deleted."""
    revision: int
    headers: Mapping[str, str]


class Version(NamedTuple):
    """A value that a key has, or has had."""

    key: str
    value: bytes | None
    """None if this was a deletion."""
    revision: int
    at_ms: int
    """When it was put, by the server's clock."""


class KeyValue:
    """A bucket of a broker that is connected."""

    def __init__(self, connection: Connection, bucket: Bucket) -> None:
        self.bucket = bucket
        self.stream = bucket_stream(bucket)
        self._connection = connection

    async def get(self, key: str) -> Entry | None:
        """The last value of *key*, which is None in the entry of a key that was deleted; None if it was never put."""
        stored = await direct.last(self._connection, self.stream, key_subject(self.bucket, key))
        return None if stored is None else _entry(stored)

    async def history(self, keys: str) -> list[Version]:
        """What a key holds and has held, newest first: as many revisions as the bucket keeps of one.

        Args:
            keys: a key, or several with `*` for a token.

        Raises:
            BrokerError: the bucket does not answer.
        """
        stored = await direct.every(self._connection, self.stream, key_subject(self.bucket, keys))
        return [Version(*_entry(each)[:3], each.at_ms) for each in reversed(stored)]

    async def all(self) -> list[Entry]:
        """The last value of every key, oldest change first."""
        stored = await direct.every(self._connection, self.stream, key_subject(self.bucket, ">"))
        newest = {entry.key: entry for entry in map(_entry, stored)}  # a bucket may keep history
        found = (entry for entry in newest.values() if entry.value is not None)
        return sorted(found, key=attrgetter("revision"))

    async def put(self, key: str, value: bytes, headers: dict[str, str] | None = None) -> int:
        """Store *value* and return its revision.

        Raises:
            BrokerError: not stored, or not known to be stored.
        """
        return await self._publish(key, value, headers or {})

    async def put_if(
        self,
        key: str,
        value: bytes,
        revision: int,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = _PUT_S,
    ) -> int:
        """Store *value* if the key is still at *revision* (0: was never written); the new revision.

        Raises:
            FencedError: somebody else wrote since.
            BrokerError: not known to be stored.
        """
        return await self._publish(
            key, value, {**(headers or {}), _EXPECTED: str(revision)}, timeout_s
        )

    async def delete_if(self, key: str, revision: int) -> None:
        """Delete *key* if it is still at *revision*. Watchers see an entry without a value.

        Raises:
            FencedError: somebody else wrote or deleted it since.
            BrokerError: not known to be deleted.
        """
        await self.put_if(key, b"", revision, _DELETION)

    async def delete(self, key: str) -> None:
        """Delete *key*, whatever it holds.

        Raises:
            BrokerError: not known to be deleted.
        """
        await self.put(key, b"", _DELETION)

    async def put_while(self, key: str, value: bytes, guard: str, revision: int) -> int:
        """Store *value* if the key *guard* is still at *revision*; the revision of *key*.

        With `*` for a token of *guard* (which *key* then matches) all such keys are meant, and the newest revision of them.

        Raises:
            FencedError: somebody else wrote the guard since.
            BrokerError: not known to be stored.
        """
        guarded = key_subject(self.bucket, guard)
        return await self._publish(key, value, {_EXPECTED: str(revision), _EXPECTED_AT: guarded})

    async def put_unconfirmed(self, key: str, value: bytes) -> None:
        """Store *value* without waiting or knowing: for values that the next put replaces anyway."""
        await self._connection.publish(key_subject(self.bucket, key), value)

    async def watch(self, keys: str = ">") -> AsyncGenerator[Entry, None]:
        """First the last value of every key that matches, then each change, for ever."""
        while True:
            incarnation = self._connection.incarnation
            try:
                async for entry in self._watch_once(keys, incarnation):
                    yield entry
            except (Error, BrokerError):  # between a reconnect and the stream's return
                await asyncio.sleep(_RETRY_S)

    async def _publish(
        self, key: str, value: bytes, headers: dict[str, str], timeout_s: float = _PUT_S
    ) -> int:
        try:
            ack = await self._connection.acknowledged(
                key_subject(self.bucket, key), value, headers, timeout_s=timeout_s
            )
        except BrokerError as error:
            if error.code == _WRONG_LAST_SEQUENCE:
                raise FencedError(
                    f"{self.bucket}/{key} was written by another process", code=error.code
                ) from error
            raise
        return int(ack["seq"])

    async def _watch_once(self, keys: str, incarnation: int) -> AsyncIterator[Entry]:
        subscription = await cancellable(
            self._connection.client.jetstream().subscribe(
                key_subject(self.bucket, keys),
                stream=self.stream,
                ordered_consumer=True,
                idle_heartbeat=_HEARTBEAT_S,
                config=ConsumerConfig(deliver_policy=DeliverPolicy.LAST_PER_SUBJECT),
            )
        )
        try:
            while incarnation == self._connection.incarnation:
                with suppress(ClientTimeoutError):
                    message = await cancellable(subscription.next_msg(timeout=_HEARTBEAT_S))
                    headers = message.headers or {}
                    value = None if _OPERATION in headers else message.data
                    key = parse_key_subject(message.subject)[1]
                    yield Entry(key, value, message.metadata.sequence.stream, headers)
        finally:
            with suppress(Error):
                await subscription.unsubscribe()


def _entry(stored: direct.Stored) -> Entry:
    value = None if _OPERATION in stored.headers else stored.payload
    return Entry(parse_key_subject(stored.subject)[1], value, stored.sequence, stored.headers)
