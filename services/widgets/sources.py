"""What the service hears: boards, rows, alerts, halts, and of the tape what somebody asks for."""

import asyncio

from mesh import clock
from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.kv import RECEIVED_MS, Entry, KeyValue
from mesh.logs import Log
from mesh.market_reader import MarketReader
from mesh.spans import traceparent
from mesh.tasks import ticks
from schemas.columns import Columns
from schemas.naming import (
    ALERTS_STREAM,
    NEWS_STREAM,
    Bucket,
    parse_alert_subject,
    parse_news_subject,
    parse_symbol_token,
)
from schemas.wire import DecodeError
from services.widgets.catalogue import Catalogue
from services.widgets.happening import Happening
from services.widgets.heard import Heard
from services.widgets.hub import LOOK_S, Hub
from services.widgets.identity import Identity
from services.widgets.tap import Tap
from services.widgets.watched_halts import WatchedHalts


_QUIET_S = 0.004
"""When no partition has said anything for so long, all that flushed together have."""
_SETTLE_S = 0.02
"""So long they are waited for at most."""
_TURN_S = 0.02
"""After so long of making tables others get a turn. Several are made in one: what they share is in the processor's cache then."""
_RESYNC_S = 0.5
_ALERTS_AGE_MS = 3_600_000.0
_NEWS_AGE_MS = 86_400_000.0
_STATUS_S = 1.0


class Sources:
    """Feeds the catalogue of *hub*, until it is cancelled."""

    def __init__(
        self, connection: Connection, hub: Hub, partitions: int, flush_s: float, log: Log
    ) -> None:
        self.updates = 0
        self._rejected = 0
        self._connection = connection
        self._hub = hub
        self._catalogue: Catalogue = hub.catalogue
        self._reader = MarketReader(connection, partitions)
        self._tap = Tap(connection, self._catalogue, partitions)
        self._flush_s = flush_s
        self._log = log
        self._symbols: list[str] = []
        self._alerts = Happening(self._catalogue, "alert", _alert_feed)
        self._news = Happening(self._catalogue, "news", _news_feed)
        self._halts = Happening(self._catalogue, "halt", _halt_feed)
        self._heard = (
            Heard(connection, ALERTS_STREAM, "alert.*.*", _ALERTS_AGE_MS, self._alerts),
            Heard(connection, NEWS_STREAM, "news.*", _NEWS_AGE_MS, self._news),
            WatchedHalts(connection, self._halts),
        )

    @property
    def rejected(self) -> int:
        """Values that were not what they should be."""
        happening = (self._alerts, self._news, self._halts)
        return self._rejected + sum(each.rejected for each in happening)

    async def run(self) -> None:
        """Hear everything, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for each in (
                self._watch_boards(), self._watch_revoked(), *(each.run() for each in self._heard),
                self._keep_market(), self._complete_market(), self._tend(),
            ):  # fmt: skip
                tasks.create_task(each)

    async def _watch_boards(self) -> None:
        bucket = KeyValue(self._connection, Bucket.BOARDS)
        identity = Identity(self._connection, bucket.stream)
        newest = 0
        if await identity.is_new(newest):
            self._catalogue.begin_boards(identity.epoch)
        async for entry in bucket.watch():
            if await identity.is_new(newest):
                self._catalogue.begin_boards(identity.epoch)
                newest = 0
            newest = max(newest, entry.revision)
            if entry.value is None:
                self._catalogue.delete_board(entry.key)
            else:
                self._put_board(entry, entry.value)

    def _put_board(self, entry: Entry, value: bytes) -> None:
        try:
            parent = traceparent(entry.headers)
            links = () if parent is None else (parent,)
            self._catalogue.put_board(entry.key, value, _received_ms(entry), entry.revision, links)
            self.updates += 1
        except (DecodeError, ValueError) as error:
            self._rejected += 1
            self._log.warning("board.rejected", board=entry.key, reason=str(error))

    async def _watch_revoked(self) -> None:
        async for entry in KeyValue(self._connection, Bucket.REVOKED).watch():
            if entry.value is not None:
                try:
                    self._hub.revoke(entry.key, entry.value)
                except ValueError:
                    self._rejected += 1  # somebody else's

    async def _keep_market(self) -> None:
        while True:
            await self._reader.heard.wait()
            await self._settle()
            due_s = clock.monotonic_s() + self._flush_s
            links = self._reader.take_links()
            self._catalogue.put_canary(self._reader.table.canary(), links)
            instant = self._reader.table.instant()
            if instant is not None:
                received_ms = self._reader.table.take_received_ms()
                turn_s = clock.monotonic_s()
                for table in self._catalogue.put_market(self._columns(), instant):
                    self._catalogue.refresh(table, received_ms, links)
                    if clock.monotonic_s() - turn_s >= _TURN_S:
                        await asyncio.sleep(0)
                        turn_s = clock.monotonic_s()
            await asyncio.sleep(due_s - clock.monotonic_s())

    async def _settle(self) -> None:
        """Wait for the other partitions of the same flush."""
        end_s = clock.monotonic_s() + _SETTLE_S
        heard = self._reader.heard
        while heard.is_set() and clock.monotonic_s() < end_s:
            heard.clear()
            await asyncio.sleep(_QUIET_S)
        heard.clear()

    def _columns(self) -> Columns:
        """All rows. The list of symbols is a copy: that of the table grows."""
        columns = self._reader.table.columns()
        if columns.symbols != self._symbols:
            self._symbols = list(columns.symbols)
        return Columns(self._symbols, columns.matrix)

    async def _complete_market(self) -> None:
        is_open = False
        async for _ in ticks(_RESYNC_S):
            try:
                if is_open:
                    await self._reader.complete()
                else:
                    await self._reader.close()
                    await self._reader.open()
                    is_open = True
            except BrokerError as error:
                self._log.warning("market.delayed", reason=str(error))

    async def _tend(self) -> None:
        """What is done every so often: taps, the end of stalled clients, and whether the broker is there."""
        status_s = stalled_s = 0.0
        async for _ in ticks(min(self._flush_s, _RESYNC_S)):
            self._hub.say_stale(stale=not self._connection.connected.is_set())
            if self._connection.connected.is_set():
                await self._tap.follow(self._catalogue.followed("trades"))
            now_s = clock.monotonic_s()
            if now_s >= stalled_s:
                stalled_s = now_s + LOOK_S
                self._hub.end_stalled()
            if now_s >= status_s:
                status_s = now_s + _STATUS_S
                if self._catalogue.followed("status"):
                    self._catalogue.put_event("status", self._hub.report())


def _received_ms(entry: Entry) -> float:
    """When the change reached the listener; 0 if whoever put it did not say."""
    try:
        return float(entry.headers.get(RECEIVED_MS, 0.0))
    except ValueError:
        return 0.0


def _alert_feed(subject: str) -> str:
    kind, symbol = parse_alert_subject(subject)
    return f"alert/{kind}/{symbol}"


def _news_feed(subject: str) -> str:
    return f"news/{parse_news_subject(subject)}"


def _halt_feed(key: str) -> str:
    return f"halt/{parse_symbol_token(key)}"
