"""What `mesh backup` and `mesh restore` do."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from mesh import snapshots, topology
from mesh.config import load
from mesh.connection import Connection, open_connection
from mesh.errors import FatalError, MeshError
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.snapshots import Snapshot
from services.backup import archive
from services.backup.kept import KEPT


def back_up(file: str, environment: Mapping[str, str]) -> int:
    """Make a backup; the exit code.

    Raises:
        MeshError: it cannot be made; there is no file then.
    """
    path = Path(file).expanduser().resolve()
    if path.exists():
        raise FatalError(f"{path} is there already, and nothing is overwritten")
    taken = asyncio.run(_take(load(environment)))
    archive.write(path, taken)
    _say(f"{path}:", taken)
    return 0


def restore(file: str, environment: Mapping[str, str]) -> int:
    """Put a backup onto a broker that holds none of it; the exit code.

    Raises:
        MeshError: it cannot be put there; what was put before is named.
    """
    settings = load(environment)
    read = list(archive.read(Path(file).expanduser().resolve()))
    unknown = {each.config["name"] for each in read} - {*KEPT}
    if unknown or not read:
        raise FatalError(f"{file} is no backup of a mesh: {', '.join(unknown) or 'it is empty'}")
    asyncio.run(_restore(settings, read))
    _say("restored:", read)
    return 0


async def _take(settings: Settings) -> list[Snapshot]:
    async with open_connection(settings, "backup", set_up("backup", "error")) as connection:
        return [await snapshots.take(connection, stream) for stream in KEPT]


async def _restore(settings: Settings, read: list[Snapshot]) -> None:
    async with open_connection(settings, "restore", set_up("restore", "error")) as connection:
        definitions = topology.definitions(settings.replicas)
        await topology.establish(connection, definitions)  # waits for a cluster that forms
        await _require_empty(connection, read)
        for number, snapshot in enumerate(read):
            try:
                await snapshots.restore(connection, snapshot, settings.replicas)
            except MeshError as error:
                raise FatalError(_half(error, read[:number])) from error
        # It may be of an older version, whose definitions came with it.
        await topology.establish(connection, definitions)


async def _require_empty(connection: Connection, read: list[Snapshot]) -> None:
    """Refuse before anything is changed."""
    full = [
        stream
        for stream in (each.config["name"] for each in read)
        if await snapshots.messages_in(connection, stream)
    ]
    if full:
        raise FatalError(
            f"the broker holds {', '.join(full)} already, and nothing is overwritten: "
            "restore onto a new one, before any program runs there"
        )


def _half(error: MeshError, done: list[Snapshot]) -> str:
    """What is to be done before it is tried again: a stream that holds something is not overwritten."""
    names = ", ".join(each.config["name"] for each in done if each.messages)
    return f"{error}. Restored before: {names or 'nothing'}; remove that (`nats stream rm`) to try again"


def _say(first: str, found: list[Snapshot]) -> None:
    lines = [f"  {each.config['name']:20} {each.messages}" for each in found]
    sys.stdout.write("\n".join([first, *lines, ""]))
