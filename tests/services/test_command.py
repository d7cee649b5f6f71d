"""The `mesh` command as a person types it."""

import asyncio
from pathlib import Path

import pytest

from mesh.settings import SETTINGS
from mesh.testing import RunningBroker
from services.__main__ import main


@pytest.mark.broker
async def test_topology_is_applied_once_and_then_agrees(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`diff` names what is missing, `apply` makes it, and the second time there is nothing to do."""
    monkeypatch.setenv("MESH_NATS_URL", broker.url)
    said = []
    for command in ("diff", "apply", "apply", "diff"):
        code = await asyncio.to_thread(main, ["topology", command])
        said.append((code, capsys.readouterr().out))

    assert said[0][0] == 1
    assert "KV_boards: missing" in said[0][1]
    assert (said[1][0], "applied KV_boards: missing" in said[1][1]) == (0, True)
    assert said[2] == (0, "nothing to do: the broker agrees with nats/\n")
    assert said[3] == (0, "no drift: the broker agrees with nats/\n")


def test_config_shows_every_setting_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each variable stands on a line of its own with its value in force, and a key is masked."""
    monkeypatch.setenv("MASSIVE_API_KEY", "hunter2")
    monkeypatch.setenv("MESH_PARTITIONS", "4")

    assert main(["config"]) == 0

    printed = capsys.readouterr().out
    lines = {line.split()[0]: line for line in printed.splitlines()}
    assert set(lines) == {setting.env for setting in SETTINGS}
    assert lines["MESH_PARTITIONS"].split()[1] == "4"
    assert "(set)" in lines["MASSIVE_API_KEY"]
    assert "hunter2" not in printed


def test_wrong_settings_are_all_said_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt name and a bad value are two sentences and exit code 78, before anything starts."""
    monkeypatch.setenv("MESH_PARTITION", "4")
    monkeypatch.setenv("MESH_PORT", "many")

    assert main(["config"]) == 78

    said = capsys.readouterr().err
    assert "MESH_PARTITION is not a setting" in said
    assert "MESH_PORT was 'many'" in said


def test_broker_refuses_a_folder_without_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`mesh broker` does not begin an empty store where a person misspelt the folder."""
    assert main(["broker", "--data-dir", str(tmp_path)]) == 78
    assert "holds no broker's state" in capsys.readouterr().err
