"""Three servers that replicate: what a program notices when one of them dies, hangs or is cut off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from mesh import direct, topology
from mesh.connection import Connection, Message, open_connection
from mesh.errors import BrokerError
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import RunningCluster, eventually, ready_connection, running_cluster
from schemas.naming import MarketClass, tape_stream, tape_subject


T = TypeVar("T")

pytestmark = [pytest.mark.broker, pytest.mark.slow]

STREAM = tape_stream(MarketClass.TRADES)
SUBJECT = tape_subject(MarketClass.TRADES, 0)
ELECTION_S = 25.0
"""Takes up to 9 s, and longer on a busy machine."""


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[RunningCluster]:
    """A cluster of this test's own."""
    async with running_cluster(tmp_path) as running:
        yield running


@asynccontextmanager
async def _connected(url: str, replicas: int = 3) -> AsyncIterator[Connection]:
    async with ready_connection(Settings(nats_url=url, replicas=replicas)) as connection:
        yield connection


def _node_of(cluster: RunningCluster, connection: Connection) -> str:
    """The node that *connection* is connected to; empty between two."""
    url = connection.client.connected_url
    return next((name for name, node in cluster.nodes.items() if url and node.port == url.port), "")


async def _until(value: Callable[[], Awaitable[T]], accept: Callable[[T], bool] = bool) -> T:
    """The first result of *value* that *accept* takes, with the patience that an election needs."""
    return await eventually(value, accept, timeout_s=ELECTION_S)


async def _bodies(connection: Connection) -> list[bytes]:
    try:
        return [each.payload for each in await direct.every(connection, STREAM, SUBJECT)]
    except BrokerError:
        return []


async def test_connection_moves_to_another_node(cluster: RunningCluster) -> None:
    """When its node is killed a program is on another one at once, with its subscriptions."""
    heard: list[bytes] = []

    async def note(message: Message) -> None:
        heard.append(message.data)

    async with _connected(cluster.url) as connection:
        await connection.subscribe("heard", note)
        for _ in range(2):
            died = _node_of(cluster, connection)
            incarnation = connection.incarnation
            await cluster.nodes[died].kill()
            await eventually(lambda before=incarnation: connection.incarnation > before)
            await connection.publish("heard", died.encode())
            await eventually(lambda name=died: name.encode() in heard)
            assert _node_of(cluster, connection) != died
            await cluster.nodes[died].start()


async def test_connection_leaves_a_node_that_hangs(cluster: RunningCluster) -> None:
    """A program that publishes to a node that takes nothing any more finds another one, and goes on."""
    async with _connected(cluster.url) as connection:
        hung = _node_of(cluster, connection)
        cluster.nodes[hung].pause()

        async def publish() -> int:
            await connection.publish("a", b"x" * 1_000_000)
            return connection.incarnation

        await _until(publish)
        assert _node_of(cluster, connection) != hung
        cluster.nodes[hung].resume()


async def test_streams_have_their_replicas(cluster: RunningCluster) -> None:
    """What was made with one replica gets three when they are asked for, and keeps them when fewer are."""
    async with _connected(cluster.url, replicas=1) as connection:
        changed = await topology.establish(connection, topology.definitions(3))
        again = await topology.establish(connection, topology.definitions(1))

        assert {drift.field for drift in changed} == {"num_replicas"}
        assert again == await topology.diff(connection, topology.definitions(3)) == []


async def test_programs_may_prepare_an_empty_cluster_at_once(cluster: RunningCluster) -> None:
    """All programs of a mesh, started together on a cluster without streams, agree on them."""

    async def start() -> list[topology.Drift]:
        async with open_connection(
            Settings(nats_url=cluster.url), "test", set_up("test", "error")
        ) as connection:
            await topology.keep(connection, 3)
            return await topology.diff(connection, topology.definitions(3))

    assert await asyncio.gather(*(start() for _ in range(6))) == [[]] * 6


async def test_what_was_acknowledged_survives_the_leader(cluster: RunningCluster) -> None:
    """After `kill -9` of a stream's leader all that it acknowledged is still there, and the next publish follows it."""
    async with _connected(cluster.url) as connection:
        await connection.api(f"$JS.API.STREAM.UPDATE.{STREAM}", {**_kept(), "num_replicas": 3})
        await cluster.move_leader(STREAM, "broker-2")
        sent = [b"%d" % number for number in range(200)]
        for body in sent:
            await connection.acknowledged(SUBJECT, body)
        await cluster.nodes["broker-2"].kill()

        await _until(lambda: cluster.leader_of(STREAM), lambda name: name in ("broker", "broker-3"))
        await _until(lambda: _stored(connection, b"after"))
        await _until(lambda: _bodies(connection), [*sent, b"after"].__eq__)
        await cluster.nodes["broker-2"].start()
        await cluster.move_leader(STREAM, "broker-2")


