"""Any number of workers, coming and going: the boards are those of one."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from mesh.nats_keys import creds_file
from services.processors.rows import FOLDED
from services.simulator.chance import seeded
from services.up.stored import KEYS
from tests.oracle.oracle import board_rows, differences
from tests.system.mesh_up import MeshUp, boards_in, mesh_up
from tests.system.test_up import two_days


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(300)]

NOTHING = dict.fromkeys(map(str, FOLDED), 0)

Worker = asyncio.subprocess.Process


@asynccontextmanager
async def _worker(mesh: MeshUp) -> AsyncIterator[Worker]:
    """One more process of the program `processors`, as on another machine."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "run", "processors"),
        env={
            **os.environ,
            "MESH_NATS_URL": f"nats://127.0.0.1:{mesh.nats_port}",
            "MESH_NATS_CREDS": str(creds_file(mesh.data_dir / KEYS, "processors")),
            "MESH_LOSSLESS": "true",
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _trouble(mesh: MeshUp, stack: AsyncExitStack, seed: int) -> None:
    """Until cancelled: workers are added, stopped, killed and paused, in an order that *seed* decides."""
    chance = seeded(seed)
    workers = [await stack.enter_async_context(_worker(mesh))]
    while True:
        await asyncio.sleep(chance.uniform(0.1, 0.6))
        running = [worker for worker in workers if worker.returncode is None]
        act = chance.choice(["add", "stop", "kill", "kill", "pause"])
        if act == "add" or not running:
            if len(running) < 3:
                workers.append(await stack.enter_async_context(_worker(mesh)))
            continue
        victim = chance.choice(running)
        if act == "pause":
            victim.send_signal(signal.SIGSTOP)
            await asyncio.sleep(1.5)
            victim.send_signal(signal.SIGCONT)
        else:
            victim.send_signal(signal.SIGTERM if act == "stop" else signal.SIGKILL)


@pytest.mark.parametrize("seed", [0])
async def test_boards_do_not_depend_on_who_comes_and_goes(
    tmp_path: Path, recorded: Path, seed: int
) -> None:
    """Workers added, stopped, killed and paused at random while a tape plays: no event lost or counted twice."""
    tape = two_days(recorded)
    async with (
        AsyncExitStack() as stack,
        mesh_up(
            tmp_path / "mesh", "--tape", *tape, "--exit-at-end", "--no-web", "--speed", "10000"
        ) as mesh,
        asyncio.TaskGroup() as tasks,
    ):
        await mesh.until_ready()
        troubling = tasks.create_task(_trouble(mesh, stack, seed))
        ended = await mesh.ended()
        troubling.cancel()

    assert ended.code == 0, ended.console
    assert (ended.summary["lost"], ended.summary["doubled"], ended.summary["gaps"]) == (0, 0, 0)
    assert ended.summary["folded"] == {**NOTHING, **ended.summary["events"]}
    boards = await boards_in(tmp_path / "mesh")
    for board, rows in board_rows([Path(path) for path in tape]).items():
        assert differences(boards[board]["rows"], rows) == []
