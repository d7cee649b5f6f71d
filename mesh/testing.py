"""What tests of the mesh and of its programs share: a real broker or cluster each, and waiting for conditions."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from mesh import broker, clock, topology
from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError
from mesh.logs import set_up
from mesh.nats_keys import creds_file, including
from mesh.permissions import ADMIN
from mesh.proxy import Proxy, open_proxy
from mesh.settings import Settings


T = TypeVar("T")

_POLL_S = 0.02
_SILENCE_S = 0.5
_ELECTION_S = 25.0
"""It takes up to 9 s, and longer on a busy machine."""


class RunningBroker:
    """A nats-server of a test's own, which the test may kill and start again in the same place."""

    def __init__(self, command: broker.BrokerCommand) -> None:
        self.url = command.url
        self.port = int(command.url.rpartition(":")[2])
        self._command = command
        self._process: asyncio.subprocess.Process | None = None

    @property
    def monitoring(self) -> str:
        """The address of its monitoring: `/varz`, `/jsz` and the like."""
        return f"http://127.0.0.1:{self._command.environment['MESH_BROKER_HTTP_PORT']}"

    @property
    def runs(self) -> bool:
        """Whether the server was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command.argv,
            env={**os.environ, **self._command.environment},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if not await broker.wait_until_listening(self.port):
            raise AssertionError("nats-server did not start within 10 s")

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """End the server with a signal (SIGKILL leaves it no time to say good-bye) and wait for its end."""
        if self._process is not None and self.runs:
            self._process.send_signal(number)
            await self._process.wait()

    async def kill(self) -> None:
        """`kill -9`."""
        await self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """Let the server hang, as a machine without air does: its connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the server go on after `pause`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)


@asynccontextmanager
async def running_broker(store: Path, keys: Path | None = None) -> AsyncIterator[RunningBroker]:
    """A started server, stopped at the end of the context; with *keys* (of `mesh.nats_keys`) it believes those alone."""
    port, http_port = broker.free_ports(2)
    conf = topology.folder() / "server.conf"
    server = RunningBroker(
        broker.command(including(keys, conf) if keys else conf, port, http_port, store)
    )
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


class RunningCluster:
    """Servers that replicate streams among each other; by their names they can be killed, hung and cut off."""

    def __init__(
        self, nodes: dict[str, RunningBroker], wires: dict[tuple[str, str], Proxy], creds: str = ""
    ) -> None:
        self.nodes = nodes
        self._wires = wires
        self._creds = creds
        self._alone: set[str] = set()

    @property
    def url(self) -> str:
        """The address of every node, as `MESH_NATS_URL` takes them."""
        return ",".join(node.url for node in self.nodes.values())

    def cut(self, name: str) -> None:
        """Part the node *name* of a partitionable cluster from the others; to its own clients it goes on talking."""
        self._part(self._alone | {name})

    def heal(self, name: str) -> None:
        """Let the node *name* find the others again."""
        self._part(self._alone - {name})

    async def leader_of(self, stream: str) -> str:
        """The node that leads *stream*; empty while nobody does."""
        async with self._connected() as connection:
            leader: str = (await replicas_of(connection, stream)).get("leader", "")
        return leader

    async def until_whole(self, stream: str) -> None:
        """Wait until *stream* has a leader, and every replica all that it holds."""

        async def is_whole() -> bool:
            replicas = await replicas_of(connection, stream)
            followers = replicas.get("replicas", ())
            return bool(replicas.get("leader")) and all(each["current"] for each in followers)

        async with self._connected() as connection:
            await eventually(is_whole, timeout_s=_ELECTION_S)  # type: ignore[arg-type]  # T is what is awaited

    async def move_leader(self, stream: str, name: str) -> None:
        """Have the node *name* lead *stream*, once it has all of it, and wait until it does."""
        async with self._connected() as connection:
            await move_leader(connection, stream, name)

    def _part(self, alone: set[str]) -> None:
        self._alone = alone
        for ends, wire in self._wires.items():
            wire.set_cut(is_cut=not alone.isdisjoint(ends))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        together = [
            node.url for name, node in self.nodes.items() if node.runs and name not in self._alone
        ]
        async with open_connection(
            Settings(nats_url=",".join(together), nats_creds=self._creds),
            "test",
            set_up("test", "error"),
        ) as connection:
            yield connection


