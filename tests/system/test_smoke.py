"""`mesh smoke` against a whole mesh: green when all is well, and what it says when something is not."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from mesh.nats_keys import creds_file
from mesh.permissions import SMOKE
from mesh.settings import Settings
from services.smoke.flags import EXPECTED
from services.up.plan import TOKEN_FILE
from services.up.stored import KEYS
from tests.mesh.programs import mesh_run, running_program
from tests.system.mesh_up import MeshUp, mesh_up


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(240)]

VERSION = "2.0.0"
SMALL = {
    "MESH_SIM_SYMBOLS": "100",
    "MESH_SIM_START": "2026-01-05T09:30:10",
    "MESH_IMAGE_VERSION": VERSION,
}


class Smoked(NamedTuple):
    """What a smoke test said."""

    code: int
    checks: dict[str, dict[str, Any]]
    said: str

    @property
    def failed(self) -> set[str]:
        """Which checks failed."""
        return {what for what, check in self.checks.items() if not check["ok"]}


async def _smoke(mesh: MeshUp, page: str, *arguments: str) -> Smoked:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "smoke", *arguments),
        *("--ws", f"{page.replace('http', 'ws', 1)}ws"),
        *("--token-file", str(mesh.data_dir / TOKEN_FILE)),
        env={
            **os.environ,
            "MESH_NATS_URL": f"nats://127.0.0.1:{mesh.nats_port}",
            "MESH_NATS_CREDS": str(creds_file(mesh.data_dir / KEYS, SMOKE)),
            "MESH_IMAGE_VERSION": VERSION,
        },
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    checks = msgspec.json.decode(out)["checks"] if "--json" in arguments else []
    return Smoked(
        process.returncode or 0,
        {each["what"]: each for each in checks},
        out.decode(),
    )


@contextmanager
def _hanging(mesh: MeshUp, program: str) -> Iterator[None]:
    """Every process of *program* hangs for the duration of the context."""
    pids = mesh.pids_of(program)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_smoke_names_the_old_process_among_new_ones(tmp_path: Path) -> None:
    """Green while all are of the version; one old standby makes it fail, with its name, on the broker and by its URL, though its health is green."""
    async with mesh_up(tmp_path / "data", **SMALL) as mesh:
        page = await mesh.until_ready()
        lines = await _smoke(mesh, page)
        well = await _smoke(mesh, page, "--json")
        old = Settings(
            nats_url=f"nats://127.0.0.1:{mesh.nats_port}",
            nats_creds=str(creds_file(mesh.data_dir / KEYS, "boards")),
            image_version="1.9.0",
        )
        async with running_program(mesh_run("boards"), old, tmp_path / "log") as program:
            await program.until(ready=True)
            mixed = await _smoke(mesh, page, program.url, "--json", "--seconds", "3")

    assert (lines.code, well.code, mixed.code) == (0, 0, 1), lines.said
    assert "Violation" not in (tmp_path / "data" / "logs" / "broker.log").read_text()
    assert lines.said.count("✓") == len(EXPECTED) + 1
    assert well.checks.keys() == {*EXPECTED, "canary"}
    assert mixed.failed == {"boards", program.url}
    assert mixed.checks["boards"]["found"].startswith("1.9.0 in ")
    assert str(program.process.pid) in mixed.checks["boards"]["found"]
    assert mixed.checks[program.url]["found"] == "boards 1.9.0"


async def test_smoke_fails_in_time_when_nothing_comes_through(tmp_path: Path) -> None:
    """A program that does not answer is named; without owners the canary is missing at the place where it stays, when the time is over."""
    async with mesh_up(tmp_path, **SMALL) as mesh:
        page = await mesh.until_ready()
        with _hanging(mesh, "news"):
            down = await _smoke(mesh, page, "--json", "--seconds", "3")
            left_out = await _smoke(mesh, page, "--json", "--seconds", "20", "--without", "news")
        with _hanging(mesh, "processors"):
            stuck = await _smoke(mesh, page, "--json", "--seconds", "3")

    assert (down.code, left_out.code, stuck.code) == (1, 0, 1)
    assert down.failed == {"news"}
    assert stuck.failed == {"processors", "canary"}
    assert "owner of its partition" in stuck.checks["canary"]["found"]
    assert stuck.checks["canary"]["took_s"] < 4
