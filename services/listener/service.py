"""The program `listener`: from the vendor's socket to the tape's subjects."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from secrets import SystemRandom

from mesh import clock, topology
from mesh.backoff import delays_s
from mesh.checkpoint import Checkpoints
from mesh.config import Settings
from mesh.connection import Connection, Message, open_connection
from mesh.errors import BrokerError
from mesh.lifecycle import Counters, Lifecycle
from mesh.logs import Log
from mesh.publisher import Publisher
from schemas.market import BatchHead, OwnerPositions
from schemas.massive import Status
from schemas.naming import MarketClass, parse_tape_subject, tape_subject
from schemas.wire import encode_msgpack, msgpack_decoder
from services.listener.feed import Frames, Subscriptions, follow
from services.listener.frames import Lot, Splitter
from services.listener.repair import Repairs
from services.listener.ring import Ring
from services.listener.window import Sent, Window


_FLUSH_S = 0.02
"""Longest wait of an event for its batch: half the messages of 10 ms, a tenth of what a flush takes."""
_FLUSH_EVENTS = 4000
_PATIENCE_S = 3.0
_TICK_S = 0.5
_DRAIN_S = 20.0
_CONFIRM_S = 5.0
_RING_S = 10.0
_LIVE_WINDOW = 50_000
"""Acknowledgements that a live feed hopes for at most: 5 s of a busy one, 10 MB."""

_decode_report = msgpack_decoder(OwnerPositions).decode


class Listener:
    """Cuts frames into numbered batches and publishes them, losslessly or freshest first."""

    def __init__(self, settings: Settings, connection: Connection, log: Log) -> None:
        self.frames = Frames(settings.queue_mb << 20, lossless=settings.lossless)
        self.subscriptions = Subscriptions(settings.subscriptions)
        self.splitter = Splitter(settings.partitions, live=settings.source == "live")
        self.published: Counter[MarketClass] = Counter()
        self.resent = 0
        self.publisher = (
            Publisher(connection)
            if settings.lossless
            else Publisher(connection, _LIVE_WINDOW, waits=False)
        )
        self._epoch = int(clock.now_ms())
        self._window = Window(self._epoch, _PATIENCE_S) if settings.lossless else None
        self._ring = Ring(settings.ring_mb << 20, _RING_S)
        held = (self._window or self._ring).held
        self.repairs = Repairs(connection, self._epoch, held, log)
        self._unsent: Counter[MarketClass] = Counter()
        self._away_s = 0.0
        self._most_events = settings.window_events
        self._numbers: Counter[tuple[MarketClass, int]] = Counter()
        self._events: Counter[tuple[MarketClass, int]] = Counter()
        self._connection = connection
        self._log = log
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
            self.frames.discarded[lot.market_class] += lot.events
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
        number, before = self._numbers[key], self._events[key]
        payload = encode_msgpack(
            BatchHead(self._epoch, number, before, lot.received_ms, lot.encoded)
        )
        sent = Sent(*key, number, lot.events, payload)
        if self._window is None and len(payload) > self._connection.client.max_payload:
            self._log.warning("tape.unpublished", reason="too large", size_bytes=len(payload))
            self.frames.discarded[lot.market_class] += sent.events
            return
        self._numbers[key] += 1
        self._events[key] += sent.events
        if self._window is not None:
            self._window.add(sent, clock.monotonic_s())
        else:
            self._ring.add(sent, clock.monotonic_s() - self._away_s)
        # What a live feed failed to send is in the ring under its number: its owner will ask for it.
        if await self._send(sent) or self._window is None:
            self.published[lot.market_class] += sent.events

    async def _until_connected(self) -> None:
        """Wait for the connection; that time ages nothing in the ring, for nobody could ask."""
        connected = self._connection.connected
        if not connected.is_set():
            began_s = clock.monotonic_s()
            await connected.wait()
            self._away_s += clock.monotonic_s() - began_s

    async def _send(self, sent: Sent) -> bool:
        subject = tape_subject(sent.market_class, sent.partition)
        try:
            await self.publisher.publish(subject, sent.payload, sent.events)
        except BrokerError as error:
            self._unsent[sent.market_class] += sent.events
            self._log.warning("tape.unpublished", reason=str(error))
            return False
        return True

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


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Follow the feed until told to stop; then publish the rest and return what came and went."""
    async with open_connection(settings, "listener", lifecycle.log) as connection:
        await topology.keep(connection, settings.replicas)
        await Checkpoints(connection).require_partitions(settings.partitions)
        listener = Listener(settings, connection, lifecycle.log)
        await listener.start()
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(listener.run())
            announcing = tasks.create_task(
                _announce(lifecycle, listener.subscriptions, settings.feed)
            )
            await follow(settings, lifecycle, listener.subscriptions, listener.frames.put, _delays)
            announcing.cancel()
            listener.frames.end()
            await asyncio.wait({publishing}, timeout=_DRAIN_S)
            publishing.cancel()
        listener.discard_rest()
        return _counters(listener)


def _delays() -> Iterator[float]:
    return delays_s(0.5, 30.0, SystemRandom().random)


async def _announce(lifecycle: Lifecycle, subscriptions: Subscriptions, feed: str) -> None:
    """Ready with the first confirmation; after a while, say which channels the vendor left unanswered."""
    await subscriptions.answered.wait()
    lifecycle.ready(feed=feed, subscriptions=",".join(subscriptions.asked))
    await asyncio.sleep(_CONFIRM_S)
    if subscriptions.confirmed and subscriptions.unconfirmed:
        lifecycle.log.warning("feed.unconfirmed", channels=subscriptions.unconfirmed)


def _counters(listener: Listener) -> Counters:
    return {
        "received": {
            str(name): count for name, count in sorted(listener.splitter.received.items())
        },
        "published": {str(name): count for name, count in sorted(listener.published.items())},
        "discarded": {
            str(name): count for name, count in sorted(listener.frames.discarded.items())
        },
        "rejected": listener.splitter.rejected,
        "resent_batches": listener.resent,
        "repaired_batches": listener.repairs.batches,
        "unstored": {str(name): count for name, count in sorted(listener.unstored.items())},
    }
