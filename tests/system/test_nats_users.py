"""A whole mesh in which each program is a NATS user of its own: nothing that it needs is refused."""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from mesh.broker import free_ports
from mesh.connection import Message, open_connection
from mesh.logs import set_up
from mesh.nats_keys import creds_file
from mesh.permissions import READER
from mesh.settings import Settings
from mesh.testing import eventually
from services.up.plan import TOKEN_FILE
from services.up.stored import KEYS
from tests.system.mesh_up import MeshUp, creds_in, mesh_up


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(240)]

CHANGES = (
    ("status",), ("board", "pause", "gainers"), ("board", "resume", "gainers"), ("rebalance",),
    ("log", "warning", "--program", "boards"), ("log", "default", "--program", "boards"),
    ("feed", "restart"), ("audit",),
)  # fmt: skip
"""What a person does with `mesh ctl`."""
SECRET = re.compile(r"S[OAU][A-Z2-7]{56}|eyJ[A-Za-z0-9_-]{20,}\.eyJ")
"""A seed, or a JWT."""


def _refused(data_dir: Path) -> list[str]:
    """What the broker refused to its users."""
    log = (data_dir / "logs" / "broker.log").read_text()
    return [line for line in log.splitlines() if "Violation" in line]


async def _ask_everything(page: str, token: str) -> None:
    """What a person does with the page: follow trades, keep layouts, ask for a company and a chart, read boards."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=page, headers=headers, trust_env=False, timeout=30
    ) as http:

        async def symbol() -> str:
            rows = (await http.get("/v1/boards/volume")).json().get("rows") or []
            return str(rows[0]["symbol"]) if rows else ""

        first = str(await eventually(symbol, timeout_s=60))  # type: ignore[arg-type]  # T is what is awaited
        assert (await http.get("/v1/layouts")).status_code == 200
        written = await http.put("/v1/layouts", json={"revision": 0, "desk": {}})
        assert written.status_code == 200, written.text
        chart = await http.get(f"/v1/bars/{first}", params={"days": 1})
        assert chart.status_code != 503, chart.text
    async with connect(f"{page.replace('http', 'ws', 1)}ws", additional_headers=headers) as socket:
        feed = {"action": "sub", "id": 1, "feed": f"trades/{first}"}
        await socket.send(msgspec.json.encode(feed).decode())
        async with asyncio.timeout(60):
            while msgspec.json.decode(await socket.recv()).get("type") != "event":
                pass


async def _look_at_the_whole(control: str) -> None:
    """What the control plane tells of everything: it can look at all of it."""
    async with httpx.AsyncClient(base_url=control, trust_env=False, timeout=30) as http:

        async def blind() -> list[str]:
            told = (await http.get("/v1/health")).json()["reasons"]
            return [
                each for each in told if "does not answer" in each or "nothing is known" in each
            ]

        await eventually(blind, lambda found: not found, timeout_s=60)  # type: ignore[arg-type]  # T is what is awaited


async def _command(mesh: MeshUp, *words: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", *words),
        env={
            **os.environ,
            "MESH_NATS_URL": f"nats://127.0.0.1:{mesh.nats_port}",
            "MESH_NATS_CREDS": creds_in(mesh.data_dir),
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


async def test_mesh_works_with_the_least_that_each_program_may(tmp_path: Path) -> None:
    """Start, trading, questions, commands, a broker that is killed, and the end: the broker refuses nothing, and no log holds a secret."""
    boards: list[str] = []

    async def note(message: Message) -> None:
        boards.append(message.subject)

    (port,) = free_ports(1)
    async with mesh_up(
        tmp_path, "--workers", "2",
        MESH_SIM_SYMBOLS="200", MESH_SIM_START="2026-01-05T09:30:10", MESH_CONTROL_PORT=str(port),
    ) as mesh:  # fmt: skip
        page = await mesh.until_ready()
        token = (tmp_path / TOKEN_FILE).read_text().strip()
        await _ask_everything(page, token)
        assert await _command(mesh, "topology", "diff") == 0
        assert await _command(mesh, "partitions") == 0
        for words in CHANGES:
            assert await _command(mesh, "ctl", *words) == 0, words
        await _look_at_the_whole(f"http://127.0.0.1:{port}")
        reader = Settings(
            nats_url=f"nats://127.0.0.1:{mesh.nats_port}",
            nats_creds=str(creds_file(tmp_path / KEYS, READER)),
        )
        async with open_connection(reader, "reader", set_up("test", "error")) as connection:
            await connection.subscribe("board.>", note)
            await mesh.kill("broker")
            await eventually(connection.connected.is_set, lambda up: not up)
            await eventually(connection.connected.is_set)
            boards.clear()
            await eventually(lambda: len({*boards}) > 5, timeout_s=60)
        mesh.process.send_signal(2)
        ended = await mesh.ended()

    assert ended.code == 0, ended.console
    assert _refused(tmp_path) == []
    assert "broker.denied" not in ended.console
    assert not SECRET.search(ended.console)
    for log in (tmp_path / "logs").iterdir():
        assert not SECRET.search(log.read_text()), log


async def test_mesh_refuses_who_brings_no_credentials(tmp_path: Path) -> None:
    """Nobody of this machine reads or writes without a file that only its owner can read."""
    async with mesh_up(tmp_path, "--no-web", MESH_SIM_SYMBOLS="50") as mesh:
        await mesh.until_ready()
        reader, writer = await asyncio.open_connection("127.0.0.1", mesh.nats_port)
        writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
        said: Any = await reader.read(65_536)
        while b"-ERR" not in said:
            said += await reader.read(65_536)
        writer.close()

    assert b"Authorization Violation" in said
    assert b"PONG" not in said
