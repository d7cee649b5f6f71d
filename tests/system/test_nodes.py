"""`mesh up` on a cluster of brokers and with several workers."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from mesh import topology
from mesh.broker import free_port, is_free
from mesh.connection import Connection, Message, open_connection
from mesh.errors import BrokerError
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.testing import eventually, move_leader, replicas_of
from schemas.naming import Bucket, MarketClass, tape_stream
from services.scanners import discover
from tests.oracle.oracle import board_rows, differences
from tests.system.mesh_up import boards_in, is_running, mesh_up
from tests.system.test_up import two_days


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(120)]

STREAMS = [definition["name"] for definition in topology.definitions()]
_NAMES = {board.name for board in discover()}


async def _differences(data_dir: Path, tape: list[str]) -> list[str]:
    boards = await boards_in(data_dir)
    expected = board_rows([Path(path) for path in tape])
    assert set(boards) >= set(expected)
    return [
        difference
        for board, rows in expected.items()
        for difference in differences(boards[board]["rows"], rows)
    ]


async def test_boards_of_a_cluster_equal_the_query(tmp_path: Path, recorded: Path) -> None:
    """Three brokers and two workers leave the boards that a query over the tape gives, and count each event once."""
    tape = two_days(recorded)
    data_dir = tmp_path / "mesh"
    async with mesh_up(
        data_dir, "--tape", *tape, "--exit-at-end", "--speed", "max", "--nodes", "3", "--workers", "2"
    ) as mesh:  # fmt: skip
        ended = await mesh.ended()

    assert ended.code == 0, ended.console
    assert ended.summary["folded"]["minutes"] == ended.summary["events"]["minutes"]
    assert (ended.summary["lost"], ended.summary["doubled"]) == (0, 0)
    assert await _differences(data_dir, tape) == []


async def test_boards_survive_a_node(tmp_path: Path, recorded: Path) -> None:
    """`kill -9` of one of three brokers while a tape plays: the boards come out as if nothing had happened."""
    tape = two_days(recorded)
    data_dir = tmp_path / "mesh"
    async with mesh_up(
        data_dir, "--tape", *tape, "--exit-at-end", "--speed", "20000", "--nodes", "3"
    ) as mesh:
        await mesh.until_ready()
        await asyncio.sleep(1.0)  # into the tape: it plays for five seconds
        await mesh.kill("broker")
        ended = await mesh.ended()

    assert ended.code == 0, ended.console
    assert "stopped (SIGKILL)" in ended.console
    assert await _differences(data_dir, tape) == []


async def test_boards_do_not_wait_for_an_election(tmp_path: Path) -> None:
    """While no broker leads the tape's streams, because the one that did was killed, boards go on all the same."""
    heard: list[str] = []

    async def note(message: Message) -> None:
        heard.append(message.subject)

    async with mesh_up(tmp_path, "--nodes", "3", "--no-web", MESH_SIM_SYMBOLS="100") as mesh:
        await mesh.until_ready()
        async with open_connection(mesh.settings(), "test", set_up("test", "error")) as connection:
            for name in STREAMS:
                led = "broker-3" if name.startswith("TAPE") else "broker"
                await move_leader(connection, name, led)
            await connection.subscribe("board.gainers", note)
            os.kill(mesh.pid_of_node("broker-3"), signal.SIGKILL)
            heard.clear()
            heard_meanwhile = 0
            while not await replicas_of(connection, tape_stream(MarketClass.BARS)):
                heard_meanwhile = len(heard)
        mesh.process.send_signal(signal.SIGINT)
        ended = await mesh.ended()

    assert ended.code == 0, ended.console
    assert heard_meanwhile > 4


async def test_ctrl_c_stops_every_copy(tmp_path: Path) -> None:
    """Of three brokers and three workers none runs on after Ctrl-C."""
    async with mesh_up(
        tmp_path, "--no-web", "--nodes", "3", "--workers", "3", MESH_SIM_SYMBOLS="100"
    ) as mesh:
        await mesh.until_ready()
        pids = mesh.pids_of("broker") + mesh.pids_of("processors")
        mesh.process.send_signal(signal.SIGINT)
        ended = await mesh.ended()

    assert ended.code == 0, ended.console
    assert len(pids) == 6
    assert not any(is_running(pid) for pid in pids)


async def test_stored_state_of_a_cluster_is_served(tmp_path: Path, recorded: Path) -> None:
    """`mesh broker` starts as many brokers as left their state, one alone could not read it, and ends them with itself."""
    tape = str(recorded / "minute-spy")
    async with mesh_up(
        tmp_path, "--tape", tape, "--exit-at-end", "--speed", "max", "--nodes", "3", "--no-web"
    ) as mesh:
        assert (await mesh.ended()).code == 0
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "broker"),
        *("--data-dir", str(tmp_path), "--nats-port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    settings = mesh.settings(port)
    try:
        async with open_connection(settings, "test", set_up("test", "error")) as connection:
            await eventually(lambda: _boards(connection), _NAMES.__eq__, timeout_s=25)
    finally:
        process.send_signal(signal.SIGINT)
        code = await process.wait()

    assert code == 0
    assert is_free(port)


async def _boards(connection: Connection) -> set[str]:
    try:
        return {entry.key for entry in await KeyValue(connection, Bucket.BOARDS).all()}
    except BrokerError:  # no leader yet
        return set()
