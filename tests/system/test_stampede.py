"""Processors that come back under full load: they go on with what is fresh, and say what they lost."""

import asyncio
import io
import os
import signal
from pathlib import Path

import pytest

from mesh.testing import eventually
from services.bench.live import plan_for, watching
from services.bench.tape import steady
from services.processors import rows
from services.up.console import Console
from services.up.service import Tree


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(120)]

RATE = 10_000
FOLDED = tuple(map(str, rows.FOLDED))


@pytest.mark.parametrize(("start_anew", "away_s"), [(False, 8), (True, 14)])
async def test_stampede_recovers_and_counts_what_was_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, start_anew: bool, away_s: int
) -> None:
    """Paused, or gone for 14 s, and back under full load: boards are fresh again, every event is accounted for."""
    monkeypatch.chdir(tmp_path)
    tape = steady(rate=RATE, seconds=away_s + 12, symbols=2000)
    plan = plan_for(tape, str(tmp_path / "mesh"), 1.0)
    tree = Tree(plan, Console(io.StringIO()))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tree.run())
        await tree.reached(tree.started)
        async with watching(plan) as (_, updates):
            await eventually(lambda: len(updates) > 200, timeout_s=30.0)
            pid = tree.pids()["processors"]
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(away_s)  # this is what is tested
            before = len(updates)
            os.kill(pid, signal.SIGKILL if start_anew else signal.SIGCONT)
            await tree.reached(tree.tape_ended)
            came_back = tree.pids()["processors"]
        await running

    summary = tree.summary(0.0)
    published = {name: summary["events"].get(name, 0) for name in FOLDED}
    assert (came_back == pid) is not start_anew
    assert len(updates) > before
    assert (
        updates[-1].asof_ms >= max(each.asof_ms for each in updates) > updates[before - 1].asof_ms
    )
    assert summary["gaps"] or not start_anew  # after 14 s nothing holds all that was missed
    assert (summary["lost"], summary["doubled"], summary["discarded"]) == (0, 0, 0)
    assert summary["folded"].total() + summary["late"] + summary["gaps"] == sum(published.values())
