"""A day that begins while nobody folds it: with the workers down over midnight, rows are those of a run that never stopped."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from mesh import broker as ports
from mesh import direct
from mesh.calendar import day_of
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import eventually, ready_connection, running_broker
from schemas.market import Bar, Batch
from schemas.naming import Bucket, MarketClass, tape_stream
from schemas.wire import msgpack_decoder
from tests.mesh.programs import RunningProgram, mesh_run, running_program
from tests.system.mesh_up import without_seq
from tests.system.test_up import two_days


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(120)]

DAYS = ("2024-10-02", "2024-10-03")
FIRST, SECOND = (day_of(date.fromisoformat(day)) for day in DAYS)
WORKERS = ("processors", "processors")

_decode = msgpack_decoder(Batch[Bar]).decode


class Left(NamedTuple):
    """What is in KV after the tape."""

    rows: dict[str, Any]
    boards: dict[str, Any]


def _settings(url: str, tape: list[str]) -> Settings:
    """As `mesh up --tape` has them."""
    feed, rest = ports.free_ports(2)
    return Settings(
        nats_url=url,
        partitions=4,
        source="tape",
        lossless=True,
        api_key="simulator",
        feed=f"127.0.0.1:{feed}",
        feed_tls=False,
        rest_url=f"http://127.0.0.1:{rest}",
        reference_days=",".join(DAYS),
        reference_curves=0,
        sim_port=feed,
        sim_rest_port=rest,
        sim_tape=":".join(tape),
        sim_speed="8000",
        rows_kv_ms=100,
    )


async def _newest_row_ms(connection: Connection) -> int:
    entries = await KeyValue(connection, Bucket.ROWS).all()
    return max(
        (msgspec.json.decode(entry.value or b"")["event_ms"] for entry in entries), default=0
    )


async def _newest_taped_ms(connection: Connection) -> int:
    stored = await direct.every(connection, tape_stream(MarketClass.MINUTES), "tape.minutes.*")
    return max((bar.start_ms for each in stored for bar in _decode(each.payload).events), default=0)


async def _until(
    connection: Connection, newest_ms: Callable[[Connection], Awaitable[int]], after_ms: int
) -> None:
    """Wait until the newest is of later."""

    async def found() -> bool:
        return await newest_ms(connection) > after_ms

    await eventually(found)  # type: ignore[arg-type]  # T is what is awaited


async def _kv(connection: Connection, bucket: Bucket) -> dict[str, Any]:
    entries = await KeyValue(connection, bucket).all()
    return {entry.key: msgspec.json.decode(entry.value or b"") for entry in entries}


class Mesh:
    """The programs that play a tape, each with a log of its own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder

    async def start(self, stack: AsyncExitStack, *names: str) -> list[RunningProgram]:
        """Start programs until *stack* ends, and wait until they are ready."""
        started = [
            await stack.enter_async_context(
                running_program(mesh_run(name), self._settings, self._folder / f"{number}-{name}")
            )
            for number, name in enumerate(names)
        ]
        for program in started:
            await program.until(ready=True, timeout_s=40)
        return started


async def _skip_midnight(connection: Connection, feed: RunningProgram) -> None:
    """The feed, which stands still, goes on until the first events of the next day are on the tape."""
    stopped_ms = await _newest_row_ms(connection)
    feed.process.send_signal(signal.SIGCONT)
    await _until(connection, _newest_taped_ms, SECOND.pre_ms)

    assert stopped_ms < FIRST.close_ms
    assert await _newest_row_ms(connection) == stopped_ms


async def _play(folder: Path, tape: list[str], *, stopping: bool) -> Left:
    """What playing *tape* leaves behind; when *stopping*, nobody folds from the first afternoon until the next day."""
    async with running_broker(folder / "jetstream") as server:
        settings = _settings(server.url, tape)
        mesh = Mesh(settings, folder)
        async with ready_connection(settings) as connection:
            async with AsyncExitStack() as stack:
                await mesh.start(stack, "boards")
                workers = await stack.enter_async_context(AsyncExitStack())
                await mesh.start(workers, *WORKERS)
                [feed, _, listener] = await mesh.start(stack, "simulator", "reference", "listener")
                if stopping:
                    await _until(connection, _newest_row_ms, FIRST.open_ms)
                    feed.process.send_signal(signal.SIGSTOP)
                    await workers.aclose()
                    await _skip_midnight(connection, feed)
                    await mesh.start(workers, *WORKERS)
                await eventually(lambda: listener.said("tape.ended"), timeout_s=40)
            return Left(
                await _kv(connection, Bucket.ROWS),
                without_seq(await _kv(connection, Bucket.BOARDS)),
            )


async def test_day_that_begins_without_workers_is_right(tmp_path: Path, recorded: Path) -> None:
    """Two workers stop in the afternoon and start again in the next session: rows and boards as if they had not."""
    tape = two_days(recorded)
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    async with asyncio.TaskGroup() as tasks:
        whole = tasks.create_task(_play(tmp_path / "whole", tape, stopping=False))
        stopped = tasks.create_task(_play(tmp_path / "stopped", tape, stopping=True))
    expected, found = whole.result(), stopped.result()

    assert {row["trading_day"] for row in found.rows.values()} == {DAYS[1]}
    assert found == expected
