"""What leaves a partition: batches of changed rows, rows in KV, and the image of all rows.

Rows batches carry the owner's epoch, and readers leave those of a former owner. The image is
written by compare-and-set. Rows in KV are too many to be acknowledged one by one: they are put only
by an owner that was confirmed a moment ago, and all of them again by the next owner and after a
reconnect, since a put may be lost with the connection.
"""

from collections.abc import Awaitable, Callable, Iterable

from mesh import clock
from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.kv import KeyValue
from mesh.publisher import Publisher
from schemas.leaderboard import Image, PackedRow, RowsBatch, public_row
from schemas.naming import Bucket, partition_token, rows_subject, symbol_token
from schemas.wire import encode_json, encode_msgpack


_CHUNK = 100
"""Rows that are put before the owner makes sure again that it still is one."""


class Outlet:
    """The outputs of one owner of *partition*; its epoch is set before the first."""

    def __init__(self, connection: Connection, publisher: Publisher, partition: int) -> None:
        self.epoch = 0
        self._publisher = publisher
        self._partition = partition
        self._rows_kv = KeyValue(connection, Bucket.ROWS)
        self._images = KeyValue(connection, Bucket.IMAGES)
        self._number = 0
        self._unput: dict[str, PackedRow] = {}
        self._is_pictured = True
        self._image_revision: int | None = None

    async def publish(self, rows: list[PackedRow], received_ms: float) -> None:
        """Publish *rows*, the oldest change of which arrived from the vendor at *received_ms*."""
        self._number += 1
        batch = RowsBatch(self._partition, self.epoch, self._number, received_ms, rows)
        self.repeat(rows)
        await self._publisher.publish(rows_subject(self._partition), encode_msgpack(batch))

    def repeat(self, rows: Iterable[PackedRow]) -> None:
        """Have *rows* put into KV, and an image made, at the next turn."""
        self._unput.update((row.symbol, row) for row in rows)
        self._is_pictured = False

    async def put_rows(self, confirm: Callable[[], Awaitable[None]]) -> None:
        """Put into KV `rows` what was published since the last call; *confirm* fails for a former owner."""
        while self._unput:
            await confirm()
            for symbol in list(self._unput)[:_CHUNK]:
                value = encode_json(public_row(self._unput.pop(symbol)))
                await self._rows_kv.put_unconfirmed(symbol_token(symbol), value)

    async def picture(
        self, all_rows: Callable[[], list[PackedRow]], confirm: Callable[[], Awaitable[None]]
    ) -> None:
        """Write the image of all rows, if any was published since the last one.

        Raises:
            FencedError: another process has written one since.
            BrokerError: not known to be written; it is tried again.
        """
        if self._is_pictured:
            return
        key = partition_token(self._partition)
        revision, self._image_revision = self._image_revision, None
        if revision is None:
            entry = await self._images.get(key)
            revision = entry.revision if entry is not None else 0
            await confirm()  # that revision may be a successor's
        self._is_pictured = True
        image = Image(self._partition, self.epoch, self._number, clock.now_ms(), all_rows())
        try:
            self._image_revision = await self._images.put_if(key, encode_msgpack(image), revision)
        except BrokerError:
            self._is_pictured = False
            raise
