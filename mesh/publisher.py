"""Publishing into streams with every message acknowledged, many on their way at once.

Awaiting each acknowledgement costs a round trip (7,000 messages/s); none at all loses messages
without a word when the server's ingest queue is full. In between: up to *window* messages wait
for their acknowledgement. When the window is full, `publish` waits; or, for a live feed, whose
subscribers get each message whatever the stream does, the oldest is given up: a stream that has
lost its leader is silent for 5 to 8 s, and that must not hold up anything live.
"""

import asyncio
import math
from collections import Counter, deque

import msgspec

from mesh import clock
from mesh.connection import Connection, Message
from mesh.errors import BrokerError
from schemas.wire import Wire


_LOST_AFTER_S = 5.0
_HEADER_BYTES = 256
"""More than the headers of a message take; the server counts them with the payload."""


class _Ack(Wire, frozen=True):
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode_ack = msgspec.json.Decoder(_Ack).decode


class _Sent(msgspec.Struct, frozen=True, gc=False):
    subject: str
    events: int
    at_s: float


class Publisher:
    """A window of unacknowledged messages over one connection; one task publishes.

    Args:
        connection: over which.
        window: how many messages may wait for their acknowledgement.
        waits: whether `publish` waits while they do, or gives the oldest of them up.
    """

    def __init__(self, connection: Connection, window: int = 2000, *, waits: bool = True) -> None:
        self.refused = 0
        """Messages that the stream refused, or whose acknowledgement did not come within 5 s."""
        self.unstored: Counter[str] = Counter()
        """The events in those messages, by subject."""
        self._connection = connection
        self._window = window
        self._waits = waits
        self._waiting: dict[int, _Sent] = {}
        self._order: deque[int] = deque()
        self._number = 0
        self._moved = asyncio.Event()
        self._inbox = connection.inbox()
        self._prefix = len(self._inbox) + 1

    async def start(self) -> None:
        """Listen for acknowledgements; once, before the first `publish`."""
        await self._connection.subscribe(f"{self._inbox}.*", self._on_ack)

    @property
    def unacknowledged(self) -> int:
        """Messages whose acknowledgement has neither come nor been given up."""
        return len(self._waiting)

    async def publish(
        self,
        subject: str,
        payload: bytes,
        events: int = 1,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send a message of so many *events*; waits while the connection is down, or for the window.

        The *headers* are left out where there is no room for them: only traces would miss them.

        Raises:
            BrokerError: it was not sent, and is not waited for.
        """
        if self._waits:
            while len(self._waiting) >= self._window:
                await self._wait()
        else:
            self._give_up(clock.monotonic_s() - _LOST_AFTER_S, self._window - 1)
        self._number += 1
        number = self._number
        self._waiting[number] = _Sent(subject, events, math.inf)
        self._order.append(number)
        try:
            reply = f"{self._inbox}.{number}"
            has_room = len(payload) + _HEADER_BYTES <= self._connection.client.max_payload
            await self._connection.publish(
                subject, payload, reply=reply, headers=headers if has_room else None
            )
        except (BrokerError, asyncio.CancelledError):
            del self._waiting[number]
            raise
        if number in self._waiting:  # the time spent waiting for the connection does not count
            self._waiting[number] = _Sent(subject, events, clock.monotonic_s())

    async def settle(self) -> None:
        """Wait until every message is acknowledged or given up."""
        while self._waiting:
            await self._wait()

    async def _wait(self) -> None:
        self._moved.clear()
        self._give_up(clock.monotonic_s() - _LOST_AFTER_S, self._window)
        try:
            async with asyncio.timeout(_LOST_AFTER_S / 10):
                await self._moved.wait()
        except TimeoutError:
            return

    def _give_up(self, before_s: float, most: int) -> None:
        """Count what was sent before, and the oldest of what is more than *most*, as not stored."""
        while self._order:
            sent = self._waiting.get(self._order[0])
            if sent is not None:
                if sent.at_s >= before_s and len(self._waiting) <= most:
                    return
                del self._waiting[self._order[0]]
                self._count(sent)
                self._moved.set()
            self._order.popleft()

    def _count(self, sent: _Sent) -> None:
        self.refused += 1
        self.unstored[sent.subject] += sent.events

    async def _on_ack(self, message: Message) -> None:
        sent = self._waiting.pop(int(message.subject[self._prefix :]), None)
        if sent is None:
            return
        if _decode_ack(message.data or b"{}").error is not msgspec.UNSET or _no_stream(message):
            self._count(sent)
        while self._order and self._order[0] not in self._waiting:
            self._order.popleft()
        self._moved.set()


def _no_stream(message: Message) -> bool:
    return bool(message.headers) and (message.headers or {}).get("Status") == "503"
