"""`mesh doctor`: each thing that can be wrong is one sentence that says what to do."""

import asyncio
import socket
from pathlib import Path

import pytest

from mesh import connection
from mesh.broker import free_port
from mesh.testing import RunningBroker
from services.doctor import examine, main
from tests.services.up.brokers import broker_of_version


def _bad(**environment: str) -> list[str]:
    return [finding.text for finding in examine(environment) if finding.tone == "bad"]


def test_good_machine_has_nothing_bad(tmp_path: Path) -> None:
    """With nothing wrong there are only good findings and notes, and the exit code is 0."""
    assert main({"MESH_DATA_DIR": str(tmp_path / "not" / "yet")}) == 0
    assert list(tmp_path.iterdir()) == []


def test_every_bad_setting_is_named() -> None:
    """A misspelt name and a value that is none are both told, and nothing is tried with them."""
    found = _bad(MESH_PROT="1", MESH_PARTITIONS="many")

    assert len(found) == 2
    assert "MESH_PROT is not a setting" in found[0]
    assert "MESH_PARTITIONS was 'many'" in found[1]


@pytest.mark.parametrize("setting", ["MESH_PORT", "MESH_NATS_PORT"])
def test_taken_port_is_named(setting: str) -> None:
    """A port that was asked for and is taken is told with the setting to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = _bad(**{setting: port})

    assert len(found) == 1
    assert f"Port {port} " in found[0]
    assert setting in found[0]


def test_unwritable_directory_is_named(tmp_path: Path) -> None:
    """A data directory that cannot be made is told."""
    (tmp_path / "file").touch()
    (found,) = _bad(MESH_DATA_DIR=str(tmp_path / "file" / "below"))

    assert f"{tmp_path / 'file'} cannot be written to" in found
    assert "MESH_DATA_DIR" in found


def test_broker_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address at which no broker answers is told."""
    monkeypatch.setattr(connection, "_FIRST_CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    (found,) = _bad(MESH_NATS_URL=f"nats://127.0.0.1:{port}")

    assert f"no broker answers at nats://127.0.0.1:{port} (MESH_NATS_URL)" in found


def test_address_that_is_none_is_named() -> None:
    """What cannot be an address is told as such."""
    (found,) = _bad(MESH_NATS_URL="4222")

    assert "MESH_NATS_URL must be like" in found


async def _bad_aside(**environment: str) -> list[str]:
    return await asyncio.to_thread(lambda: _bad(**environment))


async def test_old_server_is_named() -> None:
    """A broker that is older than what the mesh relies on is told with its version."""
    async with broker_of_version("2.10.4") as url:
        (found,) = await _bad_aside(MESH_NATS_URL=url)

    assert "nats-server must be 2.11 or newer" in found
    assert "2.10.4" in found


@pytest.mark.broker
async def test_addresses_of_a_cluster_are_shown_without_credentials(broker: RunningBroker) -> None:
    """Of several addresses one that answers will do, and no password is printed."""
    others = [f"nats://user:hunter2@127.0.0.1:{port}" for port in (broker.port, free_port())]
    findings = await asyncio.to_thread(lambda: list(examine({"MESH_NATS_URL": ",".join(others)})))

    said = "\n".join(finding.text for finding in findings)
    assert not [finding for finding in findings if finding.tone == "bad"]
    assert f"The broker at nats://***@127.0.0.1:{broker.port},nats://***@127.0.0.1:" in said
    assert "hunter2" not in said


@pytest.mark.broker
async def test_broker_without_our_streams_is_only_a_note(broker: RunningBroker) -> None:
    """A broker to which the topology was not applied yet is usable: how to apply it is told."""
    findings = await asyncio.to_thread(lambda: list(examine({"MESH_NATS_URL": broker.url})))

    assert not [finding for finding in findings if finding.tone == "bad"]
    assert any("mesh topology diff" in finding.text for finding in findings)
