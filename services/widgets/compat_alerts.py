"""Highs and lows of sessions under their old names: those of the last hours, and each new one as it comes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import chain
from typing import TypeVar

from mesh import clock, direct
from mesh.connection import Connection, Message
from mesh.errors import BrokerError
from schemas.alert import Alert
from schemas.naming import ALERTS_STREAM
from schemas.wire import DecodeError, encode_json, json_decoder
from services.widgets.compat_events import MOST_EVENTS, Events
from services.widgets.compat_names import ALERTS, Name, parse
from services.widgets.compat_values import range_alert


T = TypeVar("T")

RETRY_S = 0.5
_WITHIN_MS = (900_000.0, 28_800_000.0)
"""How far back alerts are read: eight hours, as long as the old lists lived, if less does not fill them."""

_decode_alert = json_decoder(Alert).decode
_NAMES = {kind: name for text, kind in ALERTS.items() if (name := parse(text)) is not None}


class Alerts:
    """New highs and lows; *deliver* is called with each that comes after `run` has begun, once, in order."""

    def __init__(self, connection: Connection, deliver: Callable[[Name, str], None]) -> None:
        self.events = Events()
        self.rejected = 0
        """Messages that were no alerts, and were left out."""
        self._connection = connection
        self._deliver = deliver

    async def run(self, loaded: asyncio.Event) -> None:
        """Take alerts for ever; *loaded* is set when all that there were are known.

        They are heard as they are published, and read from their stream at the beginning and after a
        reconnect: an alert that was published meanwhile comes late, and is not lost.
        """
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        async def hear(message: Message) -> None:
            heard.put_nowait(message.data)

        subscribed = [
            await self._connection.subscribe(_subject(kind), hear) for kind in ALERTS.values()
        ]
        try:
            incarnation = self._connection.incarnation
            stored = await answered(self._stored)
            meanwhile = {heard.get_nowait(): None for _ in range(heard.qsize())}
            for payload in stored:
                self._take(payload, is_new=payload in meanwhile)
            for payload in meanwhile:
                self._take(payload, is_new=True)
            loaded.set()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_S):
                        self._take(await heard.get(), is_new=True)
                if incarnation != self._connection.incarnation:
                    incarnation = self._connection.incarnation
                    for payload in await answered(self._stored):
                        self._take(payload, is_new=True)
        finally:
            for each in subscribed:
                await self._connection.unsubscribe(each)

    async def _stored(self) -> list[bytes]:
        """The last alerts of each kind in their stream, oldest first."""
        stored: list[list[direct.Stored]] = []
        for within_ms in _WITHIN_MS:
            since_ms = clock.now_ms() - within_ms
            stored = [
                await direct.since(self._connection, ALERTS_STREAM, _subject(kind), since_ms)
                for kind in ALERTS.values()
            ]
            if min(map(len, stored)) >= MOST_EVENTS:
                break
        last = chain.from_iterable(each[-MOST_EVENTS:] for each in stored)
        return [each.payload for each in sorted(last, key=lambda each: each.sequence)]

    def _take(self, payload: bytes, *, is_new: bool) -> None:
        try:
            alert = _decode_alert(payload)
        except DecodeError:
            self.rejected += 1
            return
        name = _NAMES.get(alert.kind)
        if name is None:
            return
        frame = encode_json(range_alert(alert)).decode()
        if self.events.add(name.text, alert.id, frame) and is_new:
            self._deliver(name, frame)


async def answered(ask: Callable[[], Awaitable[T]]) -> T:
    """What *ask* gives, asked again and again while the broker is away."""
    while True:
        try:
            return await ask()
        except BrokerError:
            await asyncio.sleep(RETRY_S)


def _subject(kind: str) -> str:
    return f"alert.{kind}.*"
