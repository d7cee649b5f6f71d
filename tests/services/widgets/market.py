"""What tests publish for the program `widgets`: rows, alerts and trades, as the other programs do."""

import math
from collections.abc import Sequence

from mesh.connection import Connection
from mesh.partition import partition_of
from schemas.columns import RowsBatch
from schemas.leaderboard import Row
from schemas.market import Batch, Trade
from schemas.naming import (
    MarketClass,
    alert_subject,
    news_subject,
    rows_subject,
    symbol_token,
    tape_subject,
)
from schemas.wire import encode_json, encode_msgpack
from tests.schemas.rows import changed


DAY = "2026-01-05"
EVENT_MS = 1_767_623_465_000
PARTITIONS = 16
"""As the settings have them by themselves."""

_PARTITION = 3
_EPOCH = 7


class Market:
    """Publishes rows of one partition, batch after batch."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._batches = 0

    async def show(self, *rows: Row) -> None:
        """Publish changed rows."""
        self._batches += 1
        batch = RowsBatch(_PARTITION, _EPOCH, self._batches, 1000.0, *changed(rows))
        await self.connection.acknowledged(rows_subject(_PARTITION), encode_msgpack(batch))

    async def alert(self, kind: str, symbol: str, name: str, number: int) -> None:
        """Publish an alert whose id is *name*."""
        value = encode_json({"kind": kind, "symbol": symbol, "number": number})
        subject = alert_subject(kind, symbol)
        await self.connection.acknowledged(subject, value, {"Nats-Msg-Id": name})

    async def article(self, symbol: str, number: int) -> None:
        """Publish an article about *symbol*."""
        value = encode_json({"symbol": symbol, "number": number})
        headers = {"Nats-Msg-Id": f"{symbol}-{number}"}
        await self.connection.acknowledged(news_subject(symbol), value, headers)

    async def trade(self, *symbols: str, sequence: int = 1) -> None:
        """Publish a trade of each of the *symbols*, those of a partition in one batch."""
        parts: dict[int, list[Trade]] = {}
        for symbol in symbols:
            found = Trade(symbol, EVENT_MS, sequence, 10.5, 100.0, (), 4, f"{sequence}")
            parts.setdefault(partition_of(symbol_token(symbol), PARTITIONS), []).append(found)
        for partition, trades in parts.items():
            subject = tape_subject(MarketClass.TRADES, partition)
            batch = Batch(_EPOCH, sequence, 0, 1000.0, trades)
            await self.connection.acknowledged(subject, encode_msgpack(batch))


def row(symbol: str, last_usd: float, volume: float = 1000.0) -> Row:
    """A row of which a little is known."""
    return Row(
        symbol, DAY, "regular", EVENT_MS, last_usd, 10.0, 9.0, volume_shares=volume,
        change_pct=100.0 * (last_usd - 9.0) / 9.0,
    )  # fmt: skip


def rows_of_many(count: int, step: int = 0) -> Sequence[Row]:
    """Many rows, of which no two prices are the same; all of them differ at another *step*."""
    return [
        row(f"S{number:04}", 10.0 + math.sin(number + step), 1000.0 + number * 7 + step)
        for number in range(count)
    ]
