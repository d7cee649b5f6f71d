"""The broker of each overlay really starts with what its pods are given: alone, and three of them over TLS."""

import asyncio
import operator
import signal
import ssl
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest

from mesh import clock, topology
from mesh.broker import free_ports
from mesh.connection import open_connection
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection, replicas_of
from tests.kustomize import servers
from tests.kustomize.certificates import Authority
from tests.kustomize.objects import containers, named, variables
from tests.kustomize.rendering import Document, rendered


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(240)]

GIB = 1 << 30
LOG = set_up("test", "error")


@pytest.fixture
def authority() -> Authority:
    """One that vouches for this test's servers."""
    return Authority(datetime.fromtimestamp(clock.now_ms() / 1000, UTC))


def _issue(authority: Authority, documents: list[Document], folder: Path) -> None:
    names = named(documents, "Certificate", "nats")["spec"]["dnsNames"]
    authority.issue(folder, names)


def test_server_takes_its_configuration(
    documents: list[Document], tmp_path: Path, authority: Authority
) -> None:
    """`nats-server -t` accepts the rendered files, with the variables of the pod and no others."""
    certificates = None
    if "MESH_BROKER_CERT" in variables(servers.server(documents), documents):
        certificates = tmp_path / "tls"
        _issue(authority, documents, certificates)
    conf = servers.lay_out(documents, tmp_path / "etc")
    given = servers.environment(documents, tmp_path, (4222, 8222, 6222), certificates=certificates)

    assert servers.check(conf, given) == ""
    given.pop("MESH_BROKER_STORE")
    assert "MESH_BROKER_STORE" in servers.check(conf, given)


def test_three_servers_take_their_configuration_without_tls(tmp_path: Path) -> None:
    """So does one of the base, whose servers speak without TLS."""
    documents = rendered("dev")
    servers.server(documents).spec["args"][1] = "/etc/nats/pods.conf"
    conf = servers.lay_out(documents, tmp_path / "etc")

    assert servers.check(conf, servers.environment(documents, tmp_path, (4222, 8222, 6222))) == ""


def test_reloader_watches_what_the_server_reads(documents: list[Document]) -> None:
    """Each file by which a running server may change is watched, and is there."""
    (reloader,) = (each for each in containers(documents) if each.spec["name"] == "reloader")
    watched = {
        Path(argument.removeprefix("-config="))
        for argument in reloader.spec["args"]
        if argument.startswith("-config=")
    }
    held = {*named(documents, "ConfigMap", "nats-config")["data"], "auth.conf", "tls.crt", "ca.crt"}
    mounted = {Path(each["mountPath"]) for each in reloader.spec["volumeMounts"]}
    has_tls = Path("/etc/nats-tls") in mounted

    assert {path.name for path in watched} <= held
    assert {path.parent for path in watched} <= mounted
    assert {"server.conf", "leaving.conf", "auth.conf"} <= {path.name for path in watched}
    assert has_tls == ("tls.crt" in {path.name for path in watched})


def test_streams_fit_into_a_pod(documents: list[Document]) -> None:
    """All streams at their limits leave the server half of its memory, and fit four fifths of its disk."""
    held = {"memory": 0, "file": 0}
    for definition in topology.definitions():
        held[definition["storage"]] += definition["max_bytes"]
    container = servers.server(documents)
    (claim,) = container.workload["spec"]["volumeClaimTemplates"]

    memory = container.spec["resources"]["limits"]["memory"]
    disk = claim["spec"]["resources"]["requests"]["storage"]
    assert held["memory"] < 0.5 * int(memory.removesuffix("Gi")) * GIB
    assert held["file"] < 0.8 * int(disk.removesuffix("Gi")) * GIB
    go_limit = variables(container, documents)["GOMEMLIMIT"]
    assert 0.8 < int(go_limit.removesuffix("MiB")) / 1024 / int(memory.removesuffix("Gi")) < 0.95


async def test_one_server_serves_the_topology(tmp_path: Path) -> None:
    """That of `dev` answers its probes, takes the topology from the admin of its keys, and leaves when its pod is stopped."""
    documents = rendered("dev")
    ports = tuple(free_ports(3))
    given = servers.environment(documents, tmp_path, (ports[0], ports[1], ports[2]))
    conf = servers.lay_out(documents, tmp_path / "etc")
    url = f"nats://127.0.0.1:{ports[0]}"
    broker = RunningBroker(servers.started(conf, given, url))
    await broker.start()
    try:
        creds = _secret(documents, "nats-admin", "admin.creds", tmp_path)
        async with ready_connection(Settings(nats_url=url, nats_creds=str(creds))) as connection:
            assert await topology.diff(connection, topology.definitions()) == []
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[1]}") as client:
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                path = servers.server(documents).spec[probe]["httpGet"]["path"]
                assert (await client.get(path)).status_code == 200, path

        leaving = await asyncio.create_subprocess_exec(*servers.signal_of(documents, given))
        assert await leaving.wait() == 0
        await eventually(lambda: not broker.runs, timeout_s=40)
    finally:
        await broker.kill()


async def test_three_servers_are_one_cluster_over_tls(
    tmp_path: Path, authority: Authority, prod: list[Document]
) -> None:
    """Those of production find each other by their certificates, and give every stream three replicas; a renewed certificate drops nobody."""
    certificates = tmp_path / "tls"
    _issue(authority, prod, certificates)
    async with servers.running_cluster(prod, tmp_path, certificates) as running:
        settings = Settings(
            nats_url=",".join(broker.url for broker in running),
            nats_creds=str(_secret(prod, "nats-admin", "admin.creds", tmp_path)),
            nats_ca=str(certificates / "ca.crt"),
            replicas=3,
        )
        async with open_connection(settings, "test", LOG) as connection:
            await topology.establish(connection, topology.definitions(settings.replicas))
            replicas = await replicas_of(connection, "KV_boards")
            assert len(replicas["replicas"]) == 2

            before = [await _serial(broker.port, certificates) for broker in running]
            _issue(authority, prod, certificates)
            for broker, old in zip(running, before, strict=True):
                broker._signal(signal.SIGHUP)
                await eventually(
                    partial(_serial, broker.port, certificates),
                    partial(operator.ne, old),
                )
            assert await topology.diff(connection, topology.definitions(3)) == []
            assert connection.incarnation == 0


async def _serial(port: int, certificates: Path) -> str:
    """Of the certificate that the server on *port* shows; NATS says a line before it speaks TLS."""
    context = ssl.create_default_context(cafile=certificates / "ca.crt")
    reader, writer = await asyncio.open_connection("localhost", port)
    await reader.readline()
    await writer.start_tls(context, server_hostname="localhost")
    serial: str = writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
    writer.close()
    return serial


def _secret(documents: list[Document], name: str, key: str, folder: Path) -> Path:
    """A file with what a Secret holds under *key*."""
    path = folder / key
    path.write_bytes(servers.content(named(documents, "Secret", name), key))
    return path
