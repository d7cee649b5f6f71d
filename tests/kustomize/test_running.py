"""An overlay as a whole runs: brokers over TLS, every program with the settings and keys of its pod, and the smoke test of its Job."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mesh import clock
from mesh.testing import eventually
from tests.kustomize import processes
from tests.kustomize.certificates import Authority
from tests.kustomize.objects import OURS, named
from tests.kustomize.rendering import rendered
from tests.kustomize.servers import running_cluster


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(300)]


async def test_staging_passes_its_smoke_test(tmp_path: Path) -> None:
    """The topology Job ends well, data of the simulator comes through all programs, the Job `smoke` says so, and all drain when they are told."""
    documents = rendered("staging")
    certificates = tmp_path / "tls"
    names = named(documents, "Certificate", "nats")["spec"]["dnsNames"]
    Authority(datetime.fromtimestamp(clock.now_ms() / 1000, UTC)).issue(certificates, names)
    async with (
        running_cluster(documents, tmp_path, certificates) as brokers,
        AsyncExitStack() as stack,
    ):
        ports = {f"nats-{number}": broker.port for number, broker in enumerate(brokers)}
        here = processes.place(documents, tmp_path, certificates, ports)

        async def applied() -> bool:
            async with processes.running(here, "topology") as topology:
                return await topology.wait() == 0

        # As its Job is: started again until the servers have found each other.
        await eventually(applied, timeout_s=60)  # type: ignore[arg-type]  # T is what is awaited
        pods = {
            name: await stack.enter_async_context(processes.running(here, name))
            for name in ("simulator", *OURS)
        }
        async with processes.running(here, "smoke") as smoke:
            code = await smoke.wait()
        assert code == 0, _log(tmp_path, "smoke")

        for process in pods.values():
            process.terminate()
        codes = await asyncio.gather(*(process.wait() for process in pods.values()))
        assert dict(zip(pods, codes, strict=True)) == dict.fromkeys(pods, 0)


def _log(folder: Path, name: str) -> str:
    return (folder / f"{name}.log").read_text()
