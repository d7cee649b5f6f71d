"""Servers of one's own, as an operator runs them: the files of nats/ in a folder with keys and a certificate."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from mesh import broker, clock, topology
from mesh.broker import BrokerCommand, free_ports
from mesh.nats_keys import AUTH_FILE, create, creds_file
from mesh.permissions import ADMIN
from mesh.settings import Settings
from mesh.testing import RunningBroker
from tests.mesh.authority import Authority, Certificate


SHARED = ("server.conf", "own.conf", "own-cluster.conf", "websocket.conf")
WEB_SOCKET_LINE = "# include websocket.conf"
ORIGIN = "https://desk.example.com"


class Own(NamedTuple):
    """A server, or a cluster, with TLS."""

    folder: Path
    """With the configuration, and `keys` below it."""
    authority: Authority
    certificate: Certificate
    servers: list[RunningBroker]
    ws_port: int

    @property
    def urls(self) -> str:
        """Addresses by a name of the certificate."""
        return ",".join(f"tls://localhost:{server.port}" for server in self.servers)

    def settings(self, program: str = ADMIN, **changes: str) -> Settings:
        """Those of a program."""
        usual = {"nats_url": self.urls, "nats_ca": str(self.authority.path)}
        creds = str(creds_file(self.folder / "keys", program))
        return Settings(nats_creds=creds, **{**usual, **changes})  # type: ignore[arg-type]  # the fields are texts


def installed(folder: Path) -> Path:
    """The files of nats/ in *folder*, with what `mesh nats-keys` makes beside."""
    create(folder / "keys", int(clock.now_ms() / 1000))
    for name in SHARED:
        shutil.copy(topology.folder() / name, folder / name)
    shutil.copy(folder / "keys" / AUTH_FILE, folder / AUTH_FILE)
    return folder


def turn_on_web_socket(folder: Path) -> None:
    """Do what own.conf says: take the comment away."""
    path = folder / "own.conf"
    path.write_text(path.read_text().replace(WEB_SOCKET_LINE, WEB_SOCKET_LINE.removeprefix("# ")))


def command(
    folder: Path, conf: str, name: str, ports: list[int], routes: list[int], keys: Certificate
) -> BrokerCommand:
    """How an operator starts the server *name* with the configuration *conf*."""
    port, http_port, ws_port, *route_port = ports
    alone = broker.command(folder / conf, port, http_port, folder / name)
    addresses = ", ".join(f"nats://localhost:{each}" for each in routes)
    environment = {
        "MESH_BROKER_NAME": name,
        "MESH_BROKER_HOST": "127.0.0.1",
        "MESH_BROKER_CERT": f'"{keys.cert}"',
        "MESH_BROKER_KEY": f'"{keys.key}"',
        "MESH_BROKER_WS_PORT": str(ws_port),
        "MESH_BROKER_ORIGINS": f"[{ORIGIN}]",
        **({"MESH_BROKER_ROUTE_PORT": str(route_port[0])} if route_port else {}),
        "MESH_BROKER_ROUTES": f"[{addresses}]",
    }
    return alone._replace(environment={**alone.environment, **environment})


@asynccontextmanager
async def own_server(
    folder: Path, *names: str, prepare: Callable[[Path], object] = installed
) -> AsyncIterator[Own]:
    """A server of one's own whose certificate is for *names*, `localhost` if there are none."""
    prepare(folder)
    authority = Authority(folder)
    certificate = authority.sign(folder / "tls", *(names or ("localhost",)))
    ports = free_ports(3)
    server = RunningBroker(command(folder, "own.conf", "nats-1", ports, [], certificate))
    await server.start()
    try:
        yield Own(folder, authority, certificate, [server], ports[2])
    finally:
        await server.kill()


@asynccontextmanager
async def own_cluster(folder: Path, count: int = 3) -> AsyncIterator[Own]:
    """A cluster of one's own, with TLS between its servers too."""
    installed(folder)
    authority = Authority(folder)
    certificate = authority.sign(folder / "tls", "localhost")
    by_server = [free_ports(4) for _ in range(count)]
    async with AsyncExitStack() as stack:
        servers = []
        for number, ports in enumerate(by_server, 1):
            others = [each[3] for each in by_server if each is not ports]
            made = command(folder, "own-cluster.conf", f"nats-{number}", ports, others, certificate)
            ca = {"MESH_BROKER_CA": f'"{authority.path}"'}
            made = made._replace(environment={**made.environment, **ca})
            servers.append(RunningBroker(made))
            stack.push_async_callback(servers[-1].kill)
        await asyncio.gather(*(server.start() for server in servers))
        yield Own(folder, authority, certificate, servers, by_server[0][2])
