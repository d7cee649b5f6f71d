"""From the vendor's frames to numbered batches on the tape's subjects."""

import asyncio
from collections import Counter, deque
from contextlib import suppress

from mesh import clock
from mesh.connection import Connection, Message
from mesh.errors import BrokerError
from mesh.logs import Log
from mesh.meters import Distribution
from mesh.publisher import Publisher
from mesh.settings import Settings
from mesh.spans import TAPE_TEMPLATE, Spans
from mesh.tasks import ticks
from schemas.market import BatchHead, OwnerPositions
from schemas.massive import Status
from schemas.naming import MarketClass, heads_subject, parse_tape_subject, tape_subject
from schemas.wire import encode_msgpack, msgpack_decoder
from services.listener.frames import Lot, Splitter
from services.listener.numbers import Numbers
from services.listener.repair import Repairs
from services.listener.ring import Ring
from services.listener.waiting import Frames
from services.listener.window import Sent, Window


_FLUSH_S = 0.02
"""Longest wait of an event for its batch: half the messages of 10 ms, a tenth of what a flush takes."""
_FLUSH_EVENTS = 4000
_PATIENCE_S = 3.0
_TICK_S = 0.5
_RING_S = 10.0
_HEADS_S = 1.0
_LIVE_WINDOW = 50_000
"""Acknowledgements that a live feed hopes for at most: 5 s of a busy one, 10 MB."""

_decode_report = msgpack_decoder(OwnerPositions).decode


