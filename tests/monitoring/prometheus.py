"""A real Prometheus with our rules, for tests."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from mesh.broker import free_port
from tests.monitoring.shipped import write_rules


class Prometheus:
    """One that runs; *http* asks it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that *expression* gives now; none while Prometheus does not answer yet."""
        found = await self._ask("query", query=expression)
        return list(found.get("result", ()))

    async def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health and its alerts."""
        found = await self._ask("rules")
        return [rule for group in found.get("groups", ()) for rule in group["rules"]]

    async def _ask(self, path: str, **parameters: str) -> dict[str, Any]:
        try:
            answer = await self._http.get(f"/api/v1/{path}", params=parameters)
        except httpx.TransportError:
            return {}
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return {}
        said = answer.json()
        assert said["status"] == "success", said
        found: dict[str, Any] = said["data"]
        return found


@asynccontextmanager
async def running_prometheus(folder: Path, targets: dict[str, str]) -> AsyncIterator[Prometheus]:
    """One that scrapes each of *targets*, programs by name, every second, and looks at our rules as often.

    Raises:
        AssertionError: it is not on this machine.
    """
    path = shutil.which("prometheus")
    assert path, (
        "prometheus is not on PATH: install Debian's package `prometheus`, or a release of it"
    )
    write_rules(folder, annotations={"summary"}, interval="1s")
    scraped = [
        {"targets": [address], "labels": {"program": program, "namespace": "tickmesh"}}
        for program, address in targets.items()
    ]
    config = {
        "global": {"scrape_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": "tickmesh", "static_configs": scraped}],
    }
    (folder / "prometheus.yaml").write_bytes(msgspec.yaml.encode(config))
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        path,
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=address, trust_env=False) as http:
            yield Prometheus(http)
    finally:
        process.terminate()
        await process.wait()
