"""What the `HEALTHCHECK` of the image says of a program."""

import socket
from pathlib import Path

import httpx
import msgspec
import pytest

from mesh.broker import free_port
from mesh.config import to_environment
from mesh.settings import Settings
from mesh.testing import RunningBroker
from services.healthy import main
from tests.mesh.programs import mesh_run, running_program


@pytest.mark.broker
async def test_program_is_healthy_while_its_loop_turns(
    settings: Settings, broker: RunningBroker, tmp_path: Path
) -> None:
    """Also while its broker is away: a restart would not help; and at whatever address it listens."""
    there = msgspec.structs.replace(settings, host="127.0.0.2")
    async with running_program(mesh_run("boards"), there, tmp_path / "log") as program:
        await program.until(ready=True)
        asked = to_environment(
            msgspec.structs.replace(there, health_port=httpx.URL(program.url).port)
        )
        while_ready = main(asked)
        await broker.kill()
        await program.until(ready=False)
        while_away = main(asked)

    assert (while_ready, while_away) == (0, 0)
    assert main(asked) == 1


def test_program_that_hangs_is_not_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever accepts a connection and answers nothing is not, and the sentence names the port."""
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        port = hanging.getsockname()[1]

        assert main({"MESH_HEALTH_PORT": str(port)}) == 1

    assert f"port {port} does not answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "MESH_HEALTH_PORT is not set"),
        ({"MESH_HEALTH_PORT": "x"}, "MESH_HEALTH_PORT was 'x'"),
        ({"MESH_HEALTH_PORT": str(free_port())}, "does not answer"),
    ],
)
def test_what_cannot_be_asked_is_not_healthy(
    environment: dict[str, str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a port, with one that is none, and where nothing listens: a sentence, and exit code 1."""
    assert main(environment) == 1
    assert reason in capsys.readouterr().err
