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

from mesh import clock
from mesh.checkpoint import Held
from mesh.connection import Connection, Message, Subscription
from mesh.errors import BrokerError
from mesh.logs import Log
from mesh.publisher import Publisher
from schemas.market import BatchHead, OwnerPositions, Position, Repair
from schemas.naming import (
    MarketClass,
    parse_tape_subject,
    positions_subject,
    tape_subject,
)
from schemas.wire import DecodeError, encode_msgpack
from services.processors.intake import Arrived, Intake
from services.processors.ledger import Ledger
from services.processors.outlet import Outlet
from services.processors.positions import Verdict
from services.processors.repair import from_producer, from_stream
from services.processors.rows import FOLDED
from services.processors.state import Build, PartitionState


_TAPE_AGE_MS = 10_000.0
"""How far back the streams are read for what is missing; they hold half of it."""
_HALTS_AGE_MS = 900_000.0
"""As far as theirs goes: a pause that began while nobody was the owner is not said again for minutes."""
_OVERLAP_MS = 2_000.0
"""A checkpoint is dated by another clock than the stream: read from this long before it."""
_SLICE = 20
"""Batches folded before others get a turn: about a millisecond."""


class Owner:
    """One partition in the hands of this process. `open` takes it over; `close` lets it go.

    Args:
        build: makes the fold of a partition.
        intake_bytes: how much may wait to be folded; None for a lossless feed.
        arrived: set whenever there is something to fold.
    """

    def __init__(
        self,
        connection: Connection,
        publisher: Publisher,
        partition: int,
        build: Build,
        log: Log,
        *,
        intake_bytes: int | None,
        arrived: asyncio.Event,
    ) -> None:
        self.partition = partition
        self.state = PartitionState(build)
        self.intake = Intake(intake_bytes)
        self._connection = connection
        self._build = build
        self._log = log.bind(partition=partition)
        self._lossless = intake_bytes is None
        self._arrived = arrived
        self._outlet = Outlet(connection, publisher, partition)
        self._name = connection.inbox()
        self.ledger = Ledger(connection, partition, self._name)
        self._covered: dict[str, Position] = {}
        self._subscriptions: list[Subscription] = []
        self._gap: Arrived | None = None
        self._final: Arrived | None = None
        self._is_open = self._is_closed = False
        self._unsaved = True
        self._sending = asyncio.Lock()

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
        held = await self.ledger.load()
        self._restore(held)
        await self.checkpoint(confirm=True)
        now_ms, covered_ms = clock.now_ms(), 0.0
        if held.checkpoint is not None:
            covered_ms = held.checkpoint.written_ms - _OVERLAP_MS
        # Halts first: trades are held against the bands of their time.
        await self._replay(MarketClass.HALTS, max(covered_ms, now_ms - _HALTS_AGE_MS))
        since_ms = max(covered_ms, now_ms - _TAPE_AGE_MS)
        others = (each for each in FOLDED if each is not MarketClass.HALTS)
        await asyncio.gather(*(self._replay(market_class, since_ms) for market_class in others))
        self._is_open = True
        self._arrived.set()

    def _restore(self, held: Held) -> None:
        # Every owner writes its checkpoint before it publishes, so the epoch of the next is greater.
        self._outlet.epoch = held.revision + 1
        refused = held.refused
        try:
            state = PartitionState(self._build, held.checkpoint)
            state.rejected = self.state.rejected
            self.state.fold.release()
            self.state = state
        except (ValueError, DecodeError) as error:
            refused = str(error)
        if refused:
            self._log.warning(
                "checkpoint.refused", reason=refused, then="rebuilt from what the tape still holds"
            )

    async def close(self) -> None:
        """Listen no more, and let go of the state."""
        await self._leave()
        if not self._is_closed:
            self._is_closed = True
            self.state.fold.release()

    async def _leave(self) -> None:
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            await self._connection.unsubscribe(subscription)

    async def _on_message(self, message: Message) -> None:
        market_class = parse_tape_subject(message.subject)[0]
        arrived = self.state.read(market_class, message.data)
        if arrived is not None:
            self.intake.put(arrived)
            self._arrived.set()

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
        verdict = self.state.judge(arrived)
        if verdict is Verdict.DUPLICATE:
            return True
        if verdict is Verdict.GAP:
            known = self.intake.is_dropped(market_class, head.epoch, head.number - 1)
            if not (final or known or arrived is self._final):
                return False
            event = "tape.dropped" if known else "tape.gap"
            missing = self.state.give_up(arrived)
            self._log.warning(event, market_class=market_class, events=missing)
        self.state.take(arrived)
        self._unsaved = True
        return True

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
        return self.state.positions.expected(market_class, head.epoch)

    async def _ask_producer(self, market_class: MarketClass, head: BatchHead) -> None:
        first = self._first_missing(market_class, head)
        wanted = Repair(head.epoch, first, head.number - 1)
        for data in await from_producer(self._connection, market_class, self.partition, wanted):
            arrived = self.state.read(market_class, data)
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
            arrived = self.state.read(market_class, data)
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
        self._outlet.repeat()

    async def hand_over(self) -> None:
        """Listen no more, fold and store what is here: the next owner goes on from there without loss.

        Raises:
            FencedError: there is another owner already.
            BrokerError: the last checkpoint is an older one; what followed, the tape still has.
        """
        await self._leave()
        try:
            await self._finish()
        finally:
            await self.close()

    async def _finish(self) -> None:
        while self.work():
            pass
        await self.flush()
        await self.checkpoint()
        await self.put_rows()
        await self.picture()
        await self.show_halts()
        await self.send_alerts()  # if not now, the next owner does it: they are in the checkpoint

    async def flush(self) -> float:
        """Publish the rows that changed since the last flush, if any; the seconds that making them took."""
        if not self._is_open:
            return 0.0
        self.state.fold.settle()
        began_s = clock.monotonic_s()
        rows = self.state.fold.on_flush()
        took_s = clock.monotonic_s() - began_s
        if rows:
            await self._outlet.publish(rows, self.state.take_oldest_ms())
        return took_s

    async def send_alerts(self) -> None:
        """Store the alerts of the rows that were made and are not known to be stored.

        Raises:
            BrokerError: some are still not.
        """
        unsent = self.state.fold.unsent
        if not unsent or not self._is_open or self._sending.locked():
            return
        async with self._sending:
            for alert in list(unsent.values()):
                await self._outlet.alert(alert)
                unsent.pop(alert.id, None)
                self._unsaved = True

    async def show_halts(self) -> None:
        """Put what changed about halts into KV `halts`.

        Raises:
            FencedError: this process is no longer the owner.
        """
        halted = self.state.fold.halted
        if halted and self._is_open:
            await self._confirm()
            for symbol in list(halted):
                await self._outlet.show_halt(halted.pop(symbol))

    async def put_rows(self) -> float:
        """Put each row that changed since the last call into KV `rows`; the seconds that it took.

        Raises:
            FencedError: this process is no longer the owner.
        """
        return await self._outlet.put_rows(self._confirm)

    async def picture(self) -> None:
        """Write the image of all rows, if any changed since the last one.

        Raises:
            FencedError: this process is no longer the owner.
        """
        await self._outlet.picture(self._confirm)

    async def _confirm(self) -> None:
        if not self.ledger.is_fresh:
            await self.checkpoint(confirm=True)

    async def checkpoint(self, *, confirm: bool = False) -> float:
        """Write the checkpoint if anything was folded since the last one, and report what it covers.

        Returns the seconds that making it took.

        Args:
            confirm: write it in any case, to know that this process still is the owner.

        Raises:
            FencedError: this process is no longer the owner.
            BrokerError: not known to be written.
        """
        took_s = 0.0
        if self._unsaved or confirm:
            self._unsaved = False
            try:
                self._covered, took_s = await self.ledger.save(self.state)
            except BrokerError:
                self._unsaved = True
                raise
        report = OwnerPositions(self.partition, self._name, self._covered)
        await self._connection.publish(positions_subject(self.partition), encode_msgpack(report))
        return took_s
