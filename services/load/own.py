"""What `mesh load --self-contained` brings with it: a broker, the service, and a producer of rows and boards."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from secrets import SystemRandom
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from mesh import broker, clock, topology
from mesh.config import load, to_environment
from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError, FatalError
from mesh.leaderboard import board_at
from mesh.logs import set_up
from mesh.partition import partition_of
from mesh.publisher import Publisher
from mesh.settings import Settings
from mesh.tasks import end, ticks
from mesh.tokens import LONGEST_S, Tokens, random_key
from schemas.columns import Columns
from schemas.naming import symbol_token
from schemas.wire import encode_json
from services.boards.shelf import Shelf
from services.load.market import SYMBOLS, TICK_S, Market
from services.processors.outlet import Outlet
from services.scanners.gainers import BOARD
from services.up import stored
from services.up.child import Child, program_argv
from services.up.console import Console


_READY_S = 60.0
_PICTURE_TICKS = 8
"""Ticks from one image of the rows to the next: 2 s, as owners have it by default."""
_EPOCH = 1


class Producer:
    """Publishes a `Market` as the owners of its partitions and the ranking process do."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.ticks = 0
        """Ticks that were published."""
        self.board_bytes = 0
        """Of the board, as it lies in KV."""
        self._market = Market()
        self._partitions = settings.partitions
        self._publisher = Publisher(connection)
        self._shelf = Shelf(connection, [BOARD.name])
        self._outlets = [
            Outlet(connection, self._publisher, partition)
            for partition in range(settings.partitions)
        ]

    async def start(self) -> None:
        """Publish everything for the first time: rows, images, the board."""
        await self._publisher.start()
        await self._shelf.begin()
        for outlet in self._outlets:
            outlet.epoch = _EPOCH
        await self._publish(self._market.columns)
        await self._picture()

    async def run(self) -> None:
        """Publish a tick four times a second, for ever."""
        async for _ in ticks(TICK_S):
            with suppress(
                BrokerError
            ):  # it did not say in time that it has it: the next one holds more
                await self._publish(self._market.tick())
                self.ticks += 1
                if self.ticks % _PICTURE_TICKS == 0:
                    await self._picture()

    async def _publish(self, rows: Columns) -> None:
        """All is worked out before any of it is published: latency counts from there."""
        partitions = np.array([self._partition(symbol) for symbol in rows.symbols])
        parts = {
            partition: rows.take(np.flatnonzero(partitions == partition))
            for partition in np.unique(partitions).tolist()
        }
        board = board_at(
            self._market.instant,
            BOARD,
            self._market.columns,
            seq=self._shelf.next_seq(BOARD.name),
            top=SYMBOLS,
        )
        self.board_bytes = len(encode_json(board))
        received_ms = clock.now_ms()
        for partition, part in parts.items():
            await self._outlets[partition].publish(part, received_ms)
        await self._shelf.put([board], received_ms)

    async def _picture(self) -> None:
        for outlet in self._outlets:
            await outlet.picture(_nobody_else)

    def _partition(self, symbol: str) -> int:
        return partition_of(symbol_token(symbol), self._partitions)


class Own:
    """A mesh of one's own that runs."""

    def __init__(self, settings: Settings, widgets: Child, producer: Producer) -> None:
        self.url = f"ws://127.0.0.1:{settings.port}/ws"
        """Where the service is."""
        self.producer = producer
        self._widgets = widgets
        self._tokens = Tokens(settings.token_key.encode())

    def token_of(self, user: str) -> str:
        """A token with which *user* may see everything."""
        return self._tokens.issue(user, [">"], LONGEST_S, clock.now_ms())

    @property
    def pid(self) -> int | None:
        """The process of the service."""
        return self._widgets.pid


@asynccontextmanager
async def running() -> AsyncIterator[Own]:
    """A broker, a producer and the service, in a folder that is removed at the end.

    Raises:
        FatalError: one of them did not start.
    """
    with _settled() as settings:
        folder = Path(settings.data_dir)
        node = broker.Node("broker", settings.nats_port, broker.free_port(), 0, folder)
        (command,) = stored.commands([node])
        environment = to_environment(settings)
        console = Console()
        server = Child("broker", command.argv, command.environment, folder / "broker.log", console)
        widgets = Child(
            "widgets", program_argv("widgets"), environment, folder / "widgets.log", console
        )
        async with asyncio.TaskGroup() as tasks:
            kept = [tasks.create_task(server.keep(_chance))]
            try:
                if not await broker.wait_until_listening(node.port):
                    raise FatalError("the broker did not start")
                async with open_connection(settings, "load", set_up("load", "error")) as connection:
                    await topology.establish(connection, topology.definitions())
                    producer = Producer(settings, connection)
                    await producer.start()
                    kept.append(tasks.create_task(widgets.keep(_chance)))
                    await _until_ready(widgets, folder / "widgets.log")
                    producing = tasks.create_task(producer.run())
                    try:
                        yield Own(settings, widgets, producer)
                    finally:
                        await end([producing])
                        await widgets.stop()
            finally:
                await widgets.stop()
                await server.stop()
                await asyncio.wait(kept)


@contextmanager
def _settled() -> Iterator[Settings]:
    """Settings of the environment, with a folder and ports of our own, and room on boards for all rows."""
    nats_port, port = broker.free_ports(2)
    with TemporaryDirectory(prefix="mesh-load-") as folder:
        yield msgspec.structs.replace(
            load(os.environ),
            nats_url=f"nats://127.0.0.1:{nats_port}",
            nats_port=nats_port,
            port=port,
            health_port=0,
            data_dir=folder,
            board_top=SYMBOLS,
            token_key=random_key(),
            ws_auth="token",
            source="simulated",
            replicas=1,
        )


async def _until_ready(child: Child, log_file: Path) -> None:
    try:
        async with asyncio.timeout(_READY_S):
            await child.ready.wait()
    except TimeoutError as error:
        raise FatalError(
            f"{child.name} was not ready within {_READY_S:.0f} s: {_tail(log_file)}"
        ) from error


def _tail(log_file: Path) -> str:
    return log_file.read_text(errors="replace")[-2000:] if log_file.exists() else "it said nothing"


async def _nobody_else() -> None:
    """Nobody else owns a partition here."""


_chance = SystemRandom().random
