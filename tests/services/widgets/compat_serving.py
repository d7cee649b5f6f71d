"""`/compat/ws` as tests run it: a real server over a real broker, a market put into it, and clients that follow a script."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.tasks import end
from mesh.testing import eventually
from schemas.alert import Alert, AlertKind, Breach
from schemas.halt import Halted, HaltState
from schemas.leaderboard import Board, Row, ranked
from schemas.naming import Bucket, alert_subject, symbol_token
from schemas.widget import MAX_CLIENT_FRAME_BYTES
from schemas.wire import encode_json
from services.widgets.compat_app import PATH, compat_route
from services.widgets.compat_source import CompatSource
from services.widgets.limits import Places


KEY = "a key"
ORIGIN = "http://board.example"
CONVERSATIONS = Path(__file__).parent / "conversations"
NOW_MS = 1_767_623_465_000

_CUT = 1006
_SEND_BUFFER_BYTES = 16 * 1024
"""Of the kernel, for each client: a slow one is then seen to be slow soon."""


def a_row(**changes: Any) -> Row:
    """A row of which everything is known that the old system's widgets show."""
    known = Row(
        symbol="ABCD", trading_day="2026-01-05", session="regular", event_ms=NOW_MS,
        last_usd=5.5, open_usd=5.0, previous_close_usd=4.0, change_usd=1.5, change_pct=37.5,
        change_open_usd=0.5, change_open_pct=10.0, volume_shares=2_000_000.0, vwap_usd=5.25,
        day_high_usd=6.0, day_low_usd=4.25, session_high_usd=5.75, session_low_usd=4.25,
        average_volume_shares=250_000.0, relative_volume=12.0, volume_ratio=8.0,
        free_float_shares=9_000_000.0, previous_open_usd=3.9, previous_high_usd=4.2,
        previous_low_usd=3.8, previous_volume_shares=300_000.0, previous_vwap_usd=4.05,
        bar_start_ms=NOW_MS - 1000, bar_end_ms=NOW_MS, bar_open_usd=5.4, bar_high_usd=5.6,
        bar_low_usd=5.3, bar_close_usd=5.5, bar_volume_shares=1500.0, bar_vwap_usd=5.45,
        average_size_shares=100.0, trades_5m=80, volume_5m_shares=40_000.0, volume_5m_usd=220_000.0,
    )  # fmt: skip
    return msgspec.structs.replace(known, **changes)


def a_board(board: str = "gainers", seq: int = 1, **changes: Any) -> Board:
    """A board of that one row."""
    row = a_row(**changes)
    scores = {
        "gainers": row.change_open_pct,
        "gappers": row.change_pct,
        "volume": row.volume_shares,
    }
    score = scores[board]
    assert score is not None
    return Board(board, row.trading_day, row.session, row.event_ms, seq, [ranked(1, score, row)])


def an_alert(
    kind: str = "high", price_usd: float = 6.5, at_ms: int = NOW_MS, **changes: Any
) -> Alert:
    """A high (low) of the regular session that is also beyond that of the pre-market."""
    row = a_row(**changes)
    return Alert(
        f"{kind}-{row.symbol}-{at_ms}", AlertKind(kind), row.symbol, row.trading_day, row.session,
        at_ms, price_usd, 5.75, [Breach("pre", 6.0)], None, None, None, None, row,
    )  # fmt: skip


