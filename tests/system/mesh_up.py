"""`mesh up` as a child process, for system tests: started, killed in parts, read after its end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mesh import broker
from mesh.connection import open_connection
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.nats_keys import creds_file
from mesh.permissions import ADMIN
from mesh.settings import Settings
from mesh.testing import eventually, running_broker, running_cluster
from schemas.naming import Bucket, bucket_stream
from services.up.stored import KEYS, keys_in, stored_nodes


class Ended(NamedTuple):
    """What a `mesh up` left behind."""

    code: int
    summary: dict[str, Any]
    """The JSON object on standard output; empty if there was none."""
    console: str


class MeshUp:
    """A running `mesh up` on free ports."""

    def __init__(self, process: asyncio.subprocess.Process, data_dir: Path, nats_port: int) -> None:
        self.process = process
        self.data_dir = data_dir
        self.nats_port = nats_port

    def pid_of(self, program: str) -> int | None:
        """The process that runs *program* now; None if it does not run."""
        return next(iter(self.pids_of(program)), None)

    def pids_of(self, program: str) -> list[int]:
        """Every process of *program* that runs now."""
        mark = b"nats-server" if program == "broker" else f"run\0{program}\0".encode()
        return [pid for pid in _children(self.process.pid) if mark in _command(pid)]

    def pid_of_node(self, name: str) -> int:
        """The process of one broker of a cluster."""
        mark = f"MESH_BROKER_NAME={name}".encode()
        return next(
            pid
            for pid in self.pids_of("broker")
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        )

    def settings(self, nats_port: int | None = None) -> Settings:
        """Those of a program of this mesh that may do what an admin may."""
        url = f"nats://127.0.0.1:{nats_port or self.nats_port}"
        return Settings(nats_url=url, nats_creds=creds_in(self.data_dir))

    async def until_ready(self) -> str:
        """Wait until everything runs; the line that says so: the page's address, if there is one."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            if b"Ctrl-C" in line:
                return line.decode().split("Ctrl-C")[0].strip()
        raise AssertionError("ended before everything ran")

    async def kill(self, program: str) -> int:
        """`kill -9` *program*; the process that it was."""
        pid = await eventually(lambda: self.pid_of(program))
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    async def ended(self) -> Ended:
        """Wait for the end."""
        out, err = await self.process.communicate()
        return Ended(self.process.returncode or 0, msgspec.json.decode(out or b"{}"), err.decode())


def _command(pid: int) -> bytes:
    """The command line of a process; nothing of one that has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@asynccontextmanager
async def mesh_up(data_dir: Path, *arguments: str, **environment: str) -> AsyncIterator[MeshUp]:
    """`mesh up` with *arguments*; killed at the end of the context if it still runs."""
    nats_port, *others = broker.free_ports(5)  # the usual ones may be another test's
    names = ("MESH_SIM_PORT", "MESH_SIM_REST_PORT", "MESH_PORT", "MESH_CONTROL_PORT")
    environment = dict(zip(names, map(str, others), strict=True)) | environment
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "services",
            "up",
            "--data-dir",
            str(data_dir),
            "--nats-port",
            str(nats_port),
        ),
        *arguments,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield MeshUp(process, data_dir, nats_port)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.communicate()


async def boards_in(data_dir: Path) -> dict[str, dict[str, Any]]:
    """The boards that a stopped mesh left in *data_dir*, read through as many brokers as it had."""
    async with (
        _serving(data_dir) as url,
        open_connection(
            Settings(nats_url=url, nats_creds=creds_in(data_dir)), "test", set_up("test", "error")
        ) as connection,
    ):
        entries = await KeyValue(connection, Bucket.BOARDS).all()
    return {entry.key: msgspec.json.decode(entry.value or b"") for entry in entries}


def creds_in(data_dir: Path) -> str:
    """The credentials of the admin of a mesh."""
    return str(creds_file(data_dir / KEYS, ADMIN))


@asynccontextmanager
async def _serving(data_dir: Path) -> AsyncIterator[str]:
    nodes = stored_nodes(data_dir)
    if nodes == 1:
        async with running_broker(data_dir, keys_in(data_dir)) as server:
            yield server.url
    else:
        async with running_cluster(data_dir, nodes, keys=keys_in(data_dir)) as cluster:
            await cluster.until_whole(bucket_stream(Bucket.BOARDS))
            yield cluster.url


def without_seq(boards: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """*boards* without the one field that does not follow from the tape."""
    return {
        name: {key: value for key, value in board.items() if key != "seq"}
        for name, board in boards.items()
    }


def is_running(pid: int) -> bool:
    """Whether there is a process *pid*."""
    return Path(f"/proc/{pid}").exists()


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found
