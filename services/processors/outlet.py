"""What leaves a partition: batches of changed rows, rows in KV, and the image of all rows.

Rows batches carry the owner's epoch, and readers leave those of a former owner. The image is
written by compare-and-set. Rows in KV are too many to be acknowledged one by one: they are put only
by an owner that was confirmed a moment ago, and all of them again by the next owner and after a
reconnect, since a put may be lost with the connection.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import islice

import msgspec

from mesh import clock
from mesh.connection import Connection
from mesh.errors import BrokerError, FencedError
from mesh.kv import KeyValue
from mesh.market import Newest
from mesh.publisher import Publisher
from mesh.spans import Headers
from schemas.alert import Alert
from schemas.columns import Columns, Image, RowsBatch, packed
from schemas.halt import Halted
from schemas.leaderboard import Row, RowWithHeadline
from schemas.naming import (
    Bucket,
    alert_key,
    alert_subject,
    partition_token,
    rows_subject,
    symbol_token,
)
from schemas.wire import Wire, encode_json, encode_msgpack
from services.processors.known import Headline


MESSAGE_ID = "Nats-Msg-Id"
"""Header by which a stream knows a message that it has already."""

_CHUNK = 100
"""Rows that are put before the owner makes sure again that it still is one."""


class _Dated(Wire, frozen=True):
    """Of a stored alert as much as says which of two is newer."""

    event_ms: int


_dated = msgspec.json.Decoder(_Dated).decode


class Outlet:
    """The outputs of one owner of *partition*; its epoch is set before the first. Rows in KV have the headlines of *news*."""

    def __init__(
        self,
        connection: Connection,
        publisher: Publisher,
        partition: int,
        news: Mapping[str, Headline],
    ) -> None:
        self.epoch = 0
        self._publisher = publisher
        self._partition = partition
        self._rows_kv = KeyValue(connection, Bucket.ROWS)
        self._images = KeyValue(connection, Bucket.IMAGES)
        self._halts_kv = KeyValue(connection, Bucket.HALTS)
        self._alerts_kv = KeyValue(connection, Bucket.ALERTS)
        self._news = news
        self._connection = connection
        self._number = 0
        self._newest = Newest()
        """All rows as they were published last."""
        self._unput: dict[str, None] = {}
        """Symbols of the rows that are to be put into KV, in the order in which they first changed."""
        self._is_pictured = True
        self._image_revision: int | None = None

    async def publish(
        self, rows: Columns, received_ms: float, headers: Headers | None = None
    ) -> None:
        """Publish *rows*, the oldest change of which arrived from the vendor at *received_ms*."""
        self._number += 1
        changes = self._newest.exchange(rows)
        self._unput.update(dict.fromkeys(rows.symbols))
        self._is_pictured = False
        head = (self._partition, self.epoch, self._number, received_ms)
        batch = RowsBatch(*head, *changes.packed())
        payload, subject = encode_msgpack(batch), rows_subject(self._partition)
        await self._publisher.publish(subject, payload, headers=headers)

    def repeat(self) -> None:
        """Have all rows that were published put into KV once more, and an image made, at the next turn."""
        self._unput = dict.fromkeys(self._newest.columns().symbols)
        self._is_pictured = not self._unput

    async def put_rows(self, confirm: Callable[[], Awaitable[None]]) -> float:
        """Put into KV `rows` what was published since the last call; the seconds that it took.

        Raises:
            FencedError: from *confirm*: another process owns the partition.
        """
        busy_s = 0.0
        while self._unput:
            await confirm()
            began_s = clock.monotonic_s()
            symbols = list(islice(self._unput, _CHUNK))
            values = [self._value(row) for row in self._newest.of(symbols).rows()]
            for symbol in symbols:
                del self._unput[symbol]
            try:
                for symbol, value in zip(symbols, values, strict=True):
                    await self._rows_kv.put_unconfirmed(symbol_token(symbol), value)
            except BrokerError:
                self._unput = dict.fromkeys(symbols) | self._unput
                raise
            busy_s += clock.monotonic_s() - began_s
        return busy_s

    def _value(self, row: Row) -> bytes:
        news = self._news.get(row.symbol)
        if news is None or news.published_ms != row.news_ms:  # the row that has its age comes next
            return encode_json(row)
        return encode_json(RowWithHeadline(**msgspec.structs.asdict(row), headline=news.title))

    async def alert(self, alert: Alert) -> None:
        """Store *alert*, unless it is stored already, and put it as the last of its kind.

        One that was stored before, by who died since or is the owner since, replaces only an older one.

        Raises:
            BrokerError: not known to be stored and put; it may be tried again.
        """
        value = encode_json(alert)
        subject, key = alert_subject(alert.kind, alert.symbol), alert_key(alert.kind, alert.symbol)
        stored = await self._connection.acknowledged(subject, value, {MESSAGE_ID: alert.id})
        if not stored.get("duplicate"):
            await self._alerts_kv.put(key, value)
            return
        last = await self._alerts_kv.get(key)
        if last is None or last.value is None or _dated(last.value).event_ms < alert.event_ms:
            with suppress(FencedError):  # by the same alert or a newer one
                await self._alerts_kv.put_if(key, value, last.revision if last is not None else 0)

    async def show_halt(self, halted: Halted) -> None:
        """Put how a symbol trades into KV `halts`.

        Raises:
            BrokerError: not known to be put.
        """
        await self._halts_kv.put(symbol_token(halted.symbol), encode_json(halted))

    async def picture(self, confirm: Callable[[], Awaitable[None]]) -> None:
        """Write the image of all rows that were published, if any was since the last one.

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
        rows = packed(self._newest.columns())
        image = Image(self._partition, self.epoch, self._number, clock.now_ms(), *rows)
        try:
            self._image_revision = await self._images.put_if(key, encode_msgpack(image), revision)
        except BrokerError:
            self._is_pictured = False
            raise
