"""What persons want of a mesh that runs, through every door, over kills and restarts."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection
from services.processors.rows import FOLDED
from tests.mesh.asking import ask, ask_all, audited
from tests.mesh.programs import mesh_run, running_program
from tests.oracle.oracle import board_rows, differences
from tests.services.listener.vendor import Vendor, fed, hold
from tests.system.mesh_up import boards_in, mesh_up
from tests.system.test_up import two_days


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(120)]

NOTHING = dict.fromkeys(map(str, FOLDED), 0)


async def _ctl(url: str, *arguments: str) -> str:
    """What `mesh ctl` prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "ctl", *arguments),
        env={**os.environ, "MESH_NATS_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_feed_that_was_stopped_stays_stopped_over_kill_nine(
    broker: RunningBroker, settings: Settings, tmp_path: Path
) -> None:
    """Stopped in the terminal, the feed stays so after `kill -9` of listener and broker; a request starts it, and the audit has both."""
    vendor, argv = Vendor(hold), mesh_run("listener")
    async with vendor.serving() as port, ready_connection(settings) as connection:
        chosen = fed(settings, port)
        async with running_program(argv, chosen, tmp_path / "one.log") as one:
            await one.until(ready=True)
            assert "obeyed within" in await _ctl(settings.nats_url, "feed", "stop")
            one.process.kill()
            await one.process.wait()
        async with running_program(argv, chosen, tmp_path / "two.log") as two:
            stopped = await two.until(ready=True)
            await broker.kill()
            await two.until(ready=False)
            await broker.start()
            again = await two.until(ready=True)
            await eventually(connection.connected.is_set)
            connections = vendor.connections
            await eventually(lambda: _started(connection))  # type: ignore[arg-type]  # it is awaited
            await eventually(lambda: vendor.connections == 2)
        (stop,) = await audited(connection, "feed.stop")
        started = await audited(connection, "feed.start")

    assert stopped.facts["feed"] == again.facts["feed"] == f"stopped by {stop.who}"
    assert connections == 1
    assert (stop.who.partition(":")[0], started[-1].who) == ("cli", "nats:ann")


async def _started(connection: Connection) -> bool:
    """Ask for the start of the feed, as `nats req ctl.listener.do.start` does; whether that was done."""
    answer = await ask(connection, "ctl.listener.do.start", by="ann")
    return not answer.error


async def test_log_level_changes_while_a_program_runs(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    """A program that is to write errors only writes nothing else, its end included; as the settings say, it writes that again."""
    log_file = tmp_path / "boards.log"
    for level, said in (("error", 0), ("default", 1)):
        async with running_program(mesh_run("boards"), settings, log_file) as program:
            await eventually(program.health)  # type: ignore[arg-type]  # it is awaited
            await _ctl(settings.nats_url, "log", level, "--program", "boards")
        assert len(program.said("service.stopped")) == said
    assert [record.after["level"] for record in await audited(connection, "log.level", 2)] == ["error", None]  # fmt: skip


async def test_drained_workers_lose_nothing(tmp_path: Path, recorded: Path) -> None:
    """Workers drained, resumed and dealt anew while a tape plays: no event lost or counted twice, and the boards are right."""
    tape = two_days(recorded)
    flags = ("--exit-at-end", "--no-web", "--speed", "5000", "--workers", "2")
    async with mesh_up(tmp_path / "mesh", "--tape", *tape, *flags) as mesh:
        await mesh.until_ready()
        async with ready_connection(mesh.settings()) as connection:
            found = await ask_all(connection, "$SRV.PING.processors", 2)
            for each in found:
                await _moved(connection, each["id"])
            drained = await audited(connection, "worker.drain", 2)
        ended = await mesh.ended()

    assert len(drained) == 2
    assert ended.code == 0, ended.console
    assert (ended.summary["lost"], ended.summary["doubled"], ended.summary["gaps"]) == (0, 0, 0)
    assert ended.summary["folded"] == {**NOTHING, **ended.summary["events"]}
    boards = await boards_in(tmp_path / "mesh")
    for board, rows in board_rows([Path(path) for path in tape]).items():
        assert differences(boards[board]["rows"], rows) == []


async def _moved(connection: Connection, worker: str) -> None:
    """Have *worker* drained, wait until it has nothing, and resume it."""
    await ask(connection, f"ctl.processors.do.drain.{worker}")

    async def has() -> list[int]:
        status = (await ask(connection, f"ctl.processors.get.status.{worker}")).content
        partitions: list[int] = status["state"]["partitions"]
        return partitions

    await eventually(has, lambda held: not held)  # type: ignore[arg-type]  # it is awaited
    await ask(connection, f"ctl.processors.do.resume.{worker}")
    await eventually(has)  # type: ignore[arg-type]  # it is awaited
