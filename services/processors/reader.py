"""What the owner of a partition folds of the tape: every batch once, in order, and the missing ones asked for.

Live batches come by core subscription into a bounded intake and are folded in turn. When one is not
the next, what lies before it is asked for (`services.processors.repair`) while the later ones wait;
what nobody has any more is discarded: counted, and said. What the intake dropped because the owner
is too slow is not asked for again. The newest batches of a class have none behind them that would
tell that they are missing, so the producer says now and then how far it has come; one that has ended says
nothing, so before the first batch of its successor the stream is read. A lossless
producer sends again whatever no checkpoint covers, so there a gap is only waited for.

A canary (`schemas.naming.CANARY_SYMBOL`) takes the same way, but nothing waits for one: each is the first
batch of a producer of its own, so none is ever missing, and one that was lost is not asked for.
"""

import asyncio
from collections import defaultdict

from msgspec import Raw

from mesh import clock
from mesh.connection import Connection, Message, Subscription
from mesh.errors import BrokerError
from mesh.logs import Log
from mesh.spans import traceparent
from schemas.market import BatchHead, Position, ProducerPositions, Repair
from schemas.naming import MarketClass, heads_subject, parse_tape_subject, tape_subject
from schemas.wire import DecodeError, msgpack_decoder
from services.processors.intake import Arrived, Intake
from services.processors.positions import Verdict
from services.processors.repair import from_producer, from_stream
from services.processors.rows import FOLDED
from services.processors.state import PartitionState


_AGE_MS = defaultdict(lambda: 10_000.0, {MarketClass.HALTS: 900_000.0})
"""How far back the streams are read for what is missing. That of halts is read as far as it goes: a pause
that began while nobody was the owner is not said again for minutes. The others hold half of it."""
_SLICE = 20
"""Batches folded before others get a turn: about a millisecond."""

_decode_heads = msgpack_decoder(ProducerPositions).decode


