"""What a program answers over HTTP while its broker comes and goes."""

import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from mesh.errors import FatalError
from mesh.health import serving
from mesh.lifecycle import Lifecycle
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import RunningBroker
from tests.mesh.programs import RunningProgram, running_program


PROGRAM = """
import sys
from mesh import topology
from mesh.connection import open_connection
from mesh.lifecycle import run
async def program(settings, lifecycle):
    async with open_connection(settings, "test", lifecycle.log) as connection:
        await topology.keep(connection)
        lifecycle.ready(symbols=3)
        await lifecycle.stopping.wait()
    return {}
sys.exit(run("test", program))
"""

pytestmark = pytest.mark.broker


@pytest.fixture
async def program(settings: Settings, tmp_path: Path) -> AsyncIterator[RunningProgram]:
    """A program with a connection and nothing else."""
    argv = [sys.executable, "-c", PROGRAM]
    async with running_program(argv, settings, tmp_path / "log") as running:
        await running.until(ready=True)
        yield running


async def test_program_is_not_ready_while_its_broker_is_away(
    program: RunningProgram, broker: RunningBroker
) -> None:
    """503 with a reason that names the broker while it is gone, twice; 200 with the facts when it is back."""
    for _ in range(2):
        await broker.kill()
        away = await program.until(ready=False)
        assert (away.status, away.reasons) == (503, {"broker": "is away"})
        assert (await program.ask("/healthz")).json() == {"status": "ok"}

        await broker.start()
        back = await program.until(ready=True)
        assert (back.status, back.reasons, back.facts) == (200, {}, {"symbols": 3})

    assert len(program.said("service.unready")) == 2
    assert len(program.said("service.ready")) == 3


async def test_program_is_not_ready_while_its_broker_hangs(
    program: RunningProgram, broker: RunningBroker
) -> None:
    """A broker that answers nothing is away too, although its sockets are open."""
    broker.pause()
    away = await program.until(ready=False)
    broker.resume()

    assert away.reasons == {"broker": "is away"}
    await program.until(ready=True)


async def test_version_and_unknown_paths(program: RunningProgram) -> None:
    """Who asks for something else reads what there is."""
    version = (await program.ask("/version")).json()
    unknown = await program.ask("/metric")

    assert (version["service"], bool(version["version"])) == ("test", True)
    assert (version["container_image"], version["image_version"]) == ("Unknown", "Unknown")
    assert unknown.status_code == 404
    assert unknown.json() == {"paths": ["/healthz", "/readyz", "/version", "/status", "/metrics"]}


async def test_status_has_what_the_replaced_systems_health_had(
    settings: Settings, tmp_path: Path
) -> None:
    """Service, status, image and version of it, whether it is connected, state and counters; of a real program."""
    changed = msgspec.structs.replace(settings, container_image="mesh:1", image_version="1.2.3")
    argv = [sys.executable, "-m", "services", "run", "boards"]
    async with running_program(argv, changed, tmp_path / "log") as running:
        await running.until(ready=True)
        told, version = [(await running.ask(path)).json() for path in ("/status", "/version")]

    assert (told["service"], told["status"], told["connected"]) == ("boards", "Running", True)
    assert (told["container_image"], told["image_version"]) == ("mesh:1", "1.2.3")
    assert (version["container_image"], version["image_version"]) == ("mesh:1", "1.2.3")
    assert (told["facts"]["role"], told["counters"]["puts"]) == ("active", 0)


async def test_health_does_not_keep_a_program_from_its_end(program: RunningProgram) -> None:
    """Told to stop the program drains as ever, and its exit code is 0."""
    program.process.terminate()

    assert await program.process.wait() == 0
    assert program.said("service.stopped")


async def test_taken_port_is_fatal() -> None:
    """The sentence names the port and the setting."""
    lifecycle = Lifecycle(set_up("test", "error"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FatalError, match=rf"port {port} for the health .*MESH_HEALTH_PORT"):
            async with serving(port, "test", lifecycle.report):
                pass