@asynccontextmanager
async def running_cluster(
    folder: Path, nodes: int = 3, *, partitionable: bool = False, keys: Path | None = None
) -> AsyncIterator[RunningCluster]:
    """A cluster with a leader, its streams below *folder*; all of it is killed at the end of the context.

    Args:
        folder: where each node keeps its streams in a folder of its own.
        nodes: number of servers.
        partitionable: whether nodes may be `cut` off: what they say to each other then goes through
            this process, which costs it a little for each message.
        keys: a folder of `mesh.nats_keys`, which the nodes then believe alone.
    """
    places = broker.place_nodes(folder, broker.free_ports(3 * nodes))
    async with AsyncExitStack() as stack:
        wires = {
            (one.name, other.name): await stack.enter_async_context(open_proxy(other.route_port))
            for one in places
            for other in places
            if partitionable and one != other
        }
        creds = str(creds_file(keys, ADMIN)) if keys else ""
        cluster = RunningCluster({}, wires, creds)
        for one in places:
            routes = [
                wires[one.name, other.name].port if partitionable else other.route_port
                for other in places
                if one != other
            ]
            conf = topology.folder() / "cluster.conf"
            conf = including(keys, conf) if keys else conf
            cluster.nodes[one.name] = node = RunningBroker(broker.node_command(conf, one, routes))
            stack.push_async_callback(node.kill)
        await asyncio.gather(*(node.start() for node in cluster.nodes.values()))
        async with open_connection(
            Settings(nats_url=cluster.url, nats_creds=creds), "test", set_up("test", "error")
        ) as connection:
            await topology.establish(connection, [])
        yield cluster


async def move_leader(connection: Connection, stream: str, name: str) -> None:
    """Have the node *name* of a cluster lead *stream*, once it has all of it, and wait until it does."""
    subject = f"$JS.API.STREAM.LEADER.STEPDOWN.{stream}"

    async def move() -> bool:
        replicas = await replicas_of(connection, stream)
        for follower in replicas.get("replicas", ()):
            if follower["name"] == name and follower["current"] and replicas.get("leader"):
                with suppress(BrokerError):
                    await connection.api(subject, {"placement": {"preferred": name}})
        return bool(replicas.get("leader") == name)

    await eventually(move, timeout_s=_ELECTION_S)  # type: ignore[arg-type]  # T is what is awaited


async def replicas_of(connection: Connection, stream: str) -> dict[str, Any]:
    """What the server says of the replicas of *stream*; empty while nobody leads it."""
    try:
        answer = await connection.api(f"$JS.API.STREAM.INFO.{stream}", timeout_s=_SILENCE_S)
    except BrokerError:
        return {}
    replicas: dict[str, Any] = answer["cluster"]
    return replicas


@asynccontextmanager
async def ready_connection(settings: Settings) -> AsyncIterator[Connection]:
    """A connection to a broker on which the topology was applied."""
    async with open_connection(settings, "test", set_up("test", "error")) as connection:
        await topology.establish(connection, topology.definitions(settings.replicas))
        yield connection


async def eventually(
    value: Callable[[], T] | Callable[[], Awaitable[T]],
    accept: Callable[[T], bool] = bool,
    *,
    timeout_s: float = 20.0,
) -> T:
    """The first result of *value* that *accept* takes.

    Raises:
        AssertionError: none within *timeout_s*; the message shows the last one.
    """
    end_s = clock.monotonic_s() + timeout_s
    while True:
        result = value()
        found: T = await result if asyncio.iscoroutine(result) else result  # type: ignore[assignment]  # narrowed at run time
        if accept(found):
            return found
        if clock.monotonic_s() > end_s:
            raise AssertionError(f"still {found!r:.2000} after {timeout_s} s")
        await asyncio.sleep(_POLL_S)
