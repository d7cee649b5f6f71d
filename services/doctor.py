"""`mesh doctor`: what is wrong with this machine and these settings, in sentences that say what to do."""

import asyncio
import shutil
import subprocess  # the one question that is put to another program: its version
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from mesh import broker, topology
from mesh.address import without_credentials
from mesh.config import load
from mesh.connection import open_connection
from mesh.errors import MeshError, SettingsError
from mesh.logs import set_up
from mesh.settings import Settings


_LEAST_DISK_BYTES = 2 << 30
_MARKS = {"good": "✓", "note": "·", "bad": "✖"}


class Finding(NamedTuple):
    """One sentence; `bad` is what keeps the mesh from running."""

    tone: Literal["good", "note", "bad"]
    text: str


def main(environment: Mapping[str, str]) -> int:
    """Print all findings; 1 if one of them is bad."""
    findings = list(examine(environment))
    for finding in findings:
        sys.stdout.write(f"{_MARKS[finding.tone]} {finding.text}\n")
    return 1 if any(finding.tone == "bad" for finding in findings) else 0


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that can be known without starting anything."""
    yield Finding("good", f"Python {sys.version.split()[0]}")
    try:
        settings = load(environment)
    except SettingsError as error:
        yield from (Finding("bad", problem) for problem in error.problems)
        return
    yield _feed(settings)
    if settings.nats_url:
        yield from asyncio.run(_external_broker(settings))
    else:
        yield from _embedded_broker(settings)
    yield from _ports(settings)
    yield from _disk(settings)


def _feed(settings: Settings) -> Finding:
    if settings.api_key:
        return Finding(
            "good", f"MASSIVE_API_KEY is set: `mesh up` uses the live feed at {settings.feed}."
        )
    return Finding(
        "note", "MASSIVE_API_KEY is not set: `mesh up` uses the simulator, and the page says so."
    )


async def _external_broker(settings: Settings) -> list[Finding]:
    try:
        async with open_connection(settings, "doctor", set_up("doctor", "error")) as connection:
            version = connection.client.connected_server_version
            drifts = await topology.diff(connection, topology.definitions(settings.replicas))
    except MeshError as error:
        return [Finding("bad", f"{error}.")]
    found = [
        Finding(
            "good",
            f"The broker at {without_credentials(settings.nats_url)} answers and is nats-server {version!r}.",
        )
    ]
    if drifts:
        names = ", ".join(sorted({drift.stream for drift in drifts}))
        found.append(
            Finding(
                "note",
                f"Its topology differs from nats/ in {names}: `mesh topology diff` shows how, `apply` mends it.",
            )
        )
    return found


def _embedded_broker(settings: Settings) -> Iterator[Finding]:
    try:
        command = broker.command(topology.folder() / "server.conf", 1, 1, Path())
    except MeshError as error:
        yield Finding("bad", f"{error}.")
        return
    asking = [command.argv[0], "--version"]
    answer = subprocess.run(asking, capture_output=True, text=True, check=False)  # noqa: S603 (our own binary)
    yield Finding("good", f"The embedded broker is {answer.stdout.strip()}.")
    try:
        topology.definitions()
    except MeshError as error:
        yield Finding("bad", f"{error}.")
    yield _port(settings.nats_port, 4222, "the broker", "--nats-port or MESH_NATS_PORT")


def _ports(settings: Settings) -> Iterator[Finding]:
    yield _port(settings.port, 8080, "the page", "--port or MESH_PORT")


def _port(asked: int, usual: int, what: str, how: str) -> Finding:
    try:
        chosen = broker.choose_port(asked, usual, what, how)
    except MeshError as error:
        return Finding("bad", f"{str(error)[0].upper()}{str(error)[1:]}.")
    if chosen != (asked or usual):
        return Finding(
            "note",
            f"Port {usual} for {what} is taken; a free one will be used. To choose one: {how}.",
        )
    return Finding("good", f"Port {chosen} for {what} is free.")


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = Path(settings.data_dir or ".mesh").expanduser().resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        probe = existing / ".mesh-doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        yield Finding(
            "bad",
            f"{existing} cannot be written to ({error.strerror}): choose another MESH_DATA_DIR.",
        )
        return
    free_bytes = shutil.disk_usage(existing).free
    text = f"{free_bytes / (1 << 30):.0f} GB are free for the broker's state in {folder}."
    if free_bytes < _LEAST_DISK_BYTES:
        yield Finding(
            "bad",
            f"Only {text} At least {_LEAST_DISK_BYTES >> 30} GB are needed: choose another MESH_DATA_DIR.",
        )
    else:
        yield Finding("good", text)
