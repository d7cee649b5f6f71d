"""What clients of the replaced system's protocol read: watched once for all of them, and only while there are any."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from mesh import clock
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.tasks import end, ticks
from schemas.naming import Bucket, parse_symbol_token
from schemas.widget import RESTARTING
from schemas.wire import DecodeError
from services.widgets.compat import CompatSession
from services.widgets.compat_alerts import Alerts, answered
from services.widgets.compat_events import Events
from services.widgets.compat_market import Market
from services.widgets.compat_names import ALL_TRADES, BOARDS, Kind, Name, parse
from services.widgets.compat_news import News
from services.widgets.compat_switch import Published, Switch


_ALL = ">"
_PATIENCE_S = 5.0
"""How long clients wait for what is loaded when the first of them comes."""

TakeValue = Callable[[str, bytes | None], list[str]]
"""Takes a key and its value, None if it was deleted; the names that have a new value."""
Changed = Callable[[Sequence[str]], None]


class CompatSource:
    """Boards, rows, halts, alerts and news of a broker under their old names.

    `run` it for as long as the service lives. It loads the market when the first client joins, and
    forgets it after the last has left. While the broker is away, what is known stays.

    Args:
        connection: to the broker; it may come and go.
        board_s: how often a board is published at most; as in the old system by default.
        trades_s: how old the list of top trades may be; as in the old system by default.
        linger_s: how long the market is kept after the last client: a page that is loaded anew comes back at once.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        board_s: float = 1.0,
        trades_s: float = 5.0,
        linger_s: float = 5.0,
    ) -> None:
        self.switch = Switch(self)
        self.rejected = 0
        """Values in KV that could not be understood, and were left out."""
        self._connection = connection
        self._board_s = board_s
        self._linger_s = linger_s
        self._sessions: set[CompatSession] = set()
        self._is_drained = False
        self._needed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._loaded = asyncio.Event()
        self._market = Market()
        self._alerts = Alerts(connection, self._deliver)
        self._news = News(connection, self._deliver)
        self._trades: str | None = None
        self._trades_s = trades_s
        self._trades_until_s = 0.0
        self._due: set[str] = set()
        """Names of boards that have changed since they were published."""

    @property
    def clients(self) -> int:
        """Clients that have joined."""
        return len(self._sessions)

    @property
    def is_loaded(self) -> bool:
        """Whether all is known that there was when the first client came."""
        return self._loaded.is_set()

    @contextmanager
    def joined(self, session: CompatSession) -> Iterator[None]:
        """Serve *session*, which has let its client in, for as long as it is connected."""
        self._sessions.add(session)
        self._idle.clear()
        self._needed.set()
        if self._is_drained:
            session.end(RESTARTING)
        try:
            yield
        finally:
            session.leave()
            self._sessions.discard(session)
            if not self._sessions:
                self._needed.clear()
                self._idle.set()

    async def run(self) -> None:
        """Watch whenever there are clients, for ever."""
        while True:
            await self._needed.wait()
            async with asyncio.TaskGroup() as tasks:
                watching = [tasks.create_task(each) for each in self._watches()]
                await self._until_left()
                self._loaded.clear()  # whoever comes while the watches end waits for the next
                await end(watching)
            self._market, self._alerts = Market(), Alerts(self._connection, self._deliver)
            self._news = News(self._connection, self._deliver)
            self._due.clear()

    def drain(self, *, drained: bool) -> None:
        """Send every client elsewhere, and whoever comes; or serve again."""
        self._is_drained = drained
        if drained:
            for session in tuple(self._sessions):
                session.end(RESTARTING)

    async def close(self, patience_s: float) -> None:
        """Have every client closed; who does not take even that within *patience_s* is left behind."""
        self.drain(drained=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._idle.wait()

    async def ready(self) -> None:
        """Wait until all is known, and what comes is heard; for some seconds only, if the broker is away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self._loaded.wait()

    async def get(self, cache: str, limit: int) -> str:
        """The value of *cache* as JSON: of a list the newest *limit* (0: all), newest first; null if there is none."""
        name = parse(cache)
        if name is None:
            return "null"
        await self.ready()
        if name.is_list:
            return f"[{','.join(self._events(name).newest(name.text, limit))}]"
        return (
            self._all_trades() if name.text == ALL_TRADES else self._market.value(name)
        ) or "null"

    def published(self, name: Name) -> Published:
        """How far *name* has come."""
        if name.is_list:
            return Published(self._events(name).number, None)
        return Published(0, None if name.kind is Kind.TRADES else self._market.value(name))

    def since(self, name: Name, position: Published) -> Sequence[str]:
        """What was published of *name* after *position*: each event, oldest first, or the newest value."""
        if name.is_list:
            return self._events(name).since(name.text, position.number)
        value = None if name.kind is Kind.TRADES else self._market.value(name)
        return [] if value is None or value == position.value else [value]

    def _events(self, name: Name) -> Events | News:
        return self._news if name.kind is Kind.NEWS else self._alerts.events

    def _all_trades(self) -> str | None:
        """Made of every row there is, so it may be some seconds old, as it was in the old system."""
        now_s = clock.monotonic_s()
        if now_s >= self._trades_until_s:
            name = parse(ALL_TRADES)
            self._trades = None if name is None else self._market.value(name)
            self._trades_until_s = now_s + self._trades_s
        return self._trades

    def _watches(self) -> list[Coroutine[Any, Any, None]]:
        loaded = [asyncio.Event() for _ in range(4 + len(BOARDS))]
        rows, halts, alerts, news, *boards = loaded
        return [
            self._watch(Bucket.ROWS, _ALL, self._take_row, self._publish, rows),
            self._watch(Bucket.HALTS, _ALL, self._take_halt, self._publish, halts),
            *(
                self._watch(Bucket.BOARDS, board, self._market.take_board, self._due.update, each)
                for board, each in zip(BOARDS.values(), boards, strict=True)
            ),
            self._alerts.run(alerts),
            self._news.run(news),
            self._publish_boards(),
            self._announce(loaded),
        ]

    async def _until_left(self) -> None:
        while self._sessions:
            await self._idle.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._linger_s):
                    await self._needed.wait()

    async def _announce(self, loaded: Sequence[asyncio.Event]) -> None:
        for each in loaded:
            await each.wait()
        self._loaded.set()

    async def _watch(
        self, bucket: Bucket, keys: str, take: TakeValue, changed: Changed, loaded: asyncio.Event
    ) -> None:
        """Take every value; those that are newer than what there was at the beginning have *changed* names."""
        values = KeyValue(self._connection, bucket)
        last = await answered(lambda: _last_revision(self._connection, values, keys))
        if not last:
            loaded.set()
        async for entry in values.watch(keys):
            try:
                names = take(entry.key, entry.value)
            except (DecodeError, ValueError):
                self.rejected += 1
                names = []
            if loaded.is_set() or entry.revision > last:
                changed(names)
            if entry.revision >= last:
                loaded.set()

    def _take_row(self, key: str, value: bytes | None) -> list[str]:
        return self._market.take_row(parse_symbol_token(key), value)

    def _take_halt(self, key: str, value: bytes | None) -> list[str]:
        return self._market.take_halt(parse_symbol_token(key), value)

    async def _publish_boards(self) -> None:
        async for _ in ticks(self._board_s):
            due = sorted(self._due)
            self._due.clear()
            self._publish(due)

    def _publish(self, names: Sequence[str]) -> None:
        for text in names:
            if self.switch.takers(text):
                name = parse(text)
                frame = None if name is None else self._market.value(name)
                if name is not None and frame is not None:
                    self._deliver(name, frame)

    def _deliver(self, name: Name, frame: str) -> None:
        for taker in self.switch.takers(name.text):
            taker.deliver(name, frame)


async def _last_revision(connection: Connection, values: KeyValue, keys: str) -> int:
    """The newest revision of *keys* (all, or one); 0 if there is none."""
    if keys == _ALL:
        info = await connection.api(f"$JS.API.STREAM.INFO.{values.stream}")
        state = info["state"]
        return int(state["last_seq"]) if state["messages"] else 0
    entry = await values.get(keys)
    return 0 if entry is None else entry.revision