class Market:
    """What tests put into the broker."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, what: str, /, **changes: Any) -> None:
        """Put a `row`, a `board`, a `halt` or an `alert`."""
        match what:
            case "row":
                row = a_row(**changes)
                await self._kv(Bucket.ROWS, symbol_token(row.symbol), row)
            case "board":
                board = a_board(**changes)
                await self._kv(Bucket.BOARDS, board.board, board)
            case "alert":
                alert = an_alert(**changes)
                subject = alert_subject(alert.kind, alert.symbol)
                await self._connection.acknowledged(subject, encode_json(alert))
            case _:
                paused = Halted(
                    "ABCD", "2026-01-05", HaltState.LIMIT, NOW_MS, 6.5, 5.0, "up", None, None, None, 0
                )  # fmt: skip
                await self._kv(Bucket.HALTS, "ABCD", msgspec.structs.replace(paused, **changes))

    async def _kv(self, bucket: Bucket, key: str, value: Any) -> None:
        await KeyValue(self._connection, bucket).put(key, encode_json(value))


class Client:
    """A client of the old system, as far as its protocol goes."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, **frame: Any) -> None:
        """Send a frame."""
        await self.connection.send(msgspec.json.encode(frame).decode())

    async def hear(self) -> Any:
        """The next frame, decoded."""
        text = await self.connection.recv()
        assert isinstance(text, str), "frames are text"
        return msgspec.json.decode(text)

    async def ask(self, **frame: Any) -> Any:
        """Send a frame and take the next."""
        await self.say(**frame)
        return await self.hear()

    async def closed(self) -> int:
        """Take what is left; the code with which the connection is then closed."""
        with suppress(ConnectionClosed):
            while True:
                await self.connection.recv()
        code = self.connection.close_code
        assert code is not None
        assert code != _CUT, "the connection was cut, not closed"
        return code


class Serving:
    """A server that runs, and the market behind it."""

    def __init__(self, port: int, source: CompatSource, market: Market, keys: set[str]) -> None:
        self.port = port
        self.source = source
        self.market = market
        self.keys = keys
        """Those that let a client in."""

    @asynccontextmanager
    async def visiting(
        self, key: str | None = KEY, headers: Mapping[str, str] | None = None, **options: Any
    ) -> AsyncIterator[Client]:
        """A client, let in with *key*; with None it has said nothing yet."""
        url = f"ws://127.0.0.1:{self.port}{PATH}"
        async with connect(url, additional_headers=headers, max_size=None, **options) as connection:
            client = Client(connection)
            if key is not None:
                assert await client.ask(action="auth", api_key=key) == {"status": "authorized"}
            yield client

    async def until_loaded(self) -> None:
        """Wait until what is put from now on is published."""
        await eventually(lambda: self.source.is_loaded)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:  # type: ignore[explicit-override]  # typing's comes with 3.12
        yield


@asynccontextmanager
async def serving(
    connection: Connection,
    *,
    board_s: float = 0.05,
    trades_s: float = 0.0,
    linger_s: float = 0.0,
    most_clients: int = 100,
    **options: Any,
) -> AsyncIterator[Serving]:
    """The route alone, served until the end of the context."""
    keys = {KEY}
    source = CompatSource(connection, board_s=board_s, trades_s=trades_s, linger_s=linger_s)
    places = Places(100, most_clients, most_clients)
    route = compat_route(source, keys.__contains__, frozenset({ORIGIN}), places, **options)
    server = _Server(
        uvicorn.Config(
            Litestar([route], openapi_config=None, logging_config=None),
            ws="websockets-sansio",
            ws_max_size=MAX_CLIENT_FRAME_BYTES,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(source.run())
            serving = tasks.create_task(server.serve([listener]))
            await eventually(lambda: server.started)
            try:
                yield Serving(listener.getsockname()[1], source, Market(connection), keys)
            finally:
                await source.close(1.0)
                server.should_exit = True
                await serving
                await end([running])


async def follow(script: list[Any], service: Serving) -> None:
    """Play a recorded conversation: `market` steps put values, `client` steps are sent, `server` steps must come."""
    before = [step for step in script if step[0] == "before"]
    for _, what, changes in before:
        await service.market.put(what, **changes)
    async with service.visiting(None) as client:
        for step in script[len(before) :]:
            match step:
                case ["client", dict(frame)]:
                    await client.say(**frame)
                case ["client", str(text)]:
                    await client.connection.send(text)
                case ["server", frame]:
                    assert await client.hear() == frame
                case ["closed", code]:
                    assert await client.closed() == code
                case ["market", what, changes]:
                    await service.until_loaded()
                    await service.market.put(what, **changes)
                case other:
                    raise AssertionError(f"no such step: {other!r}")


def conversations() -> dict[str, list[Any]]:
    """The recorded conversations, by name."""
    return {
        path.stem: msgspec.json.decode(path.read_bytes())
        for path in sorted(CONVERSATIONS.glob("*.json"))
    }
