"""The owner of one partition: takes its batches in order, publishes what changes, and checkpoints.

Live batches come by core subscription into a bounded intake and are folded in turn. When one is not
the next, what lies before it is asked for (`services.processors.repair`) while the later ones wait;
what nobody has any more is discarded: counted, and said. What the intake dropped because the owner
is too slow is not asked for again. A lossless producer sends again whatever no checkpoint covers,
so there a gap is only waited for.

The checkpoint is written by compare-and-set, so that an owner that was paused and replaced is
refused (`FencedError`) when it wakes up; `services.processors.outlet` says how its outputs are.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from mesh import clock
from mesh.checkpoint import Checkpoint, Checkpoints, Held
from mesh.connection import Connection, Message, Subscription
from mesh.errors import BrokerError, FencedError
from mesh.logs import Log
from mesh.processor import Processor
from mesh.publisher import Publisher
from schemas.checkpoint import Counts
from schemas.market import Bar, BatchHead, OwnerPositions, Position, Print, Repair
from schemas.naming import (
    MarketClass,
    parse_tape_subject,
    positions_subject,
    tape_subject,
)
from schemas.wire import DecodeError, encode_msgpack, msgpack_decoder
from services.processors.intake import Arrived, Intake
from services.processors.outlet import Outlet
from services.processors.positions import Positions, Verdict
from services.processors.repair import from_producer, from_stream
from services.processors.rows import FOLDED, Closes, RowFold


Decode = Callable[[Any], list[Any]]

_decode_head = msgpack_decoder(BatchHead).decode
_DECODE: dict[MarketClass, Decode] = {
    MarketClass.BARS: msgpack_decoder(list[Bar]).decode,
    MarketClass.MINUTES: msgpack_decoder(list[Bar]).decode,
    MarketClass.TRADES: msgpack_decoder(list[Print]).decode,
}
_TAPE_AGE_MS = 10_000.0
"""How far back the streams are read for what is missing; they hold half of it."""
_OVERLAP_MS = 2_000.0
"""A checkpoint is dated by another clock than the stream: read from this long before it."""
_SLICE = 20
"""Batches folded before others get a turn: about a millisecond."""
_CONFIRMED_S = 1.5
"""How long an owner may believe that it still is one; another takes over only after a longer silence."""


class Owner:
    """One partition in the hands of this process. `open` takes it over; `close` lets it go.

    Args:
        intake_bytes: how much may wait to be folded; None for a lossless feed.
        arrived: set whenever there is something to fold.
    """

    def __init__(
        self,
        connection: Connection,
        publisher: Publisher,
        partition: int,
        closes: Closes,
        log: Log,
        *,
        intake_bytes: int | None,
        arrived: asyncio.Event,
    ) -> None:
        self.partition = partition
        self.fold: Processor = RowFold(None, closes)
        self.discarded: Counter[MarketClass] = Counter()
        """Events that were lost for good, by class: nothing holds their batches any more."""
        self.rejected = 0
        """Messages that could not be decoded; the events in them count as discarded."""
        self.intake = Intake(intake_bytes)
        self._connection = connection
        self._closes = closes
        self._log = log.bind(partition=partition)
        self._lossless = intake_bytes is None
        self._arrived = arrived
        self._checkpoints = Checkpoints(connection)
        self._outlet = Outlet(connection, publisher, partition)
        self._name = connection.inbox()
        self._positions = Positions()
        self._revision = 0
        self._oldest_ms = 0.0
        self._confirmed_s = 0.0
        self._saving = asyncio.Lock()
        self._subscriptions: list[Subscription] = []
        self._gap: Arrived | None = None
        self._final: Arrived | None = None
        self._is_open = False
        self._unsaved = True

    @property
    def gap(self) -> bool:
        """Whether batches wait for what is missing before them: `repair` goes on from there."""
        return self._gap is not None

    async def open(self) -> None:
        """Take the partition over: listen, load its checkpoint, fence the former owner, catch up.

        Raises:
            FencedError: another process took it over at the same moment.
            BrokerError: the broker does not answer; `close` it, nothing was published.
        """
        for market_class in FOLDED:  # the fold does not care how the classes are interleaved
            subject = tape_subject(market_class, self.partition)
            self._subscriptions.append(await self._connection.subscribe(subject, self._on_message))
        held = await self._checkpoints.load(self.partition)
        self._restore(held)
        await self.checkpoint(confirm=True)
        since_ms = clock.now_ms() - _TAPE_AGE_MS
        if held.checkpoint is not None:
            since_ms = max(since_ms, held.checkpoint.written_ms - _OVERLAP_MS)
        await asyncio.gather(*(self._replay(market_class, since_ms) for market_class in FOLDED))
        self._is_open = True
        self._arrived.set()

    def _restore(self, held: Held) -> None:
        self._revision = held.revision
        # Every owner writes its checkpoint before it publishes, so the epoch of the next is greater.
        self._outlet.epoch = held.revision + 1
        refused = held.refused
        if held.checkpoint is not None:
            try:
                positions = Positions(held.checkpoint.positions)
                self.fold = RowFold(held.checkpoint.snapshot, self._closes)
                self._positions = positions
                discarded = held.checkpoint.counts.discarded
                self.discarded = Counter({MarketClass(key): n for key, n in discarded.items()})
            except (ValueError, DecodeError) as error:
                refused = str(error)
        if refused:
            self._log.warning(
                "checkpoint.refused", reason=refused, then="rebuilt from what the tape still holds"
            )

    async def close(self) -> None:
        """Listen no more."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            await self._connection.unsubscribe(subscription)

    async def _on_message(self, message: Message) -> None:
        market_class = parse_tape_subject(message.subject)[0]
        arrived = self._read(market_class, message.data)
        if arrived is not None:
            self.intake.put(arrived)
            self._arrived.set()

    def _read(self, market_class: MarketClass, data: bytes) -> Arrived | None:
        try:
            return Arrived(market_class, _decode_head(data), len(data))
        except DecodeError:
            self.rejected += 1
            return None

    def work(self) -> bool:
        """Fold some of the batches that wait; whether more can be folded at once."""
        if not self._is_open or self._gap is not None:
            return False
        for _ in range(_SLICE):
            arrived = self.intake.first()
            if arrived is None:
                return False
            if not self._fold(arrived):
                self._gap = arrived
                return False
            if self.intake.first() is arrived:
                self.intake.pop()
        return True

    def _fold(self, arrived: Arrived, *, final: bool = False) -> bool:
        """Fold a batch if it is the next; whether it is dealt with, which with *final* it always is."""
        market_class, head, _ = arrived
        verdict = self._positions.judge(market_class, head.epoch, head.number)
        if verdict is Verdict.DUPLICATE:
            return True
        if verdict is Verdict.GAP:
            known = self.intake.is_dropped(market_class, head.epoch, head.number - 1)
            if not (final or known or arrived is self._final):
                return False
            self._count_gap(market_class, head, known=known)
        try:
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

    def _count_gap(self, market_class: MarketClass, head: BatchHead, *, known: bool) -> None:
        missing = self._positions.missing(market_class, head.epoch, head.before)
        self.discarded[market_class] += missing
        self._log.warning(
            "tape.dropped" if known else "tape.gap", market_class=market_class, events=missing
        )

    async def repair(self) -> None:
        """Get what is missing before the batch that waits, or give it up."""
        gap = self._gap
        if gap is None:
            return
        market_class, head, _ = gap
        if not self._lossless:
            await self._ask_producer(market_class, head)
        if self._first_missing(market_class, head) < head.number:
            await self._replay(market_class, clock.now_ms() - _TAPE_AGE_MS, upto=head)
        if self._first_missing(market_class, head) < head.number:
            if self._lossless:
                if self.intake.first() is gap:
                    self.intake.pop()  # it comes again, with what is missing before it
            else:
                self._final = gap
        self._gap = None
        self._arrived.set()

    def _first_missing(self, market_class: MarketClass, head: BatchHead) -> int:
        return self._positions.expected(market_class, head.epoch)

    async def _ask_producer(self, market_class: MarketClass, head: BatchHead) -> None:
        first = self._first_missing(market_class, head)
        wanted = Repair(head.epoch, first, head.number - 1)
        for data in await from_producer(self._connection, market_class, self.partition, wanted):
            arrived = self._read(market_class, data)
            if arrived is not None:
                self._fold(arrived)

    async def _replay(
        self, market_class: MarketClass, since_ms: float, upto: BatchHead | None = None
    ) -> None:
        """Fold what the stream holds; with *upto* only what comes before that batch."""
        try:
            stored = await from_stream(self._connection, market_class, self.partition, since_ms)
        except BrokerError as error:  # it has no leader: the producer remembers, live batches tell
            self._log.warning("tape.unreadable", market_class=market_class, reason=str(error))
            return
        for turn, data in enumerate(stored):
            arrived = self._read(market_class, data)
            if arrived is None or (upto is not None and arrived.head.number >= upto.number):
                continue
            if not self._fold(arrived) and not self._lossless:
                await self._ask_producer(market_class, arrived.head)
                self._fold(arrived, final=True)
            if turn % _SLICE == 0:
                await asyncio.sleep(0)

    def begin_anew(self) -> None:
        """The connection came back: what was put before may be lost, so all of it is put again."""
        self._unsaved = True
        self._outlet.repeat(self.fold.rows())

    def counts(self) -> Counts:
        """What became of the events so far."""
        return Counts(
            {str(name): count for name, count in self.fold.folded.items()},
            {str(name): count for name, count in self.fold.late.items()},
            {str(name): self.discarded[name] for name in FOLDED},
        )

    async def hand_over(self) -> None:
        """Listen no more, fold and store what is here: the next owner goes on from there without loss.

        Raises:
            FencedError: there is another owner already.
            BrokerError: the last checkpoint is an older one; what followed, the tape still has.
        """
        await self.close()
        while self.work():
            pass
        await self.flush()
        await self.checkpoint()
        await self.put_rows()
        await self.picture()

    async def flush(self) -> None:
        """Publish the rows that changed since the last flush, if any."""
        rows = self.fold.on_flush() if self._is_open else []
        if rows:
            received_ms, self._oldest_ms = self._oldest_ms, 0.0
            await self._outlet.publish(rows, received_ms)

    async def put_rows(self) -> None:
        """Put each row that changed since the last call into KV `rows`.

        Raises:
            FencedError: this process is no longer the owner.
        """
        await self._outlet.put_rows(self._confirm)

    async def picture(self) -> None:
        """Write the image of all rows, if any changed since the last one.

        Raises:
            FencedError: this process is no longer the owner.
        """
        await self._outlet.picture(self.fold.rows, self._confirm)

    async def _confirm(self) -> None:
        if clock.monotonic_s() - self._confirmed_s > _CONFIRMED_S:
            await self.checkpoint(confirm=True)

    async def checkpoint(self, *, confirm: bool = False) -> None:
        """Write the checkpoint if anything was folded since the last one, and report what it covers.

        Args:
            confirm: write it in any case, to know that this process still is the owner.

        Raises:
            FencedError: this process is no longer the owner.
            BrokerError: not known to be written.
        """
        async with self._saving:
            covered = self._positions.covered()
            if self._unsaved or confirm:
                self._unsaved = False
                asked_s = clock.monotonic_s()
                try:
                    await self._save(covered)
                except BrokerError:
                    self._unsaved = True
                    raise
                self._confirmed_s = asked_s
        report = OwnerPositions(self.partition, self._name, covered)
        await self._connection.publish(positions_subject(self.partition), encode_msgpack(report))

    async def _save(self, covered: dict[str, Position]) -> None:
        checkpoint = Checkpoint(
            self._name, covered, clock.now_ms(), self.counts(), self.fold.snapshot()
        )
        try:
            self._revision = await self._checkpoints.save(
                self.partition, checkpoint, self._revision
            )
        except FencedError:
            # A write whose acknowledgement was lost also moved the revision: then the last writer is ourselves.
            held = await self._checkpoints.load(self.partition)
            if held.checkpoint is None or held.checkpoint.owner != self._name:
                raise
            self._revision = await self._checkpoints.save(self.partition, checkpoint, held.revision)
