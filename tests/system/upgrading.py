"""What tests of upgrades share: a client that stays through one, what a mesh has left, and what is wrong with that."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec

from mesh import clock, direct
from mesh.checkpoint import Checkpoints
from mesh.connection import Connection
from mesh.feed_state import TableState
from mesh.follower import Events
from mesh.kv import KeyValue
from mesh.subscription import Subscription
from mesh.tasks import end
from mesh.testing import eventually
from mesh.tokens import Tokens
from mesh.widget_client import WidgetClient, open_widget_client
from schemas.naming import (
    ALERTS_STREAM,
    CANARY_SYMBOL,
    NEWS_OF_ALL,
    NEWS_STREAM,
    Bucket,
    symbol_token,
)
from schemas.widget import View
from tests.oracle.oracle import Oracle, differences
from tests.system.recorded_vendors import News
from tests.system.rolling import LISTENER, Fleet


KEY = "0123456789abcdef" * 2
"""Of tokens."""
PARTITIONS = 8
KINDS = {"high", "low", "block", "running-up", "running-down", "volume-spike"}
"""Of alerts that there is a query for."""
FOLLOWED = 2
"""Feeds that a watcher follows."""
_PATIENCE_S = 60.0

Row = dict[str, Any]


class Watcher:
    """A client of the Widget Data Service, and what it was told."""

    def __init__(self, client: WidgetClient) -> None:
        self.client = client
        self.alerts: Counter[str] = Counter()
        """How often it was told each alert."""
        self.missed = 0
        self._board: Subscription | None = None

    @property
    def board(self) -> list[str]:
        """The symbols of the board that it follows."""
        state = None if self._board is None else self._board.state
        return list(state.symbols) if isinstance(state, TableState) else []

    async def run(self) -> None:
        """Follow the board of volume as it is published, and all alerts, until cancelled."""
        self._board = await self.client.subscribe("board/volume", View())
        alerts = await self.client.subscribe("alert/>", View(top=2000))
        async for update in alerts.updates():
            assert isinstance(update, Events)
            self.missed += update.missed
            self.alerts.update(msgspec.json.decode(value)["id"] for value in update.values)

    def assert_gone_on(self) -> None:
        """It was sent from process to process, went on where it was, and was told no alert twice.

        A board begins anew only where the next process had not heard the very value that the client has.
        """
        counters = self.client.counters
        assert counters.reconnects > 0
        assert counters.recoveries > 0
        assert counters.snapshots <= FOLLOWED + counters.reconnects
        assert (counters.gaps, counters.diverged, self.missed) == (0, 0, 0)
        assert max(self.alerts.values()) == 1


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Watcher]:
    """A client for the duration of the context."""
    token = Tokens(KEY.encode()).issue("test", [">"], 3600.0, clock.now_ms())
    async with open_widget_client(url, token, keep=100_000) as client:
        watcher = Watcher(client)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(watcher.run())
            yield watcher
            await end([running])


class Folded(NamedTuple):
    """What became of events, by class."""

    known: Counter[str]
    """Folded, or too late to be."""
    missed: Counter[str]


async def until_folded(connection: Connection, sent: Counter[str]) -> Folded:
    """What became of all that was *sent*, once the checkpoints have it."""

    async def folded() -> Folded:
        total = Folded(Counter(), Counter())
        for partition in range(PARTITIONS):
            found = (await Checkpoints(connection).load(partition)).checkpoint
            if found is not None:
                total.known.update(found.counts.folded)
                total.known.update(found.counts.late)
                total.missed.update(found.counts.discarded)
        return total

    return await eventually(
        folded,
        lambda found: +found.known + found.missed == sent,
        timeout_s=_PATIENCE_S,
    )


class Left(NamedTuple):
    """What a mesh has left behind."""

    rows: list[Row]
    """By symbol."""
    boards: dict[str, Row]
    alerts: list[str]
    """Ids, as the stream has them."""
    articles: list[str]
    """Links, as the stream has them."""


async def stopped(fleet: Fleet, connection: Connection, watcher: Watcher, news: News) -> Left:
    """End everything in order, the services last, when the client has all; what is left."""
    news.is_over = True
    await eventually(
        lambda: _articles(connection),  # type: ignore[arg-type]  # it is awaited
        lambda found: {*found} >= {*news.links},
        timeout_s=_PATIENCE_S,
    )
    await fleet.stop(LISTENER, "news", "reference", "processors", "boards")
    rows = await _json(connection, Bucket.ROWS)
    rows.pop(symbol_token(CANARY_SYMBOL), None)
    left = Left(
        sorted(rows.values(), key=lambda row: str(row["symbol"])),
        await _json(connection, Bucket.BOARDS),
        [each["id"] for each in await _stream(connection, ALERTS_STREAM, "alert.>")],
        await _articles(connection),
    )
    await eventually(lambda: set(left.alerts) - set(watcher.alerts), lambda lacking: not lacking, timeout_s=_PATIENCE_S)  # fmt: skip
    first = [row["symbol"] for row in left.boards["volume"]["rows"]]
    await eventually(lambda: watcher.board, first.__eq__, timeout_s=_PATIENCE_S)
    await fleet.stop("control", "widgets")
    return left


def wrong(left: Left, oracle: Oracle) -> list[str]:
    """What is wrong with what is left, against queries over what was sent."""
    found = differences(left.rows, oracle.rows())
    for board, rows in oracle.boards().items():
        found += [f"{board}: {line}" for line in differences(left.boards[board]["rows"], rows)]
    right = sorted(alert["id"] for alert in oracle.alerts())
    # None is there twice: that would be a line too many.
    alerts = sorted(name for name in left.alerts if _kind(name) in KINDS)
    found += [] if alerts == right else [f"alerts: {set(alerts) ^ set(right)}"]
    return found


def _kind(alert: str) -> str:
    return next((kind for kind in KINDS if alert.startswith(f"{kind}-")), "")


async def _articles(connection: Connection) -> list[str]:
    return [each["link"] for each in await _stream(connection, NEWS_STREAM, NEWS_OF_ALL)]


async def _json(connection: Connection, bucket: Bucket) -> dict[str, Row]:
    entries = await KeyValue(connection, bucket).all()
    return {entry.key: msgspec.json.decode(entry.value or b"{}") for entry in entries}


async def _stream(connection: Connection, stream: str, subject: str) -> list[Row]:
    stored = await direct.every(connection, stream, subject)
    return [msgspec.json.decode(each.payload) for each in stored]
