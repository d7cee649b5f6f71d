"""Programs listen at the address that `MESH_HOST` says, with each of their servers."""

from pathlib import Path

import httpx
import msgspec
import pytest

from mesh.broker import free_ports
from mesh.settings import Settings
from tests.mesh.programs import mesh_run, running_program


ELSEWHERE = "127.0.0.2"

pytestmark = [pytest.mark.broker, pytest.mark.usefixtures("connection")]


async def _status(url: str) -> int | None:
    """The status of the answer at *url*; None if nothing listens there."""
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            return (await http.get(url)).status_code
        except httpx.ConnectError:
            return None


@pytest.mark.parametrize(
    ("program", "fact", "path"),
    [("widgets", "page", "healthz"), ("control", "page", "healthz"), ("simulator", "rest", "/")],
)
async def test_program_listens_where_it_is_told(
    program: str, fact: str, path: str, settings: Settings, tmp_path: Path
) -> None:
    """Health and the program's own server answer at the address, say it, and are not on another."""
    ports = dict(
        zip(("port", "control_port", "sim_port", "sim_rest_port"), free_ports(4), strict=True)
    )
    there = msgspec.structs.replace(settings, host=ELSEWHERE, sim_symbols=10, **ports)
    async with running_program(mesh_run(program), there, tmp_path / "log") as running:
        url = (await running.until(ready=True)).facts[fact] + path
        found = await _status(url), await _status(url.replace(ELSEWHERE, "127.0.0.1"))

    assert url.startswith(f"http://{ELSEWHERE}:")
    assert found[0] is not None
    assert found[1] is None
