"""Reference data that is missing, late or failing, under real programs: rows flow, what needs it stays unknown."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection
from schemas.leaderboard import Board, Row
from schemas.naming import Bucket
from schemas.wire import json_decoder
from services.simulator.faults import Fault
from tests.mesh.programs import RunningProgram, mesh_run, running_program
from tests.services.simulator.resting import FIRST_DAY, synthetic, vendor
from tests.system.programs import small_market


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(120)]

SYMBOLS = 60
FLOATS = "/stocks/vX/float"
FAULTS: tuple[Fault, ...] = ("limit", "error", "malformed", "hang")
NEEDS_REFERENCE = (
    "previous_close_usd", "change_usd", "change_pct", "gap_pct", "average_volume_shares", "relative_volume",
    "free_float_shares", "atr_usd",
)  # fmt: skip

_decode_row = json_decoder(Row).decode
_decode_board = json_decoder(Board).decode


@pytest.fixture
def market(broker: RunningBroker) -> Settings:
    """A small synthetic market, as a live feed on free ports; its REST API is asked where a test says."""
    return msgspec.structs.replace(
        small_market(broker.url),
        sim_symbols=SYMBOLS,
        sim_speed="20",  # a volume curve that has come shows from the next minute on
        sim_start=f"{FIRST_DAY}T08:30:00",
    )


@asynccontextmanager
async def _market_without_reference(market: Settings, folder: Path) -> AsyncIterator[None]:
    """Every program but `reference` (and the page), ready."""
    async with AsyncExitStack() as stack:
        programs = []
        for name in ("simulator", "processors", "boards", "listener"):
            running = running_program(mesh_run(name), market, folder / f"{name}.log")
            programs.append(await stack.enter_async_context(running))
        for program in programs:
            await program.until(ready=True, timeout_s=40)
        yield


async def _rows(connection: Connection) -> list[Row]:
    return [
        _decode_row(entry.value or b"") for entry in await KeyValue(connection, Bucket.ROWS).all()
    ]


async def _newest_ms(connection: Connection) -> int:
    return max((row.event_ms for row in await _rows(connection)), default=0)


async def _rows_flow(connection: Connection) -> None:
    """Wait until rows are newer than now."""
    now_ms = await _newest_ms(connection)

    async def newest() -> int:
        return await _newest_ms(connection)

    await eventually(newest, lambda found: found > now_ms)  # type: ignore[arg-type]  # T is what is awaited


async def _ranked(connection: Connection, name: str) -> set[str]:
    """The symbols on a board in KV."""
    entry = await KeyValue(connection, Bucket.BOARDS).get(name)
    assert entry is not None
    return {ranked.symbol for ranked in _decode_board(entry.value or b"").rows}


async def _assert_unknown(connection: Connection) -> None:
    """Nothing says what nobody knows."""
    known = {
        (row.symbol, field)
        for row in await _rows(connection)
        for field in NEEDS_REFERENCE
        if getattr(row, field) is not None
    }
    assert known == set()
    assert await _ranked(connection, "gappers") == set()
    assert await _ranked(connection, "relative-volume") == set()
    assert await _ranked(connection, "volume") != set()


async def _completed(connection: Connection) -> None:
    """Wait until every row has a previous close, and boards rank by what was unknown."""

    async def unknown() -> int:
        rows = await _rows(connection)
        return sum(row.change_pct is None or row.average_volume_shares is None for row in rows)

    async def ranked() -> bool:
        with suppress(BrokerError):  # asked again: a busy machine may answer late
            return all([await _ranked(connection, name) for name in ("gappers", "relative-volume")])
        return False

    await eventually(unknown, lambda count: count == 0, timeout_s=30)  # type: ignore[arg-type]  # T is what is awaited
    await eventually(ranked, timeout_s=30)  # type: ignore[arg-type]  # the same


def _counters(program: RunningProgram) -> dict[str, Any]:
    [stopped] = program.said("service.stopped")
    return stopped


async def test_rows_flow_without_reference_data_and_are_completed(
    market: Settings, tmp_path: Path
) -> None:
    """Nobody to ask, then each failure, then the data: rows flow all along, and are completed in the end."""
    async with (
        _market_without_reference(market, tmp_path),
        ready_connection(market) as connection,
        vendor(synthetic(SYMBOLS)) as asked,
    ):
        asking = msgspec.structs.replace(market, rest_url=asked.url)
        await _rows_flow(connection)
        await _assert_unknown(connection)
        for fault in FAULTS:
            asked.faults.fail("/", fault)
            log_file = tmp_path / f"{fault}.log"
            before = len(asked.faults.asked)
            async with running_program(mesh_run("reference"), asking, log_file) as reference:
                await eventually(lambda: len(asked.faults.asked) > before)  # noqa: B023 (called here)
                await reference.until(ready=True)
                await _rows_flow(connection)
                await _assert_unknown(connection)
            counters = _counters(reference)
            assert (counters["days"], counters["missing"]) == (0, [FIRST_DAY]), fault

        asked.faults.mend()
        asked.faults.fail(FLOATS, "error")  # one part is still missing
        async with running_program(mesh_run("reference"), asking, tmp_path / "part") as reference:
            await _completed(connection)
            await _rows_flow(connection)
            assert {row.free_float_shares for row in await _rows(connection)} == {None}
        counters = _counters(reference)
        assert counters["days"] == 1
        assert counters["without"]["float"] == counters["symbols"] > counters["without"]["close"]
        assert counters["failures"] > 0
