"""The settings and the plan that a command line of `mesh up` amounts to."""

import argparse
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from mesh import clock
from mesh.address import THIS_MACHINE, is_loopback, reach
from mesh.broker import Node, choose_port, free_port, free_ports, place_nodes
from mesh.config import load
from mesh.errors import FatalError
from mesh.nats_keys import create, creds_file, programs_account, renew
from mesh.permissions import ADMIN
from mesh.settings import SETTINGS, Settings
from mesh.tokens import LONGEST_S, Tokens, random_key
from services.simulator.finlight_server import PATH as NEWS_PATH
from services.simulator.tape import Tape
from services.up.stored import KEYS, STREAMS, keys_in, stored_nodes


Source = Literal["live", "tape", "simulated"]

_SOURCE_FILE = "source"
_LOCK_FILE = "lock"
KEY_FILE = "token.key"
TOKEN_FILE = "token"  # noqa: S105 (a name)
"""In the data directory: a token for `mesh tail` and other tools of this machine."""
_OF_EVERYBODY = "$G"
"""The account that a broker without keys has."""
_REPLICAS = 3
"""More than three cost every write and are worth little."""
_SIMULATED_HISTORY = 40
"""Days: the simulator makes each of them on the cores on which everything else runs."""
_SIMULATED_CURVES = 50
"""The simulator makes each of them up, on the machine that it is to leave to the mesh."""
_FLAGS = {
    "speed": "sim_speed",
    "partitions": "partitions",
    "port": "port",
    "nats_port": "nats_port",
}
"""Flags that are nothing but another way to give a setting."""


class Plan(NamedTuple):
    """What is to be started."""

    settings: Settings
    """Complete: every port and address is settled."""
    data_dir: Path
    brokers: list[Node]
    """The embedded ones; empty if somebody else's is used."""
    workers: int
    simulator: bool
    news: bool
    """Not with a tape: it holds none, and today's would not belong to its day."""
    web: bool
    exit_at_end: bool


def plan(arguments: argparse.Namespace) -> Plan:
    """The plan for a command line and the environment.

    Raises:
        FatalError: something asked for cannot be had: a port, a path, a combination of flags.
    """
    settings = _settings(arguments)
    if settings.health_port:
        raise FatalError(
            "MESH_HEALTH_PORT is for one program (`mesh run`): of a whole `mesh up` ask the page's /readyz"
        )
    source: Source = "tape" if arguments.tape else "live" if settings.api_key else "simulated"
    if arguments.exit_at_end and source != "tape":
        raise FatalError("--exit-at-end needs --tape: only a recording has an end")
    data_dir = Path(settings.data_dir or f".mesh/{source}").expanduser().resolve()
    brokers: list[Node] = []
    if not settings.nats_url:
        _refuse_foreign(data_dir, source, arguments.nodes)
        port = choose_port(settings.nats_port, 4222, "the broker", "--nats-port or MESH_NATS_PORT")
        brokers = _brokers(data_dir, port, arguments.nodes)
        urls = ",".join(f"nats://127.0.0.1:{node.port}" for node in brokers)
        admin = str(creds_file(data_dir / KEYS, ADMIN))
        settings = msgspec.structs.replace(
            settings, nats_port=port, nats_url=urls, nats_creds=admin, nats_ca=""
        )
    elif arguments.nodes > 1:
        raise FatalError("--nodes is for embedded brokers: unset MESH_NATS_URL to have them")
    if not arguments.no_web:
        port = choose_port(settings.port, 8080, "the page", "--port or MESH_PORT")
        settings = msgspec.structs.replace(settings, port=port)
        control_port = _control_port(settings)
        settings = msgspec.structs.replace(settings, control_port=control_port)
    settings = msgspec.structs.replace(settings, source=source, data_dir=str(data_dir))
    if not settings.token_key:
        settings = msgspec.structs.replace(settings, token_key=_kept_key(data_dir) or random_key())
    if source != "live":
        settings = _simulated(settings, [Path(path) for path in arguments.tape or ()])
    return Plan(
        settings=settings,
        data_dir=data_dir,
        brokers=brokers,
        workers=arguments.workers,
        simulator=source != "live",
        news=source != "tape",
        web=not arguments.no_web,
        exit_at_end=arguments.exit_at_end,
    )


def _kept_key(data_dir: Path) -> str:
    """The key of tokens of the last run, so that those that it issued are good in this one; empty without one."""
    path = data_dir / KEY_FILE
    return path.read_text().strip() if path.is_file() else ""


def _keep_key(data_dir: Path, key: str) -> None:
    """Leave the key, and a token of a day that shows everything, to the tools of whoever owns the directory."""
    token = Tokens(key.encode("utf-8", "surrogateescape")).issue(
        "local", [">"], LONGEST_S, clock.now_ms()
    )
    for name, content in ((KEY_FILE, key), (TOKEN_FILE, token)):
        path = data_dir / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(f"{content}\n", errors="surrogateescape")


def _keep_keys(data_dir: Path) -> None:
    """Have keys for the brokers; those that are there stay, so that what was signed with them is good in this run."""
    now_s = int(clock.now_ms() / 1000)
    keys = keys_in(data_dir)
    if keys is None:
        create(data_dir / KEYS, now_s)
        _move_state(data_dir)
    else:
        renew(keys, now_s)


