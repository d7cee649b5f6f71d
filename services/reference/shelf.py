"""Where the program keeps what it knows, in KV: for processors, for people, and for its own next start."""

import asyncio
from collections.abc import Collection, Iterable

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.logs import Log
from mesh.partition import partition_of
from schemas.naming import (
    Bucket,
    is_symbol,
    loaded_parts_key,
    parse_symbol_token,
    previous_closes_key,
    reference_day_key,
    symbol_token,
)
from schemas.reference import (
    LoadedParts,
    PreviousCloses,
    Reference,
    ReferenceDay,
    SymbolDay,
    VolumeCurve,
)
from schemas.wire import (
    DecodeError,
    encode_json,
    encode_msgpack,
    json_decoder,
    msgpack_decoder,
)


_AT_ONCE = 64
_HEADERS_BYTES = 4096
"""What a message needs beside its payload; the server's limit is for both."""

_decode_reference = json_decoder(Reference).decode
_decode_closes = json_decoder(PreviousCloses).decode
_decode_parts = json_decoder(LoadedParts).decode
_decode_day = msgpack_decoder(ReferenceDay).decode


class Shelf:
    """The buckets, as far as this program writes them; it puts nothing twice."""

    def __init__(self, connection: Connection, partitions: int, log: Log) -> None:
        self.references: dict[str, Reference] = {}
        """By symbol: what is in KV."""
        self.too_large: set[str] = set()
        """Keys whose value the broker does not take."""
        self._connection = connection
        self._reference = KeyValue(connection, Bucket.REFERENCE)
        self._daily = KeyValue(connection, Bucket.DAILY)
        self._curves = KeyValue(connection, Bucket.CURVES)
        self._partitions = partitions
        self._put: dict[str, bytes] = {}
        self._log = log

    async def restore(self) -> None:
        """Read what was put before, by whomever.

        Raises:
            BrokerError: the bucket does not answer.
        """
        for entry in await self._reference.all():
            if "." not in entry.key:
                try:
                    symbol = parse_symbol_token(entry.key)
                    self.references[symbol] = _decode_reference(entry.value or b"")
                except (ValueError, DecodeError):
                    continue  # of an older version: it will be put again

    async def day(self, trading_day: str) -> tuple[list[SymbolDay], LoadedParts] | None:
        """What was put of a day and how far that is, if its bars were all there; else None."""
        parts = await self._reference.get(loaded_parts_key(trading_day))
        closes = await self._reference.get(previous_closes_key(trading_day))
        keys = (reference_day_key(trading_day, each) for each in range(self._partitions))
        entries = [await self._daily.get(key) for key in keys]
        if parts is None or closes is None:
            return None
        symbols: list[SymbolDay] = []
        try:
            for entry in entries:
                value = entry.value if entry is not None else None
                symbols += _decode_day(value or b"").symbols
            _decode_closes(closes.value or b"")
            return symbols, _decode_parts(parts.value or b"")
        except DecodeError:
            return None

    async def put_closes(self, closes: PreviousCloses) -> None:
        """Put the closes that a day is measured against.

        Raises:
            BrokerError: not stored.
        """
        await self._put_new(
            self._reference, previous_closes_key(closes.trading_day), encode_json(closes)
        )

    async def put_day(
        self, trading_day: str, symbols: Iterable[SymbolDay], *, complete: bool
    ) -> None:
        """Put what is known of each partition before a day.

        Raises:
            BrokerError: not stored.
        """
        dealt: list[list[SymbolDay]] = [[] for _ in range(self._partitions)]
        for each in symbols:
            dealt[partition_of(symbol_token(each.symbol), self._partitions)].append(each)
        for partition, some in enumerate(dealt):
            key = reference_day_key(trading_day, partition)
            value = encode_msgpack(ReferenceDay(trading_day, partition, complete, some))
            await self._put_new(self._daily, key, value)

    async def put_references(self, references: Collection[Reference]) -> None:
        """Put what people read, some at a time.

        Raises:
            BrokerError: not all are stored.
        """
        changed = [each for each in references if self.references.get(each.symbol) != each]
        for first in range(0, len(changed), _AT_ONCE):
            some = changed[first : first + _AT_ONCE]
            results = await asyncio.gather(
                *(
                    self._reference.put(symbol_token(each.symbol), encode_json(each))
                    for each in some
                ),
                return_exceptions=True,
            )
            for each, result in zip(some, results, strict=True):
                if isinstance(result, BaseException):
                    raise result
                self.references[each.symbol] = each

    async def put_parts(self, parts: LoadedParts) -> None:
        """Say how far a day has come, after what it speaks of.

        Raises:
            BrokerError: not stored.
        """
        await self._put_new(
            self._reference, loaded_parts_key(parts.trading_day), encode_json(parts)
        )

    async def put_curve(self, curve: VolumeCurve) -> None:
        """Put a curve.

        Raises:
            BrokerError: not stored.
        """
        if is_symbol(curve.symbol):
            await self._curves.put(symbol_token(curve.symbol), encode_msgpack(curve))

    async def _put_new(self, bucket: KeyValue, key: str, value: bytes) -> None:
        if self._put.get(key) == value:
            return
        limit_bytes = self._connection.client.max_payload - _HEADERS_BYTES
        if len(value) > limit_bytes:
            if key not in self.too_large:
                self.too_large.add(key)
                self._log.error(
                    "reference.too_large",
                    key=key,
                    size_bytes=len(value),
                    limit_bytes=limit_bytes,
                    advice="raise MESH_PARTITIONS or the broker's max_payload",
                )
            return
        await bucket.put(key, value)
        self.too_large.discard(key)
        self._put[key] = value
