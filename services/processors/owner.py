"""The owner of one partition: takes its batches in order, publishes what changes, and checkpoints.

Live batches come by core subscription and are folded as they come. What is missing (after a start,
or when a number was skipped) is read from the streams while live batches wait; what the streams no
longer hold is a gap, which is counted and said. A lossless producer sends again whatever no
checkpoint covers, so there a gap is only waited for.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from mesh import clock, direct
from mesh.checkpoint import Checkpoint, Checkpoints, Held
from mesh.connection import Connection, Message
from mesh.errors import BrokerError, FencedError
from mesh.kv import KeyValue
from mesh.logs import Log
from mesh.processor import Processor
from mesh.publisher import Publisher
from schemas.leaderboard import Image, RowsBatch, public_row
from schemas.market import Bar, BatchHead, OwnerPositions, Position, Trade
from schemas.naming import (
    Bucket,
    MarketClass,
    parse_tape_subject,
    partition_token,
    positions_subject,
    rows_subject,
    symbol_token,
    tape_stream,
    tape_subject,
)
from schemas.wire import DecodeError, encode_json, encode_msgpack, msgpack_decoder
from services.processors.positions import Positions, Verdict
from services.processors.rows import FOLDED, Closes, RowFold


Decode = Callable[[Any], list[Any]]

_decode_head = msgpack_decoder(BatchHead).decode
_DECODE: dict[MarketClass, Decode] = {
    MarketClass.BARS: msgpack_decoder(list[Bar]).decode,
    MarketClass.MINUTES: msgpack_decoder(list[Bar]).decode,
    MarketClass.TRADES: msgpack_decoder(list[Trade]).decode,
}
_TAPE_AGE_MS = 10_000.0
"""How far back the streams are read for what is missing; they hold half of it."""


class Owner:
    """One partition in the hands of this process. `open` takes it over; then one task drives it."""

    def __init__(
        self,
        connection: Connection,
        publisher: Publisher,
        partition: int,
        closes: Closes,
        log: Log,
        *,
        lossless: bool,
    ) -> None:
        self.partition = partition
        self.fold: Processor = RowFold(None, closes)
        self.discarded: Counter[MarketClass] = Counter()
        """Events that were lost for good, by class: nothing holds their batches any more."""
        self.rejected = 0
        """Messages that could not be decoded; the events in them count as discarded."""
        self._connection = connection
        self._publisher = publisher
        self._closes = closes
        self._log = log.bind(partition=partition)
        self._lossless = lossless
        self._checkpoints = Checkpoints(connection)
        self._rows_kv = KeyValue(connection, Bucket.ROWS)
        self._images = KeyValue(connection, Bucket.IMAGES)
        self._name = connection.inbox()
        self._positions = Positions()
        self._epoch = 0
        self._revision = 0
        self._number = 0
        self._oldest_ms = 0.0
        self._waiting: deque[tuple[MarketClass, bytes]] | None = deque()
        self._repair_needed = True
        self._unsaved = True
        self._unpictured = True
        self._unput: dict[str, Any] = {}

    @property
    def repairing(self) -> bool:
        """Whether live batches wait for what is missing before them."""
        return self._waiting is not None

    async def open(self) -> None:
        """Take the partition over: load its checkpoint, fence the former owner, listen, catch up.

        Raises:
            FencedError: another process took it over at the same moment.
        """
        held = await self._checkpoints.load(self.partition)
        self._restore(held)
        for market_class in FOLDED:  # the fold does not care how the classes are interleaved
            await self._connection.subscribe(
                tape_subject(market_class, self.partition), self._on_message
            )
        await self.checkpoint()
        await self.repair()

    def _restore(self, held: Held) -> None:
        self._revision = held.revision
        self._epoch = (
            held.revision + 1
        )  # every owner writes before it publishes, so the next one's is greater
        refused = held.refused
        if held.checkpoint is not None:
            try:
                positions = Positions(held.checkpoint.positions)
                self.fold = RowFold(held.checkpoint.snapshot, self._closes)
                self._positions = positions
            except (ValueError, DecodeError) as error:
                refused = str(error)
        if refused:
            self._log.warning(
                "checkpoint.refused", reason=refused, then="rebuilt from what the tape still holds"
            )

    async def _on_message(self, message: Message) -> None:
        self._take(parse_tape_subject(message.subject)[0], message.data)

    def _take(self, market_class: MarketClass, data: bytes) -> None:
        if market_class not in FOLDED:
            return
        if self._waiting is not None:
            self._waiting.append((market_class, data))
        elif not self._fold(market_class, data, final=False):
            self._waiting = deque([(market_class, data)])
            self._repair_needed = True

    def _fold(self, market_class: MarketClass, data: bytes, *, final: bool) -> bool:
        """Fold a batch if it is the next; whether it could be dealt with, which with *final* it always can."""
        try:
            head = _decode_head(data)
            verdict = self._positions.judge(market_class, head.epoch, head.number)
            if verdict is Verdict.DUPLICATE:
                return True
            if verdict is Verdict.GAP:
                if not final:
                    return False
                if self._lossless:
                    return True  # it comes again, with what is missing before it
                self._count_gap(market_class, head)
            events = _DECODE[market_class](head.events)
        except DecodeError:
            self.rejected += 1
            return True  # the next batch says how many events were in it
        self.fold.on_batch(market_class, events)
        position = Position(head.epoch, head.number, head.before + len(events))
        self._positions.advance(market_class, position)
        self._oldest_ms = min(self._oldest_ms or head.received_ms, head.received_ms)
        self._unsaved = True
        return True

    def _count_gap(self, market_class: MarketClass, head: BatchHead) -> None:
        missing = self._positions.missing(market_class, head.epoch, head.before)
        self.discarded[market_class] += missing
        self._log.warning("tape.gap", market_class=market_class, events=missing)

    async def repair(self) -> None:
        """Read what is missing from the streams, then go on with the live batches that waited."""
        if not self._repair_needed:
            return
        self._repair_needed = False
        since_ms = clock.now_ms() - _TAPE_AGE_MS
        for market_class in FOLDED:
            subject = tape_subject(market_class, self.partition)
            try:
                stored = await direct.since(
                    self._connection, tape_stream(market_class), subject, since_ms
                )
            except BrokerError as error:
                self._log.warning("tape.unreadable", market_class=market_class, reason=str(error))
                continue
            for message in stored:
                self._fold(market_class, message.payload, final=not self._lossless)
        waiting, self._waiting = self._waiting or deque(), None
        for market_class, data in waiting:
            self._fold(market_class, data, final=True)

    async def flush(self) -> None:
        """Publish the rows that changed since the last flush, if any."""
        rows = self.fold.on_flush()
        if not rows:
            return
        self._number += 1
        batch = RowsBatch(self.partition, self._epoch, self._number, self._oldest_ms, rows)
        self._oldest_ms = 0.0
        self._unpictured = True
        self._unput.update((row.symbol, row) for row in rows)
        await self._publisher.publish(rows_subject(self.partition), encode_msgpack(batch))

    async def put_rows(self) -> None:
        """Put each row that changed since the last call into KV `rows`."""
        rows, self._unput = self._unput, {}
        for symbol, row in rows.items():
            await self._rows_kv.put_unconfirmed(symbol_token(symbol), encode_json(public_row(row)))

    async def picture(self) -> None:
        """Write the image of all rows, if any changed since the last one."""
        if self._unpictured:
            self._unpictured = False
            image = Image(
                self.partition, self._epoch, self._number, clock.now_ms(), self.fold.rows()
            )
            await self._images.put(partition_token(self.partition), encode_msgpack(image))

    async def checkpoint(self) -> None:
        """Write the checkpoint if anything was folded since the last one, and report what it covers.

        Raises:
            FencedError: this process is no longer the owner.
        """
        covered = self._positions.covered()
        if self._unsaved:
            await self._save(Checkpoint(self._name, covered, clock.now_ms(), self.fold.snapshot()))
        report = OwnerPositions(self.partition, self._name, covered)
        await self._connection.publish(positions_subject(self.partition), encode_msgpack(report))

    async def _save(self, checkpoint: Checkpoint) -> None:
        try:
            self._revision = await self._checkpoints.save(
                self.partition, checkpoint, self._revision
            )
        except FencedError:
            # A write whose acknowledgement was lost also moved the revision: then the last writer is ourselves.
            held = await self._checkpoints.load(self.partition)
            if held.checkpoint is None or held.checkpoint.owner != self._name:
                raise
            self._revision = held.revision
            return
        self._unsaved = False
