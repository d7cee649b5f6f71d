"""A mesh in containers: a broker with keys, the simulator, and every program, each as a pod of Kubernetes would be confined."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from docker.models.containers import Container
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from mesh.settings import Settings
from mesh.testing import eventually
from mesh.tokens import random_key
from tests.containers.confined import confined, ended


PROGRAMS = (
    "simulator", "reference", "processors", "boards", "widgets", "control", "news", "listener",
)  # fmt: skip
"""In the order in which `mesh up` starts them."""
HEALTH_PORT, PAGE_PORT, CONTROL_PORT, BROKER_PORT = 8090, 8080, 8081, 4222
DAY = "2026-01-05"

_NATS = "/run/secrets/nats"
_SECRETS = "/run/secrets/tickmesh"
_ISSUER = "/run/secrets/nats-issuer"
_CONFIGURATION = Path(__file__).parents[2] / "nats"
_NANOSECONDS = 1_000_000_000
_OFTEN = {"interval": 2 * _NANOSECONDS, "timeout": 5 * _NANOSECONDS, "retries": 30}
"""The image's own test, sooner than the image has it."""
_READY_S = 240.0
_STOP_S = 40
"""Longer than a program takes to drain, as a pod has it."""
_KEY = "simulator"


class End(NamedTuple):
    """How a container ended."""

    code: int
    last_line: str


