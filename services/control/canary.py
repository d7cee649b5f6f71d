"""The canary: a bar of a symbol of no exchange, sent through tape, owner, KV and Widget Data Service every few seconds.

Its event time is now. That moves no market's time, for its row is never among those of the market
(`mesh.market`). Each is the first batch of a producer of its own (its epoch is its time), so that no
partition ever waits for one that was lost, and several processes may send them side by side: whoever
sees a later one has seen that the way is open.

It is not sent into a recording that is played: what is stored then must be what was recorded alone.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from mesh import clock
from mesh.address import reach
from mesh.connection import Connection, Message
from mesh.errors import BrokerError, MeshError
from mesh.feed_state import TableState
from mesh.partition import partition_of
from mesh.settings import Settings
from mesh.spans import TAPE_TEMPLATE, Spans
from mesh.tasks import ticks
from mesh.tokens import LONGEST_S, Tokens, key_from
from mesh.widget_client import WidgetClient, open_widget_client
from schemas.columns import PLACE, RowsBatch, unknown
from schemas.market import Bar, Batch
from schemas.naming import (
    CANARY_SYMBOL,
    MarketClass,
    row_subject,
    rows_subject,
    symbol_token,
    tape_subject,
)
from schemas.widget import View
from schemas.wire import DecodeError, Wire, encode_msgpack, json_decoder, msgpack_decoder
from services.control.journeys import CanaryReport, Journeys


CANARY_FEED = f"row/{CANARY_SYMBOL}"
"""What a token must let its holder follow to see canaries arrive."""

_ASK_AGAIN_S = 1.0
_STORED_WITHIN_S = 2.0
_PRICE_USD = 1.0
_WIDGETS_PORT = 8080


class _Dated(Wire, frozen=True):
    """Of a row as much as is looked for."""

    event_ms: int


_decode_rows = msgpack_decoder(RowsBatch).decode
_decode_dated = json_decoder(_Dated).decode


def why_off(settings: Settings) -> str:
    """Why no canaries are to be sent; empty if they are."""
    if settings.lossless or settings.source == "tape":
        return "a recording is played: what is stored must be what was recorded, and nothing else"
    if not settings.canary_s:
        return "MESH_CANARY_S is 0"
    if settings.ws_auth == "token" and key_from(settings) is None:
        return "there is no key of tokens (MESH_TOKEN_KEY): the Widget Data Service would not let a canary's client in"
    return ""


def canary_of(settings: Settings, connection: Connection, spans: Spans | None = None) -> "Canary":
    """The canary as *settings* want it; `why_off` must be empty."""
    token = token_of(settings) if settings.ws_auth == "token" else None
    return Canary(
        connection, settings.partitions, settings.canary_s, widgets_url(settings), token, spans
    )


def widgets_url(settings: Settings) -> str:
    """Where the Widget Data Service is."""
    return (
        settings.widgets_url or f"ws://{reach(settings.host)}:{settings.port or _WIDGETS_PORT}/ws"
    )


def token_of(settings: Settings) -> Callable[[], str]:
    """What issues tokens for `CANARY_FEED`; there must be a key."""
    tokens = Tokens(key_from(settings) or b"")
    return lambda: tokens.issue("canary", [CANARY_FEED], LONGEST_S, clock.now_ms())


class Canary:
    """Sends canaries and watches for them, until it is cancelled.

    Args:
        connection: to the broker; it may come and go.
        partitions: of the mesh.
        every_s: how often one is sent.
        url: of the Widget Data Service's `/ws`.
        token: what lets a client follow `CANARY_FEED`; asked before each connection. None: nobody needs one.
        spans: of the process; every canary is traced then.
    """

    def __init__(
        self,
        connection: Connection,
        partitions: int,
        every_s: float,
        url: str,
        token: Callable[[], str] | None,
        spans: Spans | None = None,
    ) -> None:
        self._journeys = Journeys(every_s)
        self._connection = connection
        self._partition = partition_of(symbol_token(CANARY_SYMBOL), partitions)
        self._every_s = every_s
        self._spans = spans
        self._url = url
        self._token = token
        self._last_ms = 0
        self._client: WidgetClient | None = None

    def report(self) -> CanaryReport:
        """What canaries say of the mesh now."""
        self._journeys.trouble = self._trouble()
        return self._journeys.report(clock.monotonic_s())

    async def run(self) -> None:
        """Send, and watch, for ever."""
        rows = await self._connection.subscribe(rows_subject(self._partition), self._on_rows)
        # The server says there what it has stored in KV, so that no consumer is needed.
        stored = await self._connection.subscribe(row_subject(CANARY_SYMBOL), self._on_stored_row)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch_socket())
                async for _ in ticks(self._every_s):
                    if self._connection.connected.is_set():
                        tasks.create_task(self._send())
        finally:
            with suppress(BrokerError):
                await self._connection.unsubscribe(rows)
                await self._connection.unsubscribe(stored)

    async def _send(self) -> None:
        now_ms = self._last_ms = max(int(clock.now_ms()), self._last_ms + 1)
        prices = (_PRICE_USD,) * 4
        bar = Bar(CANARY_SYMBOL, now_ms - 1, now_ms, *prices, 0.0, None, None, None, None)
        batch = encode_msgpack(Batch(now_ms, 0, 0, now_ms, [bar]))
        self._journeys.send(now_ms, clock.monotonic_s())
        with suppress(BrokerError):  # the journey says how far it has come
            await self._publish(batch)
            self._journeys.arrive("stored", now_ms, clock.monotonic_s())

    async def _publish(self, batch: bytes) -> None:
        subject = tape_subject(MarketClass.CANARY, self._partition)
        if self._spans is None:
            await self._connection.acknowledged(subject, batch, timeout_s=_STORED_WITHIN_S)
            return
        with self._spans.span(
            "send",
            TAPE_TEMPLATE,
            destination__name=subject,
            destination__partition__id=str(self._partition),
            batch__message_count=1,
        ) as headers:
            await self._connection.acknowledged(subject, batch, headers, timeout_s=_STORED_WITHIN_S)

    async def _on_rows(self, message: Message) -> None:
        now_s = clock.monotonic_s()
        with suppress(DecodeError, ValueError):  # whoever reads rows says so
            event_ms = _event_ms(_decode_rows(message.data))
            if event_ms is not None:
                self._journeys.arrive("row", event_ms, now_s)

    async def _on_stored_row(self, message: Message) -> None:
        now_s = clock.monotonic_s()
        with suppress(DecodeError):
            self._journeys.arrive("kv", _decode_dated(message.data).event_ms, now_s)

    async def _watch_socket(self) -> None:
        """Be a client of the Widget Data Service; one that is refused tries again, for its token may be known later."""
        while True:
            async with open_widget_client(self._url, self._token) as client:
                self._client = client
                with suppress(MeshError):
                    await self._follow(client)
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _follow(self, client: WidgetClient) -> None:
        view = View(columns=["event_ms"])
        subscription = await client.subscribe(CANARY_FEED, view)
        async for update in subscription.updates():
            now_s = clock.monotonic_s()
            row = update.rows.get(CANARY_SYMBOL) if isinstance(update, TableState) else None
            if row is not None:
                self._journeys.arrive("socket", int(row[1]), now_s)

    def _trouble(self) -> str:
        if not self._connection.connected.is_set():
            return "the broker is away: no canary can be sent"
        client = self._client
        if client is not None and not client.connected and client.trouble:
            return f"the Widget Data Service at {self._url} lets no client in: {client.trouble}"
        return ""


def _event_ms(batch: RowsBatch) -> int | None:
    """When the canary of a batch is of; None if it holds none, or says nothing new of it."""
    if CANARY_SYMBOL not in batch.symbols:
        return None
    changes = batch.changes().take(np.array([batch.symbols.index(CANARY_SYMBOL)], dtype=np.intp))
    numbers = unknown(1)
    numbers[changes.which] = changes.numbers
    event_ms = float(numbers[PLACE["event_ms"], 0])
    return None if np.isnan(event_ms) else int(event_ms)
