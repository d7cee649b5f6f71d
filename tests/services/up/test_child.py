"""A supervised program: a small script in the place of a real one, a real process every time."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh.testing import eventually
from services.up.child import Child, copy_names
from services.up.console import Console


READY = """
import signal, sys, time
def say(text): print(text, flush=True)
"""
DRAINING = (
    READY
    + """
def drain(*_):
    say('{"event": "service.stopped", "level": "info", "counted": 7}')
    sys.exit(0)
signal.signal(signal.SIGTERM, drain)
say('{"event": "service.ready", "level": "info", "port": 5}')
time.sleep(60)
"""
)


class _Kept:
    """A child that runs a script, and what the console showed of it."""

    def __init__(self, script: str, log_file: Path, drain_s: float = 10.0) -> None:
        self.shown = io.StringIO()
        self.child = Child(
            *("program", [sys.executable, "-c", script], {}),
            *(log_file, Console(self.shown), drain_s),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Child]:
        """The child, kept and in the end stopped."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.child.keep(lambda: 0.0))
            yield self.child
            await self.child.stop()


async def test_program_drains_and_its_counters_are_kept(tmp_path: Path) -> None:
    """Ready when it says so; told to stop it drains, and what it counted is known."""
    kept = _Kept(DRAINING, tmp_path / "log")
    async with kept.running() as child:
        await eventually(child.ready.is_set)

    assert child.counters["counted"] == 7
    assert child.pid is None
    assert kept.shown.getvalue() == "● program       port 5\n"
    assert b"service.stopped" in (tmp_path / "log").read_bytes()


async def test_crashed_program_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    """A program that ends by itself runs again, and a line says how it ended."""
    marker = tmp_path / "second"
    crash = f"""
import pathlib
marker = pathlib.Path({str(marker)!r})
if not marker.exists():
    marker.touch()
    sys.exit(3)
"""
    kept = _Kept(READY + crash + DRAINING, tmp_path / "log")
    async with kept.running() as child:
        await eventually(child.ready.is_set)

    assert "stopped (exit code 3); again in 0.0 s" in kept.shown.getvalue()


async def test_program_that_only_a_person_can_mend_stays_stopped(tmp_path: Path) -> None:
    """Exit code 78 is not tried again, and what the program said about it is shown."""
    reason = """
say('{"event": "service.refused", "level": "error", "reason": "wrong key"}')
sys.exit(78)
"""
    kept = _Kept(READY + reason, tmp_path / "log")
    await kept.child.keep(lambda: 0.0)

    assert kept.child.refused.is_set()
    assert "service.refused · reason wrong key" in kept.shown.getvalue()


async def test_program_that_is_not_ready_for_a_while_is_shown(tmp_path: Path) -> None:
    """What keeps a program from its job is a line on the console, and so is its return; it is not started again."""
    away = """say('{"event": "service.unready", "level": "warning", "broker": "is away"}')\n"""
    back = """say('{"event": "service.ready", "level": "info", "port": 6}')\n"""
    kept = _Kept(DRAINING.replace("time.sleep", away + back + "time.sleep"), tmp_path / "log")
    async with kept.running() as child:
        await eventually(lambda: "port 6" in kept.shown.getvalue())
        assert child.ready.is_set()

    lines = [line.split(maxsplit=2)[2] for line in kept.shown.getvalue().splitlines()]
    assert lines == ["port 5", "not ready · broker is away", "port 6"]


async def test_program_that_does_not_drain_is_killed(tmp_path: Path) -> None:
    """After the deadline a program that ignores the signal is killed, and that is said."""
    deaf = DRAINING.replace("drain)", "signal.SIG_IGN)")
    kept = _Kept(deaf, tmp_path / "log", drain_s=0.2)
    async with kept.running() as child:
        await eventually(child.ready.is_set)

    assert "did not drain within 0 s and was killed" in kept.shown.getvalue()
    assert child.pid is None


@pytest.mark.parametrize("yields", range(6))
async def test_stop_reaches_a_program_that_is_just_being_started(
    tmp_path: Path, yields: int
) -> None:
    """However early the signal to stop comes, no process is left to run on."""
    kept = _Kept(DRAINING, tmp_path / "log", drain_s=5.0)
    async with asyncio.timeout(8), kept.running():
        for _ in range(yields):
            await asyncio.sleep(0)

    assert kept.child.pid is None


@pytest.mark.parametrize(
    "line",
    [
        "'x' * (3 << 20)",
        '\'{"event": ["no name"]}\'',
        "'[1, 2]'",
        "'{\"event\": \"' + chr(0xdcff) + '\"}'",
    ],
)
async def test_strange_output_is_survived(tmp_path: Path, line: str) -> None:
    """A line beyond all measure, or one that only looks like a log record, costs nothing else."""
    strange = f"""
sys.stdout.reconfigure(errors="surrogateescape")
say({line})
"""
    kept = _Kept(READY + strange + DRAINING, tmp_path / "log")
    async with kept.running() as child:
        await eventually(child.ready.is_set)

    assert child.counters["counted"] == 7


async def test_full_disk_does_not_end_the_supervisor() -> None:
    """When the log file cannot be written any more the program is still watched."""
    kept = _Kept(DRAINING, Path("/dev/full"))
    async with kept.running() as child:
        await eventually(child.ready.is_set)

    assert child.counters["counted"] == 7


def test_console_without_a_terminal_has_no_escape_codes() -> None:
    """What is piped or kept in a file is plain text."""
    shown = io.StringIO()
    for tone in ("good", "warn", "bad", "quiet", "strong", ""):
        Console(shown).line(tone, "name", Console(shown).paint(tone, "text"))

    assert "\x1b" not in shown.getvalue()


def test_first_copy_has_the_name_of_its_program() -> None:
    """One process is called like its program; more of them are numbered from two."""
    assert copy_names("processors", 1) == ["processors"]
    assert copy_names("processors", 3) == ["processors", "processors-2", "processors-3"]
