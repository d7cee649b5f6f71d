"""`mesh doctor`: what is wrong with this machine and these settings, in sentences that say what to do."""

import asyncio
import shutil
import subprocess  # the one question that is put to another program: its version
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from mesh import broker, clock, tls, topology
from mesh.address import brokers, is_loopback, without_credentials
from mesh.config import load
from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError, MeshError, SettingsError
from mesh.logs import set_up
from mesh.nats_keys import DAY_S, claims_of
from mesh.settings import Settings


_LEAST_DISK_BYTES = 2 << 30
_RENEW_DAYS = 14
"""So many days before its end a certificate should be renewed."""
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
    yield _news(settings)
    if settings.nats_url:
        means = list(_means(settings))
        yield from means
        if not any(finding.tone == "bad" for finding in means):
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


def _news(settings: Settings) -> Finding:
    if settings.finlight_key:
        return Finding(
            "good", f"FINLIGHT_API_KEY is set: news comes from {settings.finlight_url} too."
        )
    return Finding("note", "FINLIGHT_API_KEY is not set: live news comes from Massive alone.")


def _means(settings: Settings) -> Iterator[Finding]:
    """What there is to prove oneself to a broker with, and to have it prove itself."""
    now_s = clock.now_ms() / 1000
    try:
        yield _credentials(settings, now_s)
    except MeshError as error:
        yield Finding("bad", f"{error} (MESH_NATS_CREDS).")
    try:
        yield from _authorities(settings, now_s)
    except MeshError as error:
        yield Finding("bad", f"{error}.")


def _credentials(settings: Settings, now_s: float) -> Finding:
    if not settings.nats_creds:
        return Finding(
            "note",
            "MESH_NATS_CREDS is not set: only a broker that believes everybody lets anything in.",
        )
    claims = claims_of(Path(settings.nats_creds))
    name, expires_s = claims.get("name"), claims.get("exp")
    if expires_s is None:
        return Finding("good", f"MESH_NATS_CREDS is the user `{name}`, without an end.")
    if expires_s <= now_s:
        return Finding(
            "bad",
            f"The credentials of `{name}` in {settings.nats_creds} ended on {_day(expires_s)}: ask for others.",
        )
    return Finding("good", f"MESH_NATS_CREDS is the user `{name}`, until {_day(expires_s)}.")


def _authorities(settings: Settings, now_s: float) -> Iterator[Finding]:
    servers = brokers(settings.nats_url)
    if not tls.is_wanted(servers, settings.nats_ca):
        if not all(is_loopback(urlsplit(server).hostname or "") for server in servers):
            yield Finding(
                "note",
                "The broker is spoken to in clear, over a network: tls:// and MESH_NATS_CA encrypt it.",
            )
        return
    if not settings.nats_ca:
        yield Finding("good", "The broker must show a certificate that this system trusts.")
        return
    ends_s = tls.authorities_end_s(settings.nats_ca)
    if max(ends_s) <= now_s:
        text = f"The authorities in {settings.nats_ca} have all ended: ask for newer ones (MESH_NATS_CA)."
        yield Finding("bad", text)
        return
    good = sum(end_s > now_s for end_s in ends_s)
    yield Finding("good", f"MESH_NATS_CA has authorities, {good} of which are good.")


async def _external_broker(settings: Settings) -> list[Finding]:
    try:
        async with open_connection(settings, "doctor", set_up("doctor", "error")) as connection:
            version = connection.client.connected_server_version
            answers = Finding(
                "good",
                f"The broker at {without_credentials(settings.nats_url)} answers and is nats-server {version!r}.",
            )
            return [answers, *_certificate(connection), *await _topology(settings, connection)]
    except MeshError as error:
        return [Finding("bad", f"{error}.")]


def _certificate(connection: Connection) -> Iterator[Finding]:
    ends_s = connection.certificate_ends_s
    if ends_s is None:
        return
    days = int((ends_s - clock.now_ms() / 1000) / DAY_S)
    if days < _RENEW_DAYS:
        yield Finding(
            "note", f"The broker's certificate ends on {_day(ends_s)}, in {days} days: renew it."
        )
    else:
        yield Finding("good", f"The broker's certificate is good until {_day(ends_s)}.")


async def _topology(settings: Settings, connection: Connection) -> list[Finding]:
    try:
        drifts = await topology.diff(connection, topology.definitions(settings.replicas))
    except BrokerError:
        if not connection.denied:
            raise
        return [
            Finding("note", "This user may not look at the topology: ask with the admin's credentials.")
        ]  # fmt: skip
    if not drifts:
        return []
    names = ", ".join(sorted({drift.stream for drift in drifts}))
    return [
        Finding(
            "note",
            f"Its topology differs from nats/ in {names}: `mesh topology diff` shows how, `apply` mends it.",
        )
    ]


def _day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()


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
