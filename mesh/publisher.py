"""Publishing into streams with every message acknowledged, many on their way at once.

Awaiting each acknowledgement costs a round trip (7,000 messages/s); none at all loses messages
without a word when the server's ingest queue is full. In between: up to *window* messages wait
for their acknowledgement, and `publish` waits while the window is full.
"""

import asyncio
import math
from collections import deque

import msgspec

from mesh import clock
from mesh.connection import Connection, Message
from mesh.errors import BrokerError
from schemas.wire import Wire


_LOST_AFTER_S = 5.0


class _Ack(Wire, frozen=True):
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode_ack = msgspec.json.Decoder(_Ack).decode


class Publisher:
    """A window of unacknowledged messages over one connection; one task publishes."""

    def __init__(self, connection: Connection, window: int = 2000) -> None:
        self.refused = 0
        """Messages that the stream refused, or whose acknowledgement did not come within 5 s."""
        self._connection = connection
        self._window = window
        self._waiting: dict[int, float] = {}
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

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send a message; waits while the window is full or the connection is down.

        Raises:
            BrokerError: it was not sent, and is not waited for.
        """
        while len(self._waiting) >= self._window:
            await self._wait()
        self._number += 1
        number = self._number
        self._waiting[number] = math.inf
        self._order.append(number)
        try:
            await self._connection.publish(subject, payload, reply=f"{self._inbox}.{number}")
        except (BrokerError, asyncio.CancelledError):
            del self._waiting[number]
            raise
        if number in self._waiting:  # the time spent waiting for the connection does not count
            self._waiting[number] = clock.monotonic_s()

    async def settle(self) -> None:
        """Wait until every message is acknowledged or given up."""
        while self._waiting:
            await self._wait()

    async def _wait(self) -> None:
        self._moved.clear()
        self._give_up(clock.monotonic_s() - _LOST_AFTER_S)
        try:
            async with asyncio.timeout(_LOST_AFTER_S / 10):
                await self._moved.wait()
        except TimeoutError:
            return

    def _give_up(self, before_s: float) -> None:
        while self._order and self._waiting.get(self._order[0], 0.0) < before_s:
            if self._waiting.pop(self._order.popleft(), None) is not None:
                self.refused += 1
                self._moved.set()

    async def _on_ack(self, message: Message) -> None:
        if self._waiting.pop(int(message.subject[self._prefix :]), None) is None:
            return
        if _decode_ack(message.data or b"{}").error is not msgspec.UNSET or _no_stream(message):
            self.refused += 1
        while self._order and self._order[0] not in self._waiting:
            self._order.popleft()
        self._moved.set()


def _no_stream(message: Message) -> bool:
    return bool(message.headers) and (message.headers or {}).get("Status") == "503"
