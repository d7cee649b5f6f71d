"""The program `boards`: the active one of its processes keeps the market table and puts the ranked boards into KV.

A standby keeps nothing: loading the table takes a tenth of a second, following it half a
microsecond for every event of the tape.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from mesh import changes, clock, topology
from mesh.checkpoint import Checkpoints
from mesh.errors import BrokerError, FencedError
from mesh.group import Group
from mesh.leaderboard import Instant, board_at
from mesh.lifecycle import Counters, Lifecycle
from mesh.market_reader import MarketReader
from mesh.meters import Readings
from mesh.service import Asked, Says, Service, join
from mesh.settings import Settings
from mesh.spans import ROWS_TEMPLATE
from mesh.tasks import end, first_of, ticks
from mesh.wishes import Wish
from schemas.control import BoardWanted
from schemas.leaderboard import Board
from services import scanners
from services.boards import figures
from services.boards.shelf import Shelf


GROUP = "boards"

_ACTIVE = 0
"""The one slot of the group: whoever holds it ranks and puts."""
_RESYNC_S = 0.5
_TAKE_OVER_MS = 2000.0
"""A standby is active so long after the active one died, at the latest."""
_HAND_OVER_S = 10.0
"""An election of the broker takes 5 to 8 s: the last boards of a tape must outwait it."""


class Boards:
    """Every leaderboard that `services.scanners` finds, ranked over all rows while this process is active."""

    def __init__(self, settings: Settings, service: Service, lifecycle: Lifecycle) -> None:
        connection = service.connection
        self.reader = MarketReader(connection, settings.partitions)
        """Of the market table; a new one each time this process becomes active."""
        self.group = Group(connection, GROUP, 1, service.instance, lifecycle.log)
        self.active = False
        self.role_changed = asyncio.Event()
        floors = (settings.board_min_usd, float(settings.board_min_shares))
        self._boards = [board.above(*floors) for board in scanners.discover(settings.boards)]
        self.names = [board.name for board in self._boards]
        self.shelf = Shelf(connection, self.names)
        self.wishes: Mapping[str, Wish[BoardWanted]] = {
            name: service.wishes.follow("board", name, BoardWanted) for name in self.names
        }
        self._top = settings.board_top
        self._connection = connection
        self._partitions = settings.partitions
        self._lifecycle = lifecycle
        self._received_ms = 0.0
        self._putting = asyncio.Lock()

    async def take(self, slot: int) -> None:
        """Become the active one: load the table, and put its boards at once."""
        del slot
        async with self._putting:
            await self._load()
            await self.shelf.begin()
            self.reader.changed = True
            self._become(active=True)
            try:
                await self._put()
            except FencedError:
                await self._stand_by()
                raise
            except BrokerError as error:  # the next flush comes soon
                self._lifecycle.log.warning("boards.delayed", reason=str(error))

    async def hand_over(self, slot: int) -> None:
        """End with boards of everything that was published."""
        del slot
        end_s = clock.monotonic_s() + _HAND_OVER_S
        while self.active and clock.monotonic_s() < end_s:
            if await self._survive(self._finish):
                break
            await asyncio.sleep(_RESYNC_S)
        await self._stand_by()

    async def drop(self, slot: int) -> None:
        """Another process is the active one."""
        del slot
        await self._stand_by()

    async def complete(self) -> None:
        """Load what the table misses, if this process is the active one."""
        if self.active:
            await self.reader.complete()

    async def flush(self) -> None:
        """Put every board, if this process is the active one and any row changed since the last time."""
        async with self._putting:
            if self.active:
                received_ms = self.reader.table.take_received_ms()
                self._received_ms = _older(self._received_ms, received_ms)
                await self._put()

    async def keep(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        """Do something at an interval, for ever."""
        async for _ in ticks(seconds):
            await self._survive(act)

    async def _put(self) -> None:
        instant = self.reader.table.instant()
        if not self.reader.changed or instant is None:
            return
        self.reader.changed = False
        try:
            await self._put_ranked(instant)
        except BrokerError:
            self.reader.changed = True
            raise
        self._received_ms = 0.0

    async def _put_ranked(self, instant: Instant) -> None:
        links, spans = self.reader.take_links(), self._lifecycle.spans
        if not links or spans is None:
            await self.shelf.put(self._ranked(instant), self._received_ms)
            return
        with spans.span(
            "process", ROWS_TEMPLATE, links, batch__message_count=len(self._boards)
        ) as headers:
            await self.shelf.put(self._ranked(instant), self._received_ms, headers)

    def _ranked(self, instant: Instant) -> list[Board]:
        """All boards but those that are paused and say so."""
        columns = self.reader.table.columns()
        return [
            msgspec.structs.replace(
                board_at(
                    instant, board, columns, seq=self.shelf.next_seq(board.name), top=self._top
                ),
                paused=self.is_paused(board.name),
            )
            for board in self._boards
            if not (self.is_paused(board.name) and self.shelf.is_paused(board.name))
        ]

    def is_paused(self, name: str) -> bool:
        """Whether somebody wants a board to stay as it is."""
        return self.wishes[name].value.paused

    def named(self, asked: Asked) -> str:
        """The board that is meant. Raises ValueError if there is none."""
        if asked.board not in self.wishes:
            raise ValueError(f"board must be one of {', '.join(self.names)}, was {asked.board!r}")
        return asked.board

    def tell(self) -> dict[str, Any]:
        """What it does, for people."""
        return {
            "role": "active" if self.active else "standby",
            "symbols": len(self.reader.table.columns()),
            "paused": [name for name in self.names if self.is_paused(name)],
        }

    def figures(self) -> Readings:
        """What it does, in figures."""
        found = figures.of(self.reader.table, self.shelf, self.group, active=self.active)
        return {**found, "board.paused": {name: self.is_paused(name) for name in self.names}}

    async def obey(self) -> None:
        """Put the boards again when somebody wants one to be paused or to go on, for ever."""
        changed = [wish.changed for wish in self.wishes.values()]
        while True:
            await first_of(*changed)
            for each in changed:
                each.clear()
            self.reader.changed = True
            await self._survive(self.flush)

    async def _finish(self) -> None:
        await self.reader.load_again()
        await self.flush()

    async def _survive(self, act: Callable[[], Awaitable[None]]) -> bool:
        """Do something that fails while the broker is away, and goes on afterwards; whether it was done."""
        try:
            await act()
        except FencedError as error:
            self._lifecycle.log.warning("boards.fenced", reason=str(error))
            await self._stand_by()
            self.group.forget(_ACTIVE)
        except BrokerError as error:
            self._lifecycle.log.warning("boards.delayed", reason=str(error))
        else:
            return True
        return False

    def _become(self, *, active: bool) -> None:
        self.active = active
        self.role_changed.set()

    async def _load(self) -> None:
        """Begin with a table as the streams and images have it now."""
        await self.reader.close()
        self.reader = MarketReader(self._connection, self._partitions)
        await self.reader.open()
        # What is older than a take-over lasts was shown by the one before.
        loaded_ms = self.reader.table.take_received_ms()
        self._received_ms = max(loaded_ms, clock.now_ms() - _TAKE_OVER_MS) if loaded_ms else 0.0

    async def _stand_by(self) -> None:
        self._become(active=False)
        await self.reader.close()


def _older(one_ms: float, other_ms: float) -> float:
    """The earlier of two instants; 0 is none."""
    return min(one_ms, other_ms) if one_ms and other_ms else one_ms or other_ms


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Rank the market, or stand by to do so, until told to stop; the active one ends with all that was published."""
    async with join(settings, lifecycle, "boards") as service:
        await topology.keep(service.connection, settings.replicas)
        await Checkpoints(service.connection).require_partitions(settings.partitions)
        boards = Boards(settings, service, lifecycle)
        service.says = Says(boards.tell, lambda: {"puts": boards.shelf.puts})
        lifecycle.meters.add(boards.figures)
        await service.wishes.load()
        await service.obey("pause", lambda asked: changes.pause_board(boards.named(asked)))
        await service.obey("resume", lambda asked: changes.resume_board(boards.named(asked)))
        async with asyncio.TaskGroup() as tasks:
            meanwhile = [
                tasks.create_task(each)
                for each in (
                    boards.keep(settings.board_flush_ms / 1000, boards.flush),
                    boards.keep(_RESYNC_S, boards.complete),
                    boards.obey(),
                    _announce(boards, lifecycle),
                )
            ]
            await boards.group.run(boards, lifecycle.stopping)
            await end(meanwhile)
        return {"puts": boards.shelf.puts, "symbols": len(boards.reader.table.columns())}


async def _announce(boards: Boards, lifecycle: Lifecycle) -> None:
    """Say whether this process is the active one, each time that changes."""
    await boards.group.settled.wait()
    while True:
        boards.role_changed.clear()
        role = "active" if boards.active else "standby"
        lifecycle.ready(boards=boards.names, role=role)
        lifecycle.log.info("role.changed", role=role)
        await boards.role_changed.wait()