class Reader:
    """The tape of one *partition*, folded into *state*. `listen` comes first, `catch_up` before `work`.

    Args:
        intake_bytes: how much may wait to be folded; None for a lossless feed.
        arrived: set whenever there is something to fold.
    """

    def __init__(
        self,
        connection: Connection,
        partition: int,
        state: PartitionState,
        log: Log,
        *,
        intake_bytes: int | None,
        arrived: asyncio.Event,
    ) -> None:
        self.state = state
        self.intake = Intake(intake_bytes)
        self._connection = connection
        self._partition = partition
        self._log = log
        self._lossless = intake_bytes is None
        self._arrived = arrived
        self._subscriptions: list[Subscription] = []
        self._gap: Arrived | None = None
        self._final: Arrived | None = None
        self._looked_behind: Arrived | None = None
        """A first batch of a producer, before which the stream was read for the last ones of the producer before."""
        self._ahead: dict[MarketClass, Position] = {}
        """Where the producer was when it last said so, of classes that are not there here."""
        self._is_caught_up = False

    @property
    def gap(self) -> bool:
        """Whether batches are missing: `repair` goes on from there."""
        return self._gap is not None

    async def listen(self) -> None:
        """Let live batches wait from now on."""
        for market_class in (
            *FOLDED,
            MarketClass.CANARY,
        ):  # the fold does not care how they are interleaved
            subject = tape_subject(market_class, self._partition)
            self._subscriptions.append(await self._connection.subscribe(subject, self._on_message))
        heads = heads_subject(self._partition)
        self._subscriptions.append(await self._connection.subscribe(heads, self._on_heads))

    async def leave(self) -> None:
        """Listen no more; what waits can still be folded."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            await self._connection.unsubscribe(subscription)

    async def catch_up(self, covered_ms: float) -> None:
        """Fold what the streams took at or after *covered_ms*, and what waits after it from now on."""
        # Halts first: trades are held against the bands of their time.
        await self._replay(MarketClass.HALTS, covered_ms)
        others = (each for each in FOLDED if each is not MarketClass.HALTS)
        await asyncio.gather(*(self._replay(market_class, covered_ms) for market_class in others))
        self._is_caught_up = True
        self._arrived.set()

    def work(self) -> bool:
        """Fold some of the batches that wait; whether more can be folded at once."""
        if not self._is_caught_up or self._gap is not None:
            return False
        for _ in range(_SLICE):
            arrived = self.intake.first()
            if arrived is None:
                return False
            if self._is_successor(arrived) or not self._fold(arrived):
                self._hold(arrived)
                return False
            if self.intake.first() is arrived:
                self.intake.pop()
        return True

    async def repair(self) -> None:
        """Get what is missing before the batch that waits, or at the end, or give it up."""
        gap = self._gap
        if gap is None:
            return
        market_class, head, _, _ = gap
        if self._is_successor(gap):
            await self._look_behind(gap)
        if not self._lossless and head.number:
            await self._ask_producer(market_class, head)
        if self._first_missing(gap) < head.number:
            await self._replay(market_class, 0.0, upto=head)
        if self._first_missing(gap) < head.number:
            self._do_without(gap)
        self._gap = None
        self._arrived.set()

    async def _look_behind(self, gap: Arrived) -> None:
        """Fold the last batches of the producer before that of *gap*: a gap only if there are any, or *gap* is not the first."""
        self._looked_behind = gap
        covered = self.state.positions.covered()
        await self._replay(gap.market_class, 0.0, upto=gap.head)
        if gap.head.number or self.state.positions.covered() != covered:
            self.state.tally.gaps["missed"] += 1

    def _do_without(self, gap: Arrived) -> None:
        """Nobody has what is missing before *gap*."""
        if self.intake.first() is not gap:
            self._give_up(gap)
        elif self._lossless:
            self.intake.pop()  # it comes again, with what is missing before it
        else:
            self._final = gap

    async def _on_message(self, message: Message) -> None:
        market_class = parse_tape_subject(message.subject)[0]
        arrived = self.state.read(market_class, message.data, traceparent(message.headers))
        if arrived is not None and market_class is MarketClass.CANARY and arrived.head.number:
            self.state.tally.rejected += 1  # it would have the market wait for what was before it
        elif arrived is not None:
            self.intake.put(arrived)
            self._arrived.set()

    async def _on_heads(self, message: Message) -> None:
        """The producer says how far it is: who was not there when it said so last has missed something."""
        try:
            heads = _decode_heads(message.data)
        except DecodeError:
            self.state.tally.rejected += 1
            return
        if not self._is_caught_up or self._gap is not None or self.intake.first() is not None:
            return
        ahead = {
            market_class: position
            for market_class in FOLDED
            if (position := heads.positions.get(str(market_class))) is not None
            and self._is_behind(market_class, position)
        }
        for market_class, position in self._ahead.items():
            if self._is_behind(market_class, position):
                self._miss(_after(market_class, position))
                break  # the other classes are found with what the producer says next
        self._ahead = ahead

    def _miss(self, gap: Arrived) -> None:
        if self._is_dropped(gap):
            self._give_up(gap)
        else:
            self._hold(gap)
            self._arrived.set()

    def _hold(self, gap: Arrived) -> None:
        """Fold nothing before `repair` was there. Before a first batch it is not known yet whether anything is missing."""
        self._gap = gap
        if not self._is_successor(gap):
            self.state.tally.gaps["missed"] += 1

    def _is_behind(self, market_class: MarketClass, position: Position) -> bool:
        verdict = self.state.positions.judge(market_class, position.epoch, position.number)
        return verdict is not Verdict.DUPLICATE

    def _fold(self, arrived: Arrived, *, final: bool = False) -> bool:
        """Fold a batch if it is the next; whether it is dealt with, which with *final* it always is."""
        verdict = self.state.judge(arrived)
        if verdict is Verdict.DUPLICATE:
            self.state.tally.duplicate(arrived.market_class, arrived.head.events)
            return True
        if verdict is Verdict.GAP:
            if not (final or self._is_dropped(arrived) or arrived is self._final):
                return False
            self._give_up(arrived)
        self.state.take(arrived)
        return True

    def _is_successor(self, arrived: Arrived) -> bool:
        """Whether *arrived* is the first that is heard of a producer, and what is behind it was not looked for."""
        return not (
            self._lossless
            or arrived.market_class is MarketClass.CANARY
            or arrived is self._looked_behind
        ) and self.state.positions.is_successor(arrived.market_class, arrived.head.epoch)

    def _is_dropped(self, arrived: Arrived) -> bool:
        """Whether what lies before *arrived* was dropped here."""
        head = arrived.head
        return self.intake.is_dropped(arrived.market_class, head.epoch, head.number - 1)

    def _give_up(self, arrived: Arrived) -> None:
        is_dropped = self._is_dropped(arrived)
        self.state.tally.gaps["dropped" if is_dropped else "lost"] += 1
        missing = self.state.give_up(arrived)
        self._log.warning(
            "tape.dropped" if is_dropped else "tape.gap",
            market_class=arrived.market_class,
            events=missing,
        )

    def _first_missing(self, gap: Arrived) -> int:
        return self.state.positions.expected(gap.market_class, gap.head.epoch)

    async def _ask_producer(self, market_class: MarketClass, head: BatchHead) -> None:
        first = self.state.positions.expected(market_class, head.epoch)
        wanted = Repair(head.epoch, first, head.number - 1)
        for data in await from_producer(self._connection, market_class, self._partition, wanted):
            arrived = self.state.read(market_class, data)
            if arrived is not None:
                self._fold(arrived)

    async def _replay(
        self, market_class: MarketClass, since_ms: float, upto: BatchHead | None = None
    ) -> None:
        """Fold what the stream holds; with *upto* only what comes before that batch."""
        since_ms = max(since_ms, clock.now_ms() - _AGE_MS[market_class])
        try:
            stored = await from_stream(self._connection, market_class, self._partition, since_ms)
        except BrokerError as error:  # it has no leader: the producer remembers, live batches tell
            self._log.warning("tape.unreadable", market_class=market_class, reason=str(error))
            return
        for turn, data in enumerate(stored):
            arrived = self.state.read(market_class, data)
            if arrived is None or (upto is not None and _place(arrived.head) >= _place(upto)):
                continue
            if not self._fold(arrived) and not self._lossless:
                await self._ask_producer(market_class, arrived.head)
                self._fold(arrived, final=True)
            if turn % _SLICE == 0:
                await asyncio.sleep(0)


def _place(head: BatchHead) -> tuple[int, int]:
    """Where a batch is among all of its class and partition, of whatever producers."""
    return head.epoch, head.number


def _after(market_class: MarketClass, position: Position) -> Arrived:
    """What a batch after *position* would be."""
    head = BatchHead(position.epoch, position.number + 1, position.events, 0.0, Raw(b""))
    return Arrived(market_class, head, 0)
