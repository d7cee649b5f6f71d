"""From the vendors onto the tape: each article as it came, in stream `TAPE_NEWS`.

One process at a time does this (the others stand by), because a key has one connection. The id of a
message is that of its bytes: what a vendor sends twice, or a successor asks for again, the stream
takes once. While the broker is away articles wait, up to a bound.
"""

import asyncio
from collections import deque
from contextlib import suppress
from hashlib import sha256
from secrets import SystemRandom
from typing import Any, NamedTuple

from mesh import clock
from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.kv import RECEIVED_MS
from mesh.logs import Log
from mesh.settings import Settings
from mesh.tasks import end, first_of, unless
from mesh.wishes import Wish
from schemas.control import FeedWanted
from schemas.naming import news_tape_subject
from services.news import finlight_form, massive_form
from services.news.finlight import Attempt
from services.news.massive import Poll
from services.news.reconnect import Reconnecting, rule


MESSAGE_ID = "Nats-Msg-Id"
_MOST_WAITING_BYTES = 64 << 20
_AT_ONCE = 32
_RETRY_S = 0.5
_SETTLE_S = 5.0


class _Waiting(NamedTuple):
    vendor: str
    payload: bytes
    received_ms: int


class Edge:
    """The active listener of news."""

    def __init__(
        self, settings: Settings, connection: Connection, wish: Wish[FeedWanted], log: Log
    ) -> None:
        self.received = 0
        self.published = 0
        self.discarded = 0
        """Articles that were dropped because the broker was away for too long."""
        self.unreadable = 0
        """What a vendor sent that was no article."""
        self._settings = settings
        self._connection = connection
        self._log = log
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._sources: list[asyncio.Task[None]] = []
        self._wish = wish
        self._attempt: Attempt | None = None

    def tell(self) -> dict[str, Any]:
        """How it stands with Finlight, for people."""
        return {
            "running": self._wish.value.running,
            "connected": self._attempt is not None and self._attempt.is_admitted,
            "configured": bool(self._settings.finlight_key),
        }

    async def run(self) -> None:
        """Listen and publish, until the caller cancels."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish())
            self._sources = []
            if self._settings.finlight_key:
                self._sources.append(tasks.create_task(self._listen()))
            if self._settings.massive_news_s and self._settings.api_key:
                poll = Poll(self._settings, self._from_massive, self._log)
                self._sources.append(tasks.create_task(poll.run()))

    async def settle(self) -> None:
        """Listen no more, and wait until everything that came is published; some seconds at most."""
        await end(self._sources)
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_S):
                await self._settled.wait()

    async def _listen(self) -> None:
        """Connect to Finlight again and again, by the rules of `services.news.reconnect`."""
        wish = self._wish
        waits = Reconnecting(SystemRandom().random)
        while True:
            if wish.changed.is_set():
                waits = Reconnecting(SystemRandom().random)
                wish.changed.clear()
            if not wish.value.running:
                self._log.info("finlight.stopped", by=wish.value.by)
                await wish.changed.wait()
                continue
            self._attempt = attempt = Attempt(self._settings, self._from_finlight, self._log)
            ending = await unless(wish.changed, attempt.run())
            self._attempt = None
            self.unreadable += attempt.unreadable
            if ending is None:
                continue
            wait_s = waits.delay_s(ending)
            self._log.warning(
                "finlight.ended", code=ending.code, status=ending.status, meaning=rule(ending).meaning,
                again_s=round(wait_s, 1),
            )  # fmt: skip
            await first_of(wish.changed, timeout_s=wait_s)

    def _from_finlight(self, payload: bytes) -> None:
        self._take(finlight_form.VENDOR, payload)

    def _from_massive(self, payload: bytes) -> None:
        self._take(massive_form.VENDOR, payload)

    def _take(self, vendor: str, payload: bytes) -> None:
        self.received += 1
        self._waiting.append(_Waiting(vendor, payload, int(clock.now_ms())))
        self._bytes += len(payload)
        while self._bytes > _MOST_WAITING_BYTES:
            self._bytes -= len(self._waiting.popleft().payload)
            self.discarded += 1
        self._settled.clear()
        self._arrived.set()

    async def _publish(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
                self._bytes -= sum(len(each.payload) for each in batch)
                await asyncio.gather(*map(self._store, batch))
            self._settled.set()

    async def _store(self, article: _Waiting) -> None:
        headers = {
            MESSAGE_ID: sha256(article.payload).hexdigest(),
            RECEIVED_MS: str(article.received_ms),
        }
        subject = news_tape_subject(article.vendor)
        while True:
            try:
                await self._connection.acknowledged(subject, article.payload, headers)
            except BrokerError as error:
                self._log.warning("news.delayed", reason=str(error))
                await asyncio.sleep(_RETRY_S)
            else:
                self.published += 1
                return
