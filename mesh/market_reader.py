"""Keeps the market table of a process: hears every rows batch, and loads what it did not hear."""

import asyncio
from contextlib import suppress

from mesh import clock, direct
from mesh.connection import Connection, Message, Subscription
from mesh.kv import KeyValue
from mesh.market import MarketTable
from mesh.spans import MOST_LINKS, traceparent
from schemas.columns import Image, RowsBatch
from schemas.naming import (
    CANARY_SYMBOL,
    ROWS_STREAM,
    Bucket,
    parse_rows_subject,
    partition_token,
    rows_subject,
)
from schemas.wire import DecodeError, msgpack_decoder


_OVERLAP_MS = 5_000.0
"""An image says when it was written by another clock: read the rows from this long before it."""

_decode_batch = msgpack_decoder(RowsBatch).decode
_decode_image = msgpack_decoder(Image).decode


class MarketReader:
    """The table of all rows, from the images in KV and the batches that followed them, without a gap."""

    def __init__(self, connection: Connection, partitions: int) -> None:
        self.table = MarketTable(partitions)
        self.changed = False
        """Whether any row of the market changed since the reader of the table last set this to False."""
        self.heard = asyncio.Event()
        """Set whenever any row changed, for a reader of the table that waits; it clears it."""
        self._links: list[str] = []
        self._connection = connection
        self._images = KeyValue(connection, Bucket.IMAGES)
        self._partitions = range(partitions)
        self._incomplete = set(self._partitions)
        self._incarnation = connection.incarnation
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        """Listen, and load all rows.

        Raises:
            BrokerError: not now; `close` it.
        """
        self._subscription = await self._connection.subscribe("rows.*", self._on_rows)
        await self.complete()

    def take_links(self) -> list[str]:
        """The contexts of what was traced of all that was heard since the last call."""
        links, self._links = self._links, []
        return links

    async def close(self) -> None:
        """Listen no more: the table stays as it is."""
        if self._subscription is not None:
            await self._connection.unsubscribe(self._subscription)
            self._subscription = None

    async def complete(self) -> None:
        """Load what is missing of partitions that are not complete: after a start, a reconnect, a lost message."""
        if self._incarnation != self._connection.incarnation:
            self._incarnation = self._connection.incarnation
            self._incomplete.update(self._partitions)
        for partition in sorted(self._incomplete):
            if await self._load(partition):
                self._incomplete.discard(partition)

    async def load_again(self) -> None:
        """Load whatever was published until now, heard or not."""
        self._incomplete.update(self._partitions)
        await self.complete()

    async def _on_rows(self, message: Message) -> None:
        partition = parse_rows_subject(message.subject)
        if partition not in self._partitions:
            return
        batch = _readable(message.data, partition)
        parent = traceparent(message.headers)
        if parent is not None and len(self._links) < MOST_LINKS:
            self._links.append(parent)
        complete = False
        with suppress(ValueError):
            complete = batch is not None and self.table.apply(batch)
        if not complete:
            self._incomplete.add(partition)
        self._stir(of_market=batch is None or batch.symbols != [CANARY_SYMBOL])

    async def _load(self, partition: int) -> bool:
        entry = await self._images.get(partition_token(partition))
        since_ms = clock.now_ms() - _OVERLAP_MS
        if entry is not None and entry.value is not None:
            with suppress(DecodeError, ValueError):  # the next one replaces it
                image = _decode_image(entry.value)
                if image.partition == partition:
                    self.table.apply_image(image)
                    since_ms = min(since_ms, image.written_ms - _OVERLAP_MS)
        stored = await direct.since(
            self._connection, ROWS_STREAM, rows_subject(partition), since_ms
        )
        self._stir()
        found = (_readable(message.payload, partition) for message in stored)
        return self.table.catch_up(partition, filter(None, found))

    def _stir(self, *, of_market: bool = True) -> None:
        self.changed |= of_market
        self.heard.set()


def _readable(data: bytes, partition: int) -> RowsBatch | None:
    """The batch of *partition* in *data*; None if it is none: a gap, which the next image closes."""
    with suppress(DecodeError):
        batch = _decode_batch(data)
        return batch if batch.partition == partition else None
    return None