async def test_part_of_a_cluster_that_was_cut_off_agrees_after_healing(tmp_path: Path) -> None:
    """The leader's side alone acknowledges nothing; the others elect and go on; healed, all hold what was acknowledged."""
    async with running_cluster(tmp_path, partitionable=True) as cluster:
        async with _connected(cluster.url) as connection:
            await connection.api(f"$JS.API.STREAM.UPDATE.{STREAM}", {**_kept(), "num_replicas": 3})
            await cluster.move_leader(STREAM, "broker")
        alone = cluster.nodes["broker"].url
        others = f"{cluster.nodes['broker-2'].url},{cluster.nodes['broker-3'].url}"
        log = set_up("test", "error")
        async with (
            open_connection(Settings(nats_url=alone), "test", log) as minority,
            open_connection(Settings(nats_url=others), "test", log) as majority,
        ):
            await minority.acknowledged(SUBJECT, b"before")
            cluster.cut("broker")
            with pytest.raises(BrokerError):
                await minority.acknowledged(SUBJECT, b"refused", timeout_s=1)
            await _until(lambda: _stored(majority, b"during"))
            cluster.heal("broker")

            await _until(lambda: _stored(minority, b"after"))
            # A replica that has not caught up yet answers a direct get all the same, so ask again.
            await _until(lambda: _bodies(minority), [b"before", b"during", b"after"].__eq__)
            await _until(lambda: _bodies(majority), [b"before", b"during", b"after"].__eq__)


async def test_program_waits_for_a_leader_and_works_meanwhile(cluster: RunningCluster) -> None:
    """Without a majority a connection that keeps the topology still delivers; what it had to prepare is done later."""
    prepared = asyncio.Event()
    heard = asyncio.Event()

    async def prepare() -> None:
        await topology.apply(connection, topology.definitions(3))
        prepared.set()

    async def note(_: Message) -> None:
        heard.set()

    async with open_connection(
        Settings(nats_url=cluster.url), "test", set_up("test", "error")
    ) as connection:
        await topology.keep(connection, 3)
        connection.on_reconnect[:] = [prepare]
        await connection.subscribe("heard", note)
        survivor = next(name for name in cluster.nodes if name != _node_of(cluster, connection))
        dead = [node for name, node in cluster.nodes.items() if name != survivor]
        await asyncio.gather(*(node.kill() for node in dead))
        await eventually(lambda: connection.incarnation)
        await connection.publish("heard", b"")
        await eventually(heard.is_set)
        with pytest.raises(BrokerError):
            await connection.acknowledged(SUBJECT, b"", timeout_s=0.5)
        assert not prepared.is_set()
        await asyncio.gather(*(node.start() for node in dead))

        await eventually(prepared.is_set, timeout_s=ELECTION_S)


def _kept() -> topology.Definition:
    """The stream of trades without its age, so that a slow election costs no message."""
    found = next(each for each in topology.definitions(3) if each["name"] == STREAM)
    return {**found, "max_age": 0}


async def _stored(connection: Connection, body: bytes) -> bool:
    """Whether *body* was acknowledged; a message id keeps a repeated attempt from being stored twice."""
    try:
        await connection.acknowledged(SUBJECT, body, {"Nats-Msg-Id": body.decode()}, timeout_s=1)
    except BrokerError:
        return False
    return True


@pytest.mark.timeout(150)
async def test_connection_leaves_a_node_that_is_cut_off(tmp_path: Path) -> None:
    """A program whose node has lost the cluster goes to one that has it, though its connection is fine."""
    async with running_cluster(tmp_path, partitionable=True) as cluster:
        settings = Settings(nats_url=cluster.url, replicas=3)
        async with open_connection(settings, "test", set_up("test", "error")) as connection:
            alone = _node_of(cluster, connection)
            cluster.cut(alone)

            await eventually(
                lambda: _node_of(cluster, connection) not in ("", alone), timeout_s=90.0
            )
