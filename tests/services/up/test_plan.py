"""What a command line of `mesh up` amounts to, and the sentences about what cannot be had."""

import argparse
import socket
from pathlib import Path

import pytest

from mesh.broker import free_port
from mesh.errors import FatalError
from services.up import flags
from services.up.plan import Plan, plan, prepared


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MASSIVE_API_KEY", "MESH_NATS_URL", "MESH_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """One trade."""
    path = tmp_path / "tape.jsonl"
    path.write_text('{"ev":"T","sym":"F","p":1,"s":1,"t":1727875800000,"q":1}\n')
    return path


def _plan(data_dir: Path, *arguments: str) -> Plan:
    parser = argparse.ArgumentParser()
    flags.add(parser)
    return plan(parser.parse_args(["--data-dir", str(data_dir), *arguments]))


def _leave_state(planned: Plan) -> Path:
    """Run *planned* as far as its data directory goes; something that its broker left there."""
    with prepared(planned):
        left = planned.data_dir / "jetstream" / "state"
        left.parent.mkdir()
        left.touch()
    return left


@pytest.mark.parametrize("flag", ["--port", "--nats-port"])
def test_taken_port_is_named_with_its_flag(tmp_path: Path, flag: str) -> None:
    """Who asks for a port that is taken reads which one, and how to ask for another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(FatalError, match=rf"port {port} for .* is taken: .*{flag}"):
            _plan(tmp_path, flag, port)


def test_one_health_port_is_not_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that every program would want is refused, with what to ask instead."""
    monkeypatch.setenv("MESH_HEALTH_PORT", "9000")
    with pytest.raises(FatalError, match=r"MESH_HEALTH_PORT .*mesh run.*/readyz"):
        _plan(tmp_path)


def test_missing_tape_is_named_and_costs_nothing(tmp_path: Path, tape: Path) -> None:
    """A misspelt path is said, and what the last tape left is still there."""
    left = _leave_state(_plan(tmp_path / "data", "--tape", str(tape)))
    with pytest.raises(FatalError, match=r"nowhere\.jsonl"):
        _plan(tmp_path / "data", "--tape", str(tmp_path / "nowhere.jsonl"))

    assert left.exists()


def test_only_a_tape_has_an_end(tmp_path: Path) -> None:
    """`--exit-at-end` without a tape would never exit, so it is refused."""
    with pytest.raises(FatalError, match="--exit-at-end needs --tape"):
        _plan(tmp_path, "--exit-at-end")


def test_foreign_state_is_not_touched(tmp_path: Path) -> None:
    """A folder with a broker's state that no `mesh up` made is refused."""
    (tmp_path / "jetstream").mkdir()

    with pytest.raises(FatalError, match="not ours: choose another --data-dir"):
        _plan(tmp_path)


def test_live_state_is_refused_for_a_tape(
    tmp_path: Path, tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of the live feed is kept for the live feed, and never emptied for a recording."""
    monkeypatch.setenv("MASSIVE_API_KEY", "key")
    left = _leave_state(_plan(tmp_path / "data"))
    with pytest.raises(FatalError, match="holds the state of the live feed"):
        _plan(tmp_path / "data", "--tape", str(tape))
    with prepared(_plan(tmp_path / "data")):
        kept = left.exists()

    assert kept


def test_state_of_a_tape_is_emptied(tmp_path: Path, tape: Path) -> None:
    """A tape begins at its start, so what an earlier run left is gone."""
    left = _leave_state(_plan(tmp_path / "data", "--tape", str(tape)))
    with prepared(_plan(tmp_path / "data", "--tape", str(tape))):
        kept = left.exists()

    assert not kept


def test_data_directory_in_use_is_refused(tmp_path: Path, tape: Path) -> None:
    """A second `mesh up` does not empty the directory under the feet of the first."""
    first = _plan(tmp_path / "data", "--tape", str(tape))
    second = _plan(tmp_path / "data", "--tape", str(tape))
    with prepared(first):
        with pytest.raises(FatalError, match="used by another `mesh up`"), prepared(second):
            pass
        logs = (first.data_dir / "logs").is_dir()

    assert logs


def test_data_directory_that_cannot_be_written_is_a_sentence(tmp_path: Path, tape: Path) -> None:
    """A path below a file is said to be none, in a sentence that names the flag."""
    planned = _plan(tape / "below")

    with pytest.raises(FatalError, match=r"cannot be written to.*--data-dir"), prepared(planned):
        pass


def test_external_broker_still_has_a_place_for_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a broker of one's own nothing is emptied, and the programs have a folder for their logs."""
    monkeypatch.setenv("MESH_NATS_URL", f"nats://127.0.0.1:{free_port()}")
    (tmp_path / "jetstream").mkdir()
    planned = _plan(tmp_path)
    with prepared(planned):
        found = sorted(path.name for path in tmp_path.iterdir())

    assert not planned.embedded_broker
    assert found == ["jetstream", "lock", "logs"]