class Listener:
    """Cuts frames into numbered batches and publishes them, losslessly or freshest first."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        log: Log,
        lag: Distribution | None = None,
        spans: Spans | None = None,
    ) -> None:
        self.frames = Frames(settings.queue_mb << 20, lossless=settings.lossless)
        self.splitter = Splitter(settings.partitions, live=settings.source == "live", lag=lag)
        self.published: Counter[MarketClass] = Counter()
        self.unpublished: Counter[MarketClass] = Counter()
        """Events in batches that were never sent: too large, or not in time before the end."""
        self.resent = 0
        self.publisher = (
            Publisher(connection)
            if settings.lossless
            else Publisher(connection, _LIVE_WINDOW, waits=False)
        )
        self._numbers = Numbers(int(clock.now_ms()))
        self._window = Window(self._numbers.epoch, _PATIENCE_S) if settings.lossless else None
        self._ring = Ring(settings.ring_mb << 20, _RING_S)
        held = (self._window or self._ring).held
        self.repairs = Repairs(connection, self._numbers.epoch, held, log)
        self._unsent: Counter[MarketClass] = Counter()
        self._away_s = 0.0
        self._most_events = settings.window_events
        self._connection = connection
        self._log = log
        self._spans = spans
        self._moved = asyncio.Event()
        self._again: list[Sent] = []
        self._lots: deque[Lot] = deque()
        self._ended = False

    async def start(self) -> None:
        """Listen for acknowledgements, for requests of batches and, if lossless, for what the owners' checkpoints cover."""
        await self.publisher.start()
        await self.repairs.start()
        if self._window is not None:
            await self._connection.subscribe("positions.*", self._on_report)

    async def run(self) -> None:
        """Publish what arrives until no more frames come; if lossless, until checkpoints cover all of it."""
        while self.frames.waiting or not self.frames.ended:
            await self._turn()
        while self._window is not None and self._window.events:
            await self._wait_for_owners()
        await self.publisher.settle()

    @property
    def discarded(self) -> Counter[MarketClass]:
        """Events that came and were dropped."""
        return self.frames.discarded + self.unpublished

    @property
    def unstored(self) -> Counter[MarketClass]:
        """Events that no stream has acknowledged; whoever listened has heard of them all the same."""
        counts = self._unsent.copy()
        for subject, events in self.publisher.unstored.items():
            counts[parse_tape_subject(subject)[0]] += events
        return counts

    def discard_rest(self) -> None:
        """Count what could not be published before the end."""
        self.frames.discard()
        for lot in (*self._lots, *self.splitter.take()):
            self.unpublished[lot.market_class] += lot.events
        self._lots.clear()

    async def _turn(self) -> None:
        await asyncio.sleep(
            0
        )  # catching up, nothing else here ever waits: acknowledgements and health would
        await self.frames.wait(_TICK_S)
        began_s = clock.monotonic_s()
        while self.splitter.waiting < _FLUSH_EVENTS and clock.monotonic_s() - began_s < _FLUSH_S:
            frame = self.frames.pop()
            if frame is not None:
                for status in self.splitter.add(*frame):
                    self._on_status(status)
            elif self.splitter.waiting and not self.frames.ended:
                await self.frames.wait(_FLUSH_S)
            else:
                break
        self._lots.extend(self.splitter.take())
        while self._lots:
            await self._publish(self._lots[0])
            self._lots.popleft()
        await self._resend()
        if self._ended and not self.frames.waiting and not (self._window and self._window.events):
            self._ended = False
            self._log.info("tape.ended")

    async def _publish(self, lot: Lot) -> None:
        while self._window is not None and self._window.events >= self._most_events:
            await self._wait_for_owners()
        await self._until_connected()
        key = (lot.market_class, lot.partition)
        number, before = self._numbers.next(*key)
        payload = encode_msgpack(
            BatchHead(self._numbers.epoch, number, before, lot.received_ms, lot.encoded)
        )
        sent = Sent(*key, number, lot.events, payload)
        if self._window is None and len(payload) > self._connection.client.max_payload:
            self._log.warning("tape.unpublished", reason="too large", size_bytes=len(payload))
            self.unpublished[lot.market_class] += sent.events
            return
        self._numbers.count(*key, sent.events)
        if self._window is not None:
            self._window.add(sent, clock.monotonic_s())
        else:
            self._ring.add(sent, clock.monotonic_s() - self._away_s)
        # What could not be sent is held under its number: its owner will ask for it, or it is sent again.
        if self._spans is not None and self._spans.is_due():
            await self._send_traced(self._spans, sent)
        else:
            await self._send(sent)
        self.published[lot.market_class] += sent.events

    async def tell(self) -> None:
        """Say how far each partition is, for ever: the newest batches of a live feed have none behind them.

        A lossless one sends again what is not covered, without being asked.
        """
        async for _ in ticks(_HEADS_S):
            await self.say_heads()

    async def say_heads(self) -> None:
        """Say it once: at the end for the last time, or whoever missed the last batch would never know."""
        if self._window is None and self._connection.connected.is_set():
            for heads in self._numbers.heads():
                with suppress(BrokerError):  # it is said again, or the next of us is heard
                    await self._connection.publish(
                        heads_subject(heads.partition), encode_msgpack(heads)
                    )

    async def _until_connected(self) -> None:
        """Wait for the connection; that time ages nothing in the ring, for nobody could ask."""
        connected = self._connection.connected
        if not connected.is_set():
            began_s = clock.monotonic_s()
            await connected.wait()
            self._away_s += clock.monotonic_s() - began_s

    async def _send_traced(self, spans: Spans, sent: Sent) -> None:
        with spans.span(
            "send",
            TAPE_TEMPLATE,
            destination__name=tape_subject(sent.market_class, sent.partition),
            destination__partition__id=str(sent.partition),
            batch__message_count=sent.events,
        ) as headers:
            await self._send(sent, headers)

    async def _send(self, sent: Sent, headers: dict[str, str] | None = None) -> None:
        subject = tape_subject(sent.market_class, sent.partition)
        try:
            await self.publisher.publish(subject, sent.payload, sent.events, headers)
        except BrokerError as error:
            self._unsent[sent.market_class] += sent.events
            self._log.warning("tape.unpublished", reason=str(error))

    async def _wait_for_owners(self) -> None:
        self._moved.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_TICK_S):
                await self._moved.wait()
        await self._resend()

    async def _resend(self) -> None:
        if self._window is None:
            return
        again = self._again + self._window.overdue(clock.monotonic_s())
        self._again = []
        for sent in again:
            await self._send(sent)
        if again:
            self.resent += len(again)
            self._log.warning("tape.resent", batches=len(again))

    async def _on_report(self, message: Message) -> None:
        if self._window is not None:
            self._again += self._window.on_report(_decode_report(message.data), clock.monotonic_s())
            self._moved.set()

    def _on_status(self, status: Status) -> None:
        if status.status == "end_of_tape":
            self._ended = True
        elif status.status != "success":
            self._log.warning("feed.said", status=status.status, message=status.message)
