"""Limits of accounts: the server itself refuses what is beyond, to programs and to readers."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from nats.errors import Error

from mesh import topology
from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.logs import set_up
from mesh.permissions import ADMIN, READER
from mesh.settings import Settings
from mesh.testing import eventually, ready_connection, running_cluster
from tests.mesh.keys import Secured, creds_of, is_let_in, signed_in


pytestmark = [pytest.mark.broker, pytest.mark.slow]

LOG = set_up("test", "error")
STREAMS, CONSUMERS, CONNECTIONS = 64, 500, 256
GB = 1 << 30


async def _create(admin: Connection, name: str, **config: object) -> None:
    usual = {"name": name, "subjects": [f"$KV.{name}.>"], "max_bytes": 1000, "storage": "memory"}
    await admin.api(f"$JS.API.STREAM.CREATE.{name}", {**usual, **config})


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"max_bytes": 8 * GB}, "insufficient memory"),
        ({"max_bytes": 32 * GB, "storage": "file"}, "insufficient storage"),
        ({"max_bytes": -1}, "requires a stream config to have max bytes"),
    ],
)
async def test_streams_have_an_end(
    admin: Connection, config: dict[str, object], reason: str
) -> None:
    """One that would take all memory or all of the disk is refused, and so is one that does not say how much."""
    with pytest.raises(BrokerError, match=reason):
        await _create(admin, "greedy", **config)


async def test_number_of_streams_has_an_end(admin: Connection) -> None:
    """Those of the mesh and some more are taken; what makes streams without an end is stopped."""
    for number in range(STREAMS - len(topology.definitions())):
        await _create(admin, f"more{number}")
    with pytest.raises(BrokerError, match="maximum number of streams"):
        await _create(admin, "last")


async def test_number_of_consumers_has_an_end(admin: Connection) -> None:
    """Consumers that nobody deletes fill up one stream, and not the server."""
    consumer = {"stream_name": "KV_rows", "config": {"ack_policy": "none", "mem_storage": True}}
    subject = "$JS.API.CONSUMER.CREATE.KV_rows"
    await asyncio.gather(*(admin.api(subject, consumer, timeout_s=30) for _ in range(CONSUMERS)))
    with pytest.raises(BrokerError, match="maximum consumers"):
        await admin.api(subject, consumer)


async def test_readers_are_limited(mesh: Secured) -> None:
    """Too many subscriptions of one connection are refused, a request that is too large ends it."""
    async with signed_in(mesh.broker.url, creds_of(mesh.keys, READER)) as reader:
        for number in range(300):
            await reader.client.subscribe(f"row.{number}")
        await eventually(lambda: reader.client.is_closed)  # as its client takes it
        assert "maximum subscriptions exceeded" in str(reader.client.last_error)
    async with signed_in(mesh.broker.url, creds_of(mesh.keys, READER)) as reader:
        await reader.client.publish("$SRV.PING", b"x" * 64 * 1024)
        await reader.client.flush()
        assert reader.client.is_connected
        reader.client._max_payload = 1 << 20  # a client that does not care what it was told
        await reader.client.publish("$SRV.PING", b"x" * (64 * 1024 + 1))
        await eventually(lambda: reader.client.is_closed)


async def test_connections_of_readers_have_an_end(mesh: Secured) -> None:
    """Whoever reads cannot take the connections that programs need: one more than the limit is refused, a program is not."""
    creds = creds_of(mesh.keys, READER)
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            await stack.enter_async_context(signed_in(mesh.broker.url, creds))
        with pytest.raises(Error, match="maximum account active connections"):
            await stack.enter_async_context(signed_in(mesh.broker.url, creds))

        assert await is_let_in(mesh.broker.url, creds_of(mesh.keys, "boards"))


@pytest.mark.timeout(120)
async def test_topology_fits_with_three_replicas(mesh: Secured, tmp_path: Path) -> None:
    """Each replica counts; on a cluster with the same keys every stream of nats/ is created."""
    async with running_cluster(tmp_path / "cluster", keys=mesh.keys) as cluster:
        settings = Settings(
            nats_url=cluster.url, nats_creds=str(creds_of(mesh.keys, ADMIN)), replicas=3
        )
        async with ready_connection(settings) as opened:
            assert await topology.diff(opened, topology.definitions(3)) == []
