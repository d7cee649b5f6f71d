"""The broker gone for a while and back, under every program as a process of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from mesh import broker as ports
from mesh import direct, topology
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.tasks import ticks
from mesh.testing import RunningBroker, eventually, ready_connection
from schemas.leaderboard import Board
from schemas.naming import ROWS_STREAM, Bucket, partition_token, rows_subject
from schemas.wire import json_decoder
from services.scanners import discover
from tests.mesh.programs import RunningProgram, mesh_run, running_program


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(180)]

DAY = "2026-01-05"
PARTITIONS = 4
ON_THE_BROKER = ("reference", "processors", "boards", "widgets", "listener")

Programs = dict[str, RunningProgram]
Marks = dict[str, int]
"""How far each part of the pipeline has come; all of them grow while it works."""
MARKS = 2 * len(discover()) + 2 * PARTITIONS

_decode_board = json_decoder(Board).decode


@pytest.fixture
def market(broker: RunningBroker) -> Settings:
    """A small synthetic market, as a live feed on free ports."""
    feed, rest, page = ports.free_ports(3)
    return Settings(
        nats_url=broker.url,
        port=page,
        partitions=PARTITIONS,
        api_key="simulator",
        feed=f"127.0.0.1:{feed}",
        feed_tls=False,
        rest_url=f"http://127.0.0.1:{rest}",
        reference_days=DAY,
        sim_port=feed,
        sim_rest_port=rest,
        sim_symbols=200,
        sim_start=f"{DAY}T09:30:10",
    )


@asynccontextmanager
async def _all_running(market: Settings, folder: Path) -> AsyncIterator[Programs]:
    """Every program, ready. All but the simulator start at once, on a broker that holds nothing."""
    async with AsyncExitStack() as stack:

        async def start(name: str) -> RunningProgram:
            running = running_program(mesh_run(name), market, folder / f"{name}.log")
            return await stack.enter_async_context(running)

        programs = {"simulator": await start("simulator")}
        await programs["simulator"].until(ready=True)
        for name in ON_THE_BROKER:
            programs[name] = await start(name)
        for program in programs.values():
            await program.until(ready=True, timeout_s=60)
        yield programs


async def _marks(connection: Connection) -> Marks:
    marks: Marks = {}
    for entry in await KeyValue(connection, Bucket.BOARDS).all():
        board = _decode_board(entry.value or b"")
        marks[f"{entry.key}.seq"] = board.seq
        marks[f"{entry.key}.asof_ms"] = board.asof_ms
    for bucket in (Bucket.CHECKPOINTS, Bucket.IMAGES):
        for partition in range(PARTITIONS):
            found = await KeyValue(connection, bucket).get(partition_token(partition))
            marks[f"{bucket}.{partition}"] = found.revision if found else 0
    return marks


async def _advance(connection: Connection, marks: Marks) -> Marks:
    """Wait until everything has come further than *marks*; how far."""

    async def now() -> Marks:
        return await _marks(connection)

    def is_further(found: Marks) -> bool:
        return len(found) == MARKS and all(found[key] > marks.get(key, 0) for key in found)

    return await eventually(now, is_further, timeout_s=30.0)


async def _nobody_is_ready(programs: Programs, seconds: float) -> None:
    """For so many *seconds* every program lives and says that the broker is away."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for _ in ticks(0.5):
                for name in ON_THE_BROKER:
                    health = await programs[name].health()
                    assert health is not None, name
                    assert health.reasons == {"broker": "is away"}, name


@pytest.mark.traced
@pytest.mark.parametrize("away_s", [3.0, pytest.param(30.0, marks=pytest.mark.soak)])
async def test_everything_goes_on_after_an_outage(
    broker: RunningBroker, market: Settings, tmp_path: Path, away_s: float
) -> None:
    """The broker is killed and comes back: nobody was ready meanwhile, nobody was restarted, and every part goes on."""
    async with _all_running(market, tmp_path) as programs:
        async with ready_connection(market) as connection:
            before = await _advance(connection, await _advance(connection, {}))

        await broker.kill()
        for name in ON_THE_BROKER:
            await programs[name].until(ready=False)
        await _nobody_is_ready(programs, away_s)
        await broker.start()
        for program in programs.values():
            await program.until(ready=True)

        async with ready_connection(market) as connection:
            assert await topology.diff(connection, topology.definitions()) == []
            await _advance(connection, await _advance(connection, before))
            for partition in range(PARTITIONS):
                assert await direct.last(connection, ROWS_STREAM, rows_subject(partition))
        assert [name for name in programs if programs[name].process.returncode is not None] == []

    for name, program in programs.items():
        assert program.process.returncode == 0, name
        assert len(program.said("service.ready")) == (1 if name == "simulator" else 2), name