class Stack:
    """Containers of a mesh that runs, by the name that others reach them by."""

    def __init__(self, image: str, folder: Path, network: Network) -> None:
        self.containers: dict[str, DockerContainer] = {}
        self.token_key = random_key()
        self._image = image
        self._folder = folder
        self._keys = folder / "nats" / "keys"
        self._network = network

    def url(self, name: str, port: int = HEALTH_PORT, scheme: str = "http") -> str:
        """Where this machine reaches *port* of the container *name*."""
        container = self.containers[name]
        host, exposed = container.get_container_host_ip(), container.get_exposed_port(port)
        url: str = f"{scheme}://{host}:{exposed}"
        return url

    def ask(self, name: str, path: str, port: int = HEALTH_PORT, **headers: str) -> httpx.Response:
        """What the program *name* answers, by default about its health."""
        url = f"{self.url(name, port)}{path}"
        return httpx.get(url, headers=headers, trust_env=False, timeout=10)

    def wrapped(self, name: str) -> Container:
        """The engine's own view of the container *name*, as it is now."""
        container = self.containers[name].get_wrapped_container()
        container.reload()
        return container

    def run(self, *command: str, user: str) -> str:
        """What `mesh` says to *command*, as the NATS user *user*, in a container beside the others; it must succeed.

        Raises:
            AssertionError: it did not, with what it said.
        """
        made = self._container(f"once-{user}", list(command), self._environment(user))
        return ended(self._give(made, user))

    def end(self, name: str) -> End:
        """Tell the container *name* to stop, as an orchestrator does, and wait for its end."""
        container = self.wrapped(name)
        container.stop(timeout=_STOP_S)
        said = container.logs().decode().splitlines()
        return End(self.wrapped(name).attrs["State"]["ExitCode"], said[-1])

    def settings(self) -> Settings:
        """Settings of a client on this machine that is the admin of the broker."""
        made = self._container("copy", [f"{_NATS}/admin.creds"], {}, entrypoint="cat")
        self._give(made, "admin")
        creds = self._folder / "admin.creds"
        creds.write_text(ended(made))
        return Settings(nats_url=self.url("nats", BROKER_PORT, "nats"), nats_creds=str(creds))

    def start(self, stack: ExitStack) -> None:
        """Start everything, and wait until every program does its job."""
        self._make_secrets()
        self.containers["nats"] = stack.enter_context(self._broker())
        self.run("topology", "apply", user="admin")
        for program in PROGRAMS:
            ports = (HEALTH_PORT, PAGE_PORT, CONTROL_PORT)
            told = self._environment(program)
            made = self._container(program, ["run", program], told, ports=ports, healthcheck=_OFTEN)
            self.containers[program] = stack.enter_context(self._give(made, program))
        for program in PROGRAMS:
            self.until(partial(self._does_its_job, program))

    def _make_secrets(self) -> None:
        """Have the image make the keys, as the user that will read them, without a network."""
        for folder in (self._folder / "nats", self._folder / "secrets"):
            folder.mkdir(mode=0o777)
            folder.chmod(0o777)
        for name, content in (("mesh_token_key", self.token_key), ("massive_api_key", _KEY)):
            path = self._folder / "secrets" / name
            path.write_text(content)
            path.chmod(0o644)
        made = confined(self._image, ["nats-keys", "/work/keys"], {}, network_mode="none")
        ended(made.with_volume_mapping(str(self._folder / "nats"), "/work", "rw"))

    def _broker(self) -> DockerContainer:
        """A broker as one pod has it."""
        environment = {
            "MESH_BROKER_PORT": str(BROKER_PORT), "MESH_BROKER_HTTP_PORT": "8222",
            "MESH_BROKER_NAME": "nats-0", "MESH_BROKER_HOST": "0.0.0.0",  # noqa: S104 (in the container)
            "MESH_BROKER_STORE": '"/data"', "MESH_BROKER_ACCOUNTS": '"/data/accounts"',
            "MESH_BROKER_PID": '"/tmp/nats.pid"',
        }  # fmt: skip
        made = self._container(
            "nats",
            ["--config", "/etc/nats/pod.conf"],
            environment,
            ports=(BROKER_PORT,),
            entrypoint="nats-server",
            healthcheck={"test": ["NONE"]},
        )
        made.tmpfs["/data"] = "uid=10001,mode=700"
        for file in sorted(_CONFIGURATION.glob("*.conf")):
            made.with_volume_mapping(str(file), f"/etc/nats/{file.name}")
        return made.with_volume_mapping(str(self._keys / "auth.conf"), "/etc/nats/auth.conf")

    def _give(self, made: DockerContainer, user: str) -> DockerContainer:
        """Let *made* read what the NATS user *user* needs, and no other's credentials."""
        if user != "simulator":
            own = f"{user}.creds"
            made.with_volume_mapping(str(self._keys / own), f"{_NATS}/{own}")
        if user == "control":
            made.with_volume_mapping(str(self._keys / "issuer"), _ISSUER)
        return made.with_volume_mapping(str(self._folder / "secrets"), _SECRETS)

    def _container(
        self, name: str, command: list[str], environment: dict[str, str], **options: Any
    ) -> DockerContainer:
        """A container that others reach by *name*, confined as a pod is."""
        made = confined(self._image, command, environment, **options)
        return made.with_network(self._network).with_network_aliases(name)

    def _environment(self, program: str) -> dict[str, str]:
        """What the program is told, as its manifest would."""
        environment = {
            "MESH_NATS_URL": f"nats://nats:{BROKER_PORT}",
            "MESH_NATS_CREDS": f"{_NATS}/{program}.creds",
            "MESH_TOKEN_KEY_FILE": f"{_SECRETS}/mesh_token_key",
            "MESH_API_KEY_FILE": f"{_SECRETS}/massive_api_key",
            "MESH_FINLIGHT_KEY_FILE": f"{_SECRETS}/massive_api_key",
            "MESH_FINLIGHT_URL": "ws://simulator:8765/finlight",
            "MESH_FEED": "simulator:8765",
            "MESH_FEED_TLS": "false",
            "MESH_REST_URL": "http://simulator:8766",
            "MESH_SOURCE": "simulated",
            "MESH_PARTITIONS": "4",
            "MESH_REFERENCE_DAYS": DAY,
            "MESH_REFERENCE_HISTORY": "5",
            "MESH_REFERENCE_CURVES": "20",
            "MESH_SIM_SYMBOLS": "200",
            "MESH_SIM_START": f"{DAY}T09:30:10",
            "MESH_WIDGETS_URL": f"ws://widgets:{PAGE_PORT}/ws",
        }
        if program == "simulator":
            del environment["MESH_NATS_CREDS"]
        if program == "control":
            environment["MESH_NATS_ISSUER"] = _ISSUER
        return environment

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* is true.

        Raises:
            AssertionError: it took too long, or *condition* says why it never will be.
        """
        asyncio.run(eventually(condition, timeout_s=_READY_S))

    def _does_its_job(self, program: str) -> bool:
        """Whether it is ready, and the engine finds it healthy.

        Raises:
            AssertionError: it has ended; with its last words.
        """
        container = self.wrapped(program)
        assert container.status != "exited", f"{program}: {container.logs(tail=20).decode()}"
        try:
            is_ready = self.ask(program, "/readyz").is_success
        except httpx.TransportError:
            return False
        return is_ready and container.attrs["State"]["Health"]["Status"] == "healthy"


@contextmanager
def running_stack(image: str, folder: Path) -> Iterator[Stack]:
    """A mesh of the image *image*, ready, with its secrets in *folder*."""
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        running = Stack(image, folder, network)
        running.start(stack)
        yield running
