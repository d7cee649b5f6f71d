"""What a command line of `mesh up` amounts to, and the sentences about what cannot be had."""

import argparse
import socket
import stat
from pathlib import Path

import pytest

from mesh.broker import free_port
from mesh.errors import FatalError
from mesh.kv import KeyValue
from mesh.nats_keys import creds_file
from mesh.permissions import ADMIN
from mesh.settings import Settings
from mesh.testing import ready_connection, running_broker
from schemas.naming import Bucket
from services.up import flags
from services.up.plan import Plan, plan, prepared
from services.up.stored import keys_in, stored_nodes


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MASSIVE_API_KEY", "MESH_NATS_URL", "MESH_DATA_DIR", "MESH_REPLICAS"):
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


@pytest.mark.parametrize(
    ("host", "shows_token", "at"),
    [
        ("", True, "127.0.0.1"),
        ("127.0.0.2", True, "127.0.0.2"),
        ("0.0.0.0", False, "127.0.0.1"),  # noqa: S104 (that is the subject)
        ("192.0.2.1", False, "192.0.2.1"),
        ("::", False, "[::1]"),
    ],
)
def test_page_has_a_token_for_this_machine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, shows_token: bool, at: str
) -> None:
    """Whoever reaches the page from elsewhere has to sign in; programs find the simulator wherever it listens."""
    monkeypatch.setenv("MESH_HOST", host)
    settings = _plan(tmp_path).settings

    assert settings.ws_page_token is shows_token
    assert settings.feed == f"{at}:{settings.sim_port}"
    assert settings.rest_url == f"http://{at}:{settings.sim_rest_port}"


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


def test_logs_are_for_their_owner_alone(tmp_path: Path) -> None:
    """One of them holds the link that makes the first admin; a folder that an older version left open is closed."""
    planned = _plan(tmp_path / "data")
    logs = planned.data_dir / "logs"
    logs.mkdir(parents=True, mode=0o755)
    with prepared(planned):
        mode = stat.S_IMODE(logs.stat().st_mode)

    assert mode == 0o700


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

    assert planned.brokers == []
    assert found == ["jetstream", "lock", "logs", "token", "token.key"]


def test_cluster_is_planned_with_places_of_its_own(tmp_path: Path) -> None:
    """Each node has its port and folder, programs are told of all of them, and streams get their replicas."""
    port = free_port()
    planned = _plan(tmp_path, "--nodes", "5", "--workers", "2", "--nats-port", str(port))

    assert [node.name for node in planned.brokers] == ["broker", *(f"broker-{n}" for n in "2345")]
    assert [node.store.parent for node in planned.brokers] == [tmp_path] * 5
    assert len({*(node.port for node in planned.brokers), *(n.http_port for n in planned.brokers)}) == 10  # fmt: skip
    assert planned.settings.nats_url == ",".join(
        f"nats://127.0.0.1:{node.port}" for node in planned.brokers
    )
    assert planned.brokers[0].port == port
    assert planned.settings.replicas == 3
    assert planned.workers == 2


@pytest.mark.parametrize(
    ("nodes", "asked", "replicas"), [("1", "", 1), ("2", "", 2), ("3", "1", 1), ("3", "", 3)]
)
def test_replicas_follow_the_nodes_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: str, asked: str, replicas: int
) -> None:
    """As many replicas as there are nodes, three at most; a setting that is given counts more."""
    monkeypatch.setenv("MESH_REPLICAS", asked)

    assert _plan(tmp_path, "--nodes", nodes).settings.replicas == replicas


def test_nodes_are_for_embedded_brokers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has a broker of his own cannot ask for nodes, and reads why."""
    monkeypatch.setenv("MESH_NATS_URL", f"nats://127.0.0.1:{free_port()}")

    with pytest.raises(FatalError, match="--nodes is for embedded brokers: unset MESH_NATS_URL"):
        _plan(tmp_path, "--nodes", "3")


@pytest.mark.parametrize("flag", ["--nodes", "--workers"])
@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_count_that_is_none_is_refused(
    tmp_path: Path, flag: str, count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A number of processes below one is named with its flag."""
    with pytest.raises(SystemExit):
        _plan(tmp_path, flag, count)

    assert flag in capsys.readouterr().err


def test_live_state_of_a_cluster_is_for_as_many_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One broker cannot read what a cluster keeps, nor the other way round: that is said, and nothing is touched."""
    monkeypatch.setenv("MASSIVE_API_KEY", "key")
    for data_dir, nodes, other in ((tmp_path / "many", "3", "1"), (tmp_path / "one", "1", "3")):
        planned = _plan(data_dir, "--nodes", nodes)
        with prepared(planned):
            for node in planned.brokers:
                (node.store / "jetstream").mkdir(parents=True)
        with pytest.raises(FatalError, match=f"holds the state of --nodes {nodes}.*--data-dir"):
            _plan(data_dir, "--nodes", other)
        with prepared(_plan(data_dir, "--nodes", nodes)):
            assert all((node.store / "jetstream").is_dir() for node in planned.brokers)


@pytest.mark.broker
async def test_state_from_before_there_were_keys_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a live mesh stored when its broker believed everybody is there for the programs that sign in."""
    monkeypatch.setenv("MASSIVE_API_KEY", "key")
    async with running_broker(tmp_path) as broker:
        async with ready_connection(Settings(nats_url=broker.url)) as connection:
            await KeyValue(connection, Bucket.BOARDS).put("gainers", b"{}")
        await broker.stop()
    (tmp_path / "source").write_text("live\n")
    with prepared(_plan(tmp_path)):
        keys = keys_in(tmp_path)
    assert keys is not None
    async with running_broker(tmp_path, keys) as broker:
        admin = Settings(nats_url=broker.url, nats_creds=str(creds_file(keys, ADMIN)))
        async with ready_connection(admin) as connection:
            kept = await KeyValue(connection, Bucket.BOARDS).get("gainers")

    assert kept is not None
    assert kept.value == b"{}"


def test_state_that_a_cluster_made_of_a_tape_is_emptied(tmp_path: Path, tape: Path) -> None:
    """A tape begins at its start on every node, also when it is played on another number of them."""
    planned = _plan(tmp_path / "data", "--tape", str(tape), "--nodes", "3")
    with prepared(planned):
        for node in planned.brokers:
            (node.store / "jetstream").mkdir(parents=True)
    with prepared(_plan(tmp_path / "data", "--tape", str(tape))):
        kept = stored_nodes(tmp_path / "data")

    assert kept == 0


def test_news_comes_with_the_synthetic_market_and_not_with_a_tape(
    tmp_path: Path, tape: Path
) -> None:
    """Both news vendors are the simulator; a recording has no news, and today's is none of its day."""
    simulated = _plan(tmp_path)
    played = _plan(tmp_path, "--tape", str(tape))

    assert simulated.news
    assert simulated.settings.finlight_key == simulated.settings.sim_key
    assert simulated.settings.finlight_url == f"ws://{simulated.settings.feed}/finlight"
    assert not played.news
