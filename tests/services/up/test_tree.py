"""A tree that cannot start or go on: it ends in order, with a sentence."""

import argparse
import asyncio
import signal
from pathlib import Path

import pytest

from mesh.errors import FatalError
from services.up import flags
from services.up.console import Console
from services.up.plan import plan
from services.up.service import Tree
from tests.services.up.brokers import broker_of_version
from tests.system.mesh_up import mesh_up


pytestmark = [pytest.mark.broker, pytest.mark.slow]


async def test_broker_that_is_too_old_is_a_sentence(tmp_path: Path) -> None:
    """A broker of one's own that cannot be used is said in a sentence, not in a traceback."""
    async with (
        broker_of_version("2.10.4") as url,
        mesh_up(tmp_path, "--no-web", MESH_NATS_URL=url) as mesh,
    ):
        ended = await mesh.ended()

    assert ended.code == 1
    assert "nats-server must be 2.11 or newer" in ended.console
    assert "Traceback" not in ended.console


def _broken_tape(folder: Path) -> str:
    header = "ticker,volume,open,close,high,low,window_start,transactions\n"
    row = "F,5,1,2,3,0.5,1727875800000000000,\n"
    (folder / "minutes.csv").write_text(header + row + row.replace("5", "x", 1))
    return str(folder / "minutes.csv")


async def test_tape_that_breaks_ends_the_run(tmp_path: Path) -> None:
    """A tape that turns out to be broken on its way does not leave a run waiting for its end for ever."""
    tape = _broken_tape(tmp_path)
    async with mesh_up(
        tmp_path / "data", "--no-web", "--tape", tape, "--exit-at-end", "--partitions", "1"
    ) as mesh:
        ended = await mesh.ended()

    assert ended.code == 1
    assert "not a row of minute_aggs_v1" in ended.console
    assert "Traceback" not in ended.console


async def test_who_waits_for_a_run_that_breaks_is_told(tmp_path: Path) -> None:
    """What waits for the end of a tape does not wait for ever when the run ends before it."""
    parser = argparse.ArgumentParser()
    flags.add(parser)
    words = ["--tape", _broken_tape(tmp_path), "--data-dir", str(tmp_path / "data")]
    tree = Tree(plan(parser.parse_args([*words, "--no-web", "--exit-at-end"])), Console())

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tree.run())
        with pytest.raises(FatalError, match="stopped too early"):
            await tree.reached(tree.tape_ended)

    assert running.result() == 1


async def test_ctrl_c_during_the_start_ends_it(tmp_path: Path) -> None:
    """Who changes his mind while programs are still starting gets his terminal back."""
    async with (
        mesh_up(tmp_path, "--no-web", MESH_SIM_SYMBOLS="100") as mesh,
        asyncio.timeout(15),
    ):
        assert mesh.process.stderr is not None
        assert b"broker" in await mesh.process.stderr.readline()
        mesh.process.send_signal(signal.SIGINT)
        ended = await mesh.ended()

    assert ended.code == 0
    assert "Traceback" not in ended.console
