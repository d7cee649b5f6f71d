"""The whole mesh as a person starts it."""

import gzip
import os
import signal
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesh.testing import eventually
from tests.oracle.oracle import board_rows, differences
from tests.system.mesh_up import boards_in, is_running, mesh_up, without_seq


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(120)]

PROGRAMS = (
    "broker",
    "simulator",
    "reference",
    "listener",
    "processors",
    "boards",
    "widgets",
    "control",
)
_OPEN_MS = 1_514_903_400_000
"""2018-01-02 09:30 in New York."""


def two_days(recorded: Path) -> list[str]:
    days = ("2024-10-02", "2024-10-03")
    return [
        *(str(recorded / "minute-17" / "ws" / f"{day}.AM.jsonl.gz") for day in days),
        *(
            str(recorded / f"minute-17/flat/us_stocks_sip/day_aggs_v1/2024/10/{day}.csv.gz")
            for day in days
        ),
    ]


def _around_the_open(recorded: Path, folder: Path) -> list[str]:
    """A tape of five seconds of ticks and bars around an open, cut from a recording."""
    tapes = []
    for channel, time_of in (("T", "t"), ("A", "e")):
        lines = gzip.decompress(
            (recorded / f"ticks-xxx/ws/2018-01-02.{channel}.jsonl.gz").read_bytes()
        ).splitlines()
        near = [
            line
            for line in lines
            if _OPEN_MS - 2000 <= msgspec.json.decode(line)[time_of] < _OPEN_MS + 3000
        ]
        tapes.append(folder / f"{channel}.jsonl")
        tapes[-1].write_bytes(b"\n".join(near) + b"\n")
    return [str(path) for path in tapes]


async def _play(data_dir: Path, tape: list[str], *arguments: str) -> dict[str, dict[str, Any]]:
    """The boards that playing *tape* to its end leaves behind."""
    async with mesh_up(data_dir, "--tape", *tape, "--exit-at-end", "--no-web", *arguments) as mesh:
        ended = await mesh.ended()
    assert ended.code == 0, ended.console
    assert (ended.summary["discarded"], ended.summary["rejected"], ended.summary["gaps"]) == (
        0,
        0,
        0,
    )
    return without_seq(await boards_in(data_dir))


@pytest.mark.parametrize("name", ["minute-17", "minute-spy", "ticks-xxx"])
async def test_boards_in_kv_equal_the_query(tmp_path: Path, recorded: Path, name: str) -> None:
    """A whole recording through the real programs leaves the boards that a query over its files gives."""
    boards = await _play(tmp_path / "mesh", [str(recorded / name)], "--speed", "max")

    expected = board_rows([recorded / name])
    assert set(boards) >= set(expected)
    for board, rows in expected.items():
        assert differences(boards[board]["rows"], rows) == []


async def test_boards_do_not_depend_on_speed_or_partitions(tmp_path: Path, recorded: Path) -> None:
    """At 1×, 50× and full speed, on 1, 2 and 16 partitions, only `seq` differs."""
    tape = _around_the_open(recorded, tmp_path)
    first = await _play(tmp_path / "first", tape, "--speed", "1", "--partitions", "16")
    others = [
        await _play(
            tmp_path / f"{speed}-{partitions}", tape, "--speed", speed, "--partitions", partitions
        )
        for speed, partitions in (("50", "1"), ("max", "2"), ("max", "16"))
    ]

    assert others == [first] * len(others)
    assert first["gainers"]["rows"][0]["symbol"] == "XXX"


async def test_boards_survive_kill_nine(tmp_path: Path, recorded: Path) -> None:
    """`kill -9` of each program in turn while a tape plays: the boards come out as if nothing had happened."""
    data_dir = tmp_path / "mesh"
    tape = two_days(recorded)
    async with mesh_up(data_dir, "--tape", *tape, "--exit-at-end", "--speed", "5000") as mesh:
        await mesh.until_ready()
        for program in PROGRAMS:
            killed = await mesh.kill(program)
            await eventually(lambda: mesh.pid_of(program) not in (None, killed), timeout_s=30.0)  # noqa: B023 (called here)
        ended = await mesh.ended()

    assert ended.code == 0, ended.console
    assert all(f"{program} " in ended.console for program in PROGRAMS)
    boards = await boards_in(data_dir)
    for board, rows in board_rows([Path(path) for path in tape]).items():
        assert differences(boards[board]["rows"], rows) == []


@pytest.mark.traced
async def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    """After Ctrl-C no process of the tree runs and no port is taken."""
    async with mesh_up(tmp_path / "mesh", MESH_SIM_SYMBOLS="100") as mesh:
        await mesh.until_ready()
        pids = [mesh.pid_of(program) for program in (*PROGRAMS, "news")]
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
