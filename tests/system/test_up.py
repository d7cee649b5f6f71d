"""The whole mesh as a person starts it."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.system.mesh_up import boards_in, is_running, mesh_up, without_seq


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(120)]

PROGRAMS = ("broker", "simulator", "reference", "listener", "processors", "boards", "widgets")


def _two_days(recorded: Path) -> list[str]:
    days = ("2024-10-02", "2024-10-03")
    return [
        *(str(recorded / "minute-17" / "ws" / f"{day}.AM.jsonl.gz") for day in days),
        *(
            str(recorded / f"minute-17/flat/us_stocks_sip/day_aggs_v1/2024/10/{day}.csv.gz")
            for day in days
        ),
    ]


async def _play(
    tmp_path: Path, name: str, tape: list[str], *arguments: str
) -> dict[str, dict[str, Any]]:
    """The boards that playing *tape* to its end leaves behind."""
    data_dir = tmp_path / name
    async with mesh_up(data_dir, "--tape", *tape, "--exit-at-end", "--no-web", *arguments) as mesh:
        ended = await mesh.ended()
    assert ended.code == 0, ended.console
    assert (ended.summary["discarded"], ended.summary["rejected"], ended.summary["gaps"]) == (
        0,
        0,
        0,
    )
    return without_seq(await boards_in(data_dir))


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory, recorded: Path) -> dict[str, dict[str, Any]]:
    """The boards of the two days, played undisturbed with the default number of partitions."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return asyncio.run(_play(folder, "played", _two_days(recorded), "--speed", "max"))


@pytest.mark.parametrize(("partitions", "speed"), [("1", "max"), ("2", "max"), ("16", "20000")])
async def test_boards_follow_from_the_tape_alone(
    tmp_path: Path, recorded: Path, expected: dict[str, Any], partitions: str, speed: str
) -> None:
    """Neither the number of partitions nor the speed changes anything on a board but its `seq`."""
    boards = await _play(
        tmp_path, "played", _two_days(recorded), "--speed", speed, "--partitions", partitions
    )

    assert boards == expected
    assert {name for name, board in boards.items() if board["rows"]} == {
        "gainers",
        "gappers",
        "volume",
    }


@pytest.mark.parametrize("program", PROGRAMS)
async def test_boards_survive_kill_nine(
    tmp_path: Path, recorded: Path, expected: dict[str, Any], program: str
) -> None:
    """`kill -9` of any one program while a tape plays: the boards come out as if nothing had happened."""
    data_dir = tmp_path / "mesh"
    tape = _two_days(recorded)
    async with mesh_up(data_dir, "--tape", *tape, "--exit-at-end", "--speed", "20000") as mesh:
        while line := await mesh.process.stderr.readline():  # type: ignore[union-attr]  # it is a pipe
            if b"Ctrl-C" in line:
                break
        await asyncio.sleep(1.0)  # into the tape: it plays for five seconds
        await mesh.kill(program)
        ended = await mesh.ended()

    assert ended.code == 0, ended.console
    assert f"{program} " in ended.console
    assert without_seq(await boards_in(data_dir)) == expected


async def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    """After Ctrl-C no process of the tree runs and no port is taken."""
    async with mesh_up(tmp_path / "mesh", MESH_SIM_SYMBOLS="100") as mesh:
        while line := await mesh.process.stderr.readline():  # type: ignore[union-attr]  # it is a pipe
            if b"Ctrl-C" in line:
                break
        pids = [mesh.pid_of(program) for program in PROGRAMS]
        mesh.process.send_signal(signal.SIGINT)
        ended = await mesh.ended()

    assert ended.code == 0, ended.console
    assert all(pid is not None and not is_running(pid) for pid in pids)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", mesh.nats_port))


async def test_a_taken_port_is_named_with_its_flag(tmp_path: Path) -> None:
    """Who asks for a port that is taken reads which one and how to ask for another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with mesh_up(tmp_path / "mesh", "--port", str(port)) as mesh:
            ended = await mesh.ended()

    assert ended.code == 78
    assert f"port {port} for the page is taken" in ended.console
    assert "--port" in ended.console


async def test_a_refused_key_is_said_once(tmp_path: Path) -> None:
    """A key that the vendor refuses ends in a sentence that says so, not in attempts without end."""
    async with mesh_up(tmp_path / "sim", "--no-web", MESH_SIM_SYMBOLS="100") as simulated:
        while line := await simulated.process.stderr.readline():  # type: ignore[union-attr]  # it is a pipe
            if b"simulator " in line:
                break
        host = line.decode().partition("ws://")[2].partition("/")[0]
        environment = {"MASSIVE_API_KEY": "wrong", "MESH_FEED": host, "MESH_FEED_TLS": "false"}
        rest = line.decode().partition("rest ")[2].partition(" ")[0]
        async with mesh_up(
            tmp_path / "live", "--no-web", MESH_REST_URL=rest, **environment
        ) as live:
            ended = await live.ended()

    assert ended.code == 1
    assert "refused the key" in ended.console
    assert os.environ.get("MASSIVE_API_KEY") is None
