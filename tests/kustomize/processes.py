"""The pods of an overlay as processes of this machine: their arguments, their variables, their mounted files; addresses are of loopback."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mesh.broker import free_ports
from tests.kustomize import servers
from tests.kustomize.objects import (
    PROGRAM,
    Container,
    component,
    containers,
    of_kind,
    pod,
    variables,
)
from tests.kustomize.rendering import Document


SECRETS = "/run/secrets"


class Here(NamedTuple):
    """Where the parts of the mesh are on this machine."""

    documents: list[Document]
    folder: Path
    certificates: Path
    """What cert-manager would make."""
    addresses: dict[str, str]
    """Host and port in the cluster, and here."""
    ports: dict[str, str]
    """Settings that are a port, and its number here; that of health is by program."""

    def program(self, name: str) -> Container:
        """The container of a program or a Job."""
        (found,) = (
            each
            for each in containers(self.documents)
            if component(each.workload) == name and each.spec["name"] == PROGRAM
        )
        return found

    def here(self, text: str, name: str) -> str:
        """*text* of the pod *name* with the addresses and files of this machine."""
        for there, address in self.addresses.items():
            text = text.replace(f"//{there}", f"//{address}")
        plain = self.addresses.get(text, text)
        return plain.replace(SECRETS, str(self.folder / name))

    def environment(self, name: str) -> dict[str, str]:
        """The variables of the pod *name*, and of this process those that are none of ours."""
        given = variables(self.program(name), self.documents)
        changed = {key: self.here(value, name) for key, value in given.items()}
        changed |= {key: port for key, port in self.ports.items() if key in given or "SIM" in key}
        changed |= {"MESH_HOST": "127.0.0.1", "MESH_SIM_SYMBOLS": "300"}
        changed["MESH_HEALTH_PORT"] = self.addresses[f"{name}:8090"].rpartition(":")[2]
        outer = {key: value for key, value in os.environ.items() if not key.startswith("MESH_")}
        return outer | changed

    def mount(self, name: str) -> None:
        """Lay out the files that the pod *name* finds below /run/secrets."""
        container = self.program(name)
        mounts = {each["name"]: each["mountPath"] for each in container.spec["volumeMounts"]}
        for volume in pod(container.workload)["volumes"]:
            path = mounts[volume["name"]]
            if path.startswith(SECRETS):
                folder = Path(self.here(path, name))
                folder.mkdir(parents=True, exist_ok=True)
                for source in volume.get("projected", {}).get("sources", [volume]):
                    self._lay_out(source["secret"], folder)

    def _lay_out(self, secret: dict[str, Any], folder: Path) -> None:
        name = secret.get("secretName") or secret["name"]
        if name == "nats-tls":
            for item in secret["items"]:
                shutil.copy(self.certificates / item["key"], folder / item["path"])
            return
        held = [
            each for each in of_kind(self.documents, "Secret") if each["metadata"]["name"] == name
        ]
        if secret.get("optional") and not held:
            return
        keys = [{"key": key, "path": key} for key in held[0]["data"]]
        for item in secret.get("items", keys):
            (folder / item["path"]).write_bytes(servers.content(held[0], item["key"]))


def place(
    documents: list[Document], folder: Path, certificates: Path, brokers: dict[str, int]
) -> Here:
    """Give every part of the mesh ports of this machine; those of *brokers* are by their names."""
    services = of_kind(documents, "Service")
    others = [
        f"{service['metadata']['name']}:{port['port']}"
        for service in services
        for port in service["spec"]["ports"]
        if service["metadata"]["name"] not in ("nats", "nats-headless")
    ]
    others += [f"{name}:8090" for name in ("topology", "smoke")]
    free = free_ports(len(others))
    addresses = {there: f"127.0.0.1:{port}" for there, port in zip(others, free, strict=True)} | {
        f"{name}.nats-headless:4222": f"localhost:{port}" for name, port in brokers.items()
    }
    ports = {
        setting: addresses[there].rpartition(":")[2]
        for setting, there in (
            ("MESH_PORT", "widgets:8080"),
            ("MESH_CONTROL_PORT", "control:8081"),
            ("MESH_SIM_PORT", "simulator:8765"),
            ("MESH_SIM_REST_PORT", "simulator:8766"),
        )
    }
    return Here(documents, folder, certificates, addresses, ports)


@asynccontextmanager
async def running(here: Here, name: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The pod *name*, killed at the end of the context if it is still there; what it says is in its log."""
    here.mount(name)
    arguments = [here.here(each, name) for each in here.program(name).spec["args"]]
    with (here.folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services", *arguments, env=here.environment(name), stdout=log, stderr=log
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
