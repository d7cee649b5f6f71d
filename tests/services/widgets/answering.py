"""A market by script: whatever a page subscribes to it is given, so that a test can look at the page alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from msgspec import Raw
from websockets.exceptions import ConnectionClosed

from mesh import clock
from schemas.alert import Alert, AlertKind
from schemas.leaderboard import Row
from schemas.widget import Ack, Event, Ping, Set, Snap, Subscribe, Unsubscribe
from schemas.wire import encode_json
from services.widgets.want import BOARD_COLUMNS
from tests.services.widgets.histories import HEAD, checksum
from tests.services.widgets.scripted import Line


FEEDS = ("alert/*/*", "board/gainers", "board/gappers", "board/volume", "halt/*", "news/*", "row/*", "trades/*")  # fmt: skip
EVENT_MS = HEAD.asof_ms


def row(symbol: str, change_pct: float, last_usd: float = 10.0, **more: Any) -> Row:
    """A symbol of the market."""
    return Row(
        symbol, HEAD.trading_day, HEAD.session, EVENT_MS, last_usd=last_usd, change_pct=change_pct,
        change_open_pct=change_pct, volume_shares=1_000_000.0 * change_pct, **more,
    )  # fmt: skip


MARKET = [
    row("AAA", 31.5, 4.2, relative_volume=6.0, free_float_shares=8e6, news_ms=EVENT_MS - 60_000),
    row("BBB", 12.0, 8.8, relative_volume=2.5, halt="paused"),
    row("BRK.B", 4.25, 410.0, open_usd=402.0, day_high_usd=412.5, day_low_usd=399.0),
    row("CCC", 1.5),
]


def alert(symbol: str, kind: AlertKind = AlertKind.HIGH, n: int = 1) -> Alert:
    """An alert about a symbol of the market."""
    about = next(each for each in MARKET if each.symbol == symbol)
    return Alert(
        f"{kind}-{symbol}-{n}", kind, symbol, HEAD.trading_day, HEAD.session, EVENT_MS + n, about.last_usd,
        4.1, [], 12, None, None, None, about,
    )  # fmt: skip


class Market:
    """What is asked of it, and what it has answered."""

    def __init__(self, line: Line, rows: Sequence[Row]) -> None:
        self.asked: dict[int, Subscribe] = {}
        self.ended: list[str] = []
        self._line = line
        self._rows = rows
        self._happened: dict[str, int] = {}

    @property
    def feeds(self) -> list[str]:
        """What is followed now."""
        return [each.feed for each in self.asked.values()]

    async def happen(self, *alerts: Alert) -> None:
        """Tell alerts to whoever follows them."""
        for asked in self.asked.values():
            if asked.feed.startswith("alert/"):
                await self._tell(asked, [encode_json(each) for each in alerts])

    async def answer_all(self) -> None:
        """Answer, until the page has gone."""
        with suppress(ConnectionClosed):
            while True:
                await self._answer_next()

    async def _answer_next(self) -> None:
        frame = await self._line.next()
        match frame:
            case Subscribe():
                self.asked[frame.id] = frame
                await self._answer(frame)
            case Unsubscribe():
                self.ended.append(self.asked.pop(frame.id).feed)
                await self._line.say(Ack("unsub", frame.id))
            case Set():
                await self._line.say(Ack("set", frame.id))
            case Ping():
                await self._line.say(Ack("ping", frame.id))
            case _:
                pass

    async def _answer(self, asked: Subscribe) -> None:
        if asked.feed.partition("/")[0] not in ("board", "row"):
            await self._tell(asked, [])
            return
        asked_for = asked.view.columns
        columns = asked_for if isinstance(asked_for, list) else list(BOARD_COLUMNS)
        wanted = asked.feed.partition("/")[2]
        where = asked.view.where
        start = (
            where.partition("'")[2][:-2]
            if isinstance(where, str) and "starts_with" in where
            else ""
        )
        cells = [
            [each.symbol, *(_cell(each, name) for name in columns)]
            for each in self._rows
            if (asked.feed.startswith("board") or wanted in ("*", each.symbol))
            and each.symbol.startswith(start)
        ]
        received_ms = clock.now_ms()
        await self._line.say(
            Snap(
                asked.id, asked.feed, "e", 1, received_ms, HEAD, ["symbol", *columns], cells,
                len(cells), checksum(cells),
            )
        )  # fmt: skip

    async def _tell(self, asked: Subscribe, values: list[bytes]) -> None:
        after = self._happened.get(asked.feed, 0)
        seq = self._happened[asked.feed] = after + len(values)
        raw = [Raw(value) for value in values]
        await self._line.say(Event(asked.id, asked.feed, "e", after, seq, raw))


def _cell(each: Row, name: str) -> Any:
    return each.change_pct if name == "score" else getattr(each, name)


@asynccontextmanager
async def answering(line: Line, rows: Sequence[Row] = MARKET) -> AsyncIterator[Market]:
    """A market that answers on *line*, greeted."""
    await line.greet(*FEEDS, source="simulated")
    market = Market(line, rows)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(market.answer_all())
        try:
            yield market
        finally:
            task.cancel()
