"""`mesh load` as a process, against a scripted service, and with everything that it brings itself."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mesh.connection import Connection
from mesh.kv import RECEIVED_MS, KeyValue
from mesh.market_reader import MarketReader
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.leaderboard import Board
from schemas.naming import Bucket
from schemas.wire import json_decoder
from services.__main__ import main
from services.load.market import CHANGING, SYMBOLS
from services.load.own import Producer
from services.load.process import Used, listening_on
from tests.services.load.scripted import scripted_server


_decode_board = json_decoder(Board).decode


async def _load(folder: Path, *words: str) -> asyncio.subprocess.Process:
    """A load that runs; without coverage, for it measures."""
    environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "load", *words),
        cwd=folder,
        env={**environment, "PYTHONPATH": str(Path.cwd())},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _result(process: asyncio.subprocess.Process) -> dict[str, Any]:
    out, _ = await process.communicate()
    result: dict[str, Any] = msgspec.json.decode(out)
    return result


@pytest.mark.slow
async def test_load_prints_one_object_with_every_figure(tmp_path: Path) -> None:
    """Of a service elsewhere everything is measured but what only its producer knows; a storm is a recovery for each client."""
    flags = "--clients 4 --views 2 --seconds 1 --stalled 1 --hostile 1 --idle 3 --storm"
    (tmp_path / "token").write_text("t\n")
    async with scripted_server() as server:
        url = f"ws://127.0.0.1:{server.at.port}/ws"
        process = await _load(
            tmp_path, "--url", url, "--token-file", str(tmp_path / "token"), *flags.split()
        )
        reading = asyncio.get_running_loop().create_task(_result(process))
        while not reading.done():
            await server.tick()
            await asyncio.wait([reading], timeout=0.1)
        result = await reading

    assert set(server.tokens) == {"Bearer t"}
    assert (result["clients"], result["views"], result["live"]) == (4, 2, 4)
    assert result["p50_ms"] <= result["p99_ms"] <= result["max_ms"]
    assert min(result[name] for name in ("delivered_per_s", "checked", "reconnect_s")) > 0
    assert (result["gaps"], result["diverged"], result["closed"]) == (0, 0, {})
    assert (result["bytes_ratio"], result["ticks"]) == (None, None)
    assert {"updates_per_core_s", "idle_kb_per_client", "recoveries", "lagged"} <= set(result)


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.bench
async def test_self_contained_load_converges(tmp_path: Path) -> None:
    """With a broker, a service and a market of its own every view converges, and every figure is there."""
    flags = "--self-contained --clients 50 --views 5 --seconds 5 --storm"
    process = await _load(tmp_path, *flags.split())
    result = await _result(process)

    assert (result["live"], result["gaps"], result["diverged"]) == (50, 0, 0)
    assert (result["closed"], result["errors"]) == ({}, {})
    assert result["checked"] >= 5
    assert result["ticks"] > 0
    assert 0 < result["bytes_ratio"] < 1
    assert min(result["delivered_per_s"], result["updates_per_core_s"]) > 0
    assert result["reconnect_s"] > 0


@pytest.mark.broker
async def test_producer_publishes_rows_and_the_board(connection: Connection) -> None:
    """Readers of the mesh find all rows and the whole board, both of the same moment, and hear of each tick."""
    settings = Settings()
    producer = Producer(settings, connection)
    await producer.start()
    reader = MarketReader(connection, settings.partitions)
    await reader.open()
    before = reader.table.columns().event_ms.copy()
    producing = asyncio.get_running_loop().create_task(producer.run())
    await eventually(lambda: producer.ticks)
    producing.cancel()
    await asyncio.wait([producing])
    changed = await eventually(lambda: np.count_nonzero(reader.table.columns().event_ms != before))
    entry = await KeyValue(connection, Bucket.BOARDS).get("gainers")

    assert len(before) == len(reader.table.columns()) == SYMBOLS
    assert 0 < changed <= SYMBOLS * CHANGING * producer.ticks
    assert entry is not None
    assert entry.value is not None
    assert len(_decode_board(entry.value).rows) == SYMBOLS
    assert len(entry.value) == producer.board_bytes
    assert float(entry.headers[RECEIVED_MS]) == pytest.approx(
        reader.table.oldest_received_ms, abs=60_000
    )


async def test_process_of_a_service_is_found_by_its_port() -> None:
    """Who listens on a port of this machine is found, and of somebody unknown nothing is known."""
    async with scripted_server() as server:
        port = server.at.port

        assert listening_on("127.0.0.1", port) == os.getpid()
        assert listening_on("192.0.2.1", port) is None
    assert (Used(None).cpu_s(), Used(None).rss_kb()) == (None, None)
    assert (Used(os.getpid()).rss_kb() or 0) > 1000


@pytest.mark.parametrize(
    "flags", ["--clients 0", "--views 301", "--seconds -1", "--hz inf", "--stalled -1"]
)
def test_impossible_loads_are_refused(flags: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A number that makes no sense is a sentence, and nothing is started."""
    with pytest.raises(SystemExit):
        main(["load", *flags.split()])

    assert "must be" in capsys.readouterr().err


def test_each_view_needs_a_client(capsys: pytest.CaptureFixture[str]) -> None:
    """More views than clients, or a token that is not there, are said as errors of the command."""
    assert main(["load", "--clients", "1", "--views", "2"]) == 78
    assert main(["load", "--token-file", "/nowhere/at/all"]) == 78

    said = capsys.readouterr().err
    assert "--clients must be at least --views" in said
    assert "--token-file /nowhere/at/all cannot be read" in said