def _move_state(data_dir: Path) -> None:
    """Give what a broker stored that believed everybody to the account that programs have from now on."""
    before = data_dir / STREAMS / _OF_EVERYBODY
    if before.is_dir():
        before.rename(before.with_name(programs_account(data_dir / KEYS)))


def _settings(arguments: argparse.Namespace) -> Settings:
    environment = dict(os.environ)
    names = {setting.field: setting.env for setting in SETTINGS}
    for flag, field in {**_FLAGS, "data_dir": "data_dir"}.items():
        value = getattr(arguments, flag)
        if value is not None:
            environment[names[field]] = str(value)
    if not environment.get("MESH_REPLICAS"):
        environment["MESH_REPLICAS"] = str(min(arguments.nodes, _REPLICAS))
    if not environment.get("MESH_WS_PAGE_TOKEN") and _is_for_this_machine(environment):
        environment["MESH_WS_PAGE_TOKEN"] = "true"  # noqa: S105 (a switch)
    return load(environment)


def _is_for_this_machine(environment: Mapping[str, str]) -> bool:
    """Whether nobody else reaches the page."""
    return is_loopback(environment.get("MESH_HOST") or THIS_MACHINE)


def _brokers(data_dir: Path, port: int, count: int) -> list[Node]:
    http_port = choose_port(0, 8222, "the broker's monitoring", "")
    if count == 1:
        return [Node("broker", port, http_port, 0, data_dir)]
    first, *others = place_nodes(data_dir, free_ports(3 * count))
    return [first._replace(port=port, http_port=http_port), *others]


def _simulated(settings: Settings, paths: list[Path]) -> Settings:
    """*settings* with the feed pointed at the simulator on ports that are free."""
    feed_port = _free_besides(settings, settings.sim_port)
    rest_port = _free_besides(settings, settings.sim_rest_port)
    simulator = f"{reach(settings.host)}:{feed_port}"
    days = Tape(paths).days if paths else [settings.sim_start.partition("T")[0]]
    return msgspec.structs.replace(
        settings,
        api_key=settings.sim_key,
        feed=simulator,
        feed_tls=False,
        finlight_key=settings.sim_key,
        finlight_url=f"ws://{simulator}{NEWS_PATH}",
        rest_url=f"http://{reach(settings.host)}:{rest_port}",
        lossless=bool(paths),
        reference_days=",".join(days),
        reference_curves=0 if paths else min(settings.reference_curves, _SIMULATED_CURVES),
        reference_history=min(settings.reference_history, _SIMULATED_HISTORY),
        sim_port=feed_port,
        sim_rest_port=rest_port,
        sim_tape=os.pathsep.join(str(path.resolve()) for path in paths),
    )


def _control_port(settings: Settings) -> int:
    asked, usual = settings.control_port, 8081
    if not asked and usual in (settings.port, settings.nats_port):
        return free_port()
    return choose_port(asked, usual, "the control plane", "MESH_CONTROL_PORT")


def _free_besides(settings: Settings, usual: int) -> int:
    """The *usual* port, or a free one if that is taken or was just given to the page or the broker."""
    given = usual in (settings.port, settings.nats_port, settings.control_port)
    return free_port() if given else choose_port(0, usual, "the simulator", "MESH_SIM_PORT")


def _refuse_foreign(data_dir: Path, source: Source, nodes: int) -> None:
    before = _source_of(data_dir)
    stored = stored_nodes(data_dir)
    if before == "live" and source != "live":
        raise FatalError(
            f"{data_dir} holds the state of the live feed: choose another --data-dir for {source} data"
        )
    if before is None and stored:
        raise FatalError(
            f"{data_dir} holds a broker's state that is not ours: choose another --data-dir"
        )
    if before == "live" and stored not in (0, nodes):
        raise FatalError(
            f"{data_dir} holds the state of --nodes {stored}, which {nodes} cannot read: "
            f"give --nodes {stored}, or choose another --data-dir"
        )


@contextmanager
def prepared(plan: Plan) -> Iterator[None]:
    """The data directory, ours alone for the duration of the context and fit for the source.

    Only a live feed goes on where it stopped. A recording and the synthetic market begin at their
    start again, so what an earlier run made of them is in the future and would hide everything.

    Raises:
        FatalError: another `mesh up` uses it, or it cannot be written to.
    """
    try:
        logs = plan.data_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        logs.chmod(0o700)  # one of them holds the link that makes the first admin
        lock = (plan.data_dir / _LOCK_FILE).open("w")
    except OSError as error:
        raise FatalError(
            f"{plan.data_dir} cannot be written to ({error.strerror}): choose another --data-dir"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FatalError(
                f"{plan.data_dir} is used by another `mesh up`: stop that one, or choose another --data-dir"
            ) from error
        if plan.brokers:
            if _source_of(plan.data_dir) != "live":
                for stored in plan.data_dir.glob(f"broker*/{STREAMS}"):
                    shutil.rmtree(stored, ignore_errors=True)
                shutil.rmtree(plan.data_dir / STREAMS, ignore_errors=True)
            (plan.data_dir / _SOURCE_FILE).write_text(f"{plan.settings.source}\n")
            _keep_keys(plan.data_dir)
        _keep_key(plan.data_dir, plan.settings.token_key)
        yield


def _source_of(data_dir: Path) -> str | None:
    """What the state in *data_dir* was made of; None if there is none of ours."""
    marker = data_dir / _SOURCE_FILE
    return marker.read_text().strip() if marker.is_file() else None
