"""Streams and buckets as `nats/*.json` defines them: compared with the server, and applied.

Each file is one stream in the server's own field names, so `nats stream add --config FILE` accepts
it too; a bucket is the stream `KV_{bucket}` behind it. A definition names only the fields that
matter; what it does not name is the server's business and never drift. Nor are more replicas than
it names, or than MESH_REPLICAS asks for: an operator may have raised them.

Applying creates what is missing and updates what differs. What would lose data (a stream that is
not ours, a smaller limit) is refused without `force`.
"""

import asyncio
from pathlib import Path
from secrets import SystemRandom
from typing import Any, NamedTuple

import msgspec

from mesh import clock
from mesh.backoff import delays_s
from mesh.connection import Connection
from mesh.errors import BrokerError, TopologyError


Definition = dict[str, Any]

STREAM_NOT_FOUND = 10059
_LIMITS = ("max_age", "max_bytes", "max_msgs", "max_msgs_per_subject")
_UNLIMITED = (None, 0, -1)
"""Three spellings of one thing: a file may write 0 where the server answers −1, or nothing."""
_IMMUTABLE = ("storage", "retention")
_NOT_A_CLUSTER = 10074
_NOT_YET = {None, 10005, 10008, 10009, 10023, 10028, 10047}
"""Silence, no leader, or servers that have not yet said how much room they have: a cluster that forms or elects."""
_PATIENCE_S = 20.0
"""An election takes up to 9 s, and its time cannot be set."""
_PROBE_S = 0.25
_SILENCE_S = 2.0
"""A stream without a leader says nothing, and is worth another question soon."""


class Drift(NamedTuple):
    """One difference between a definition and the server."""

    stream: str
    field: str
    wanted: Any
    found: Any
    """None if the server has no such stream, or no such field."""


def describe(drift: Drift) -> str:
    """*drift* as a line for people."""
    if drift.field == "name":
        return f"{drift.stream}: missing"
    source = "MESH_REPLICAS" if drift.field == "num_replicas" else f"nats/{drift.stream}.json"
    return (
        f"{drift.stream}.{drift.field}: {drift.found!r} on the server, {drift.wanted!r} in {source}"
    )


def folder() -> Path:
    """Where the definitions are: inside the wheel, or beside the sources."""
    packaged = Path(__file__).parent / "_nats"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "nats"


def definitions(replicas: int = 1, directory: Path | None = None) -> list[Definition]:
    """Every definition, by name, each with *replicas* at least.

    Raises:
        TopologyError: a file is not a stream definition, or is not named after its stream.
    """
    found = []
    for path in sorted((directory or folder()).glob("*.json")):
        try:
            definition = msgspec.json.decode(path.read_bytes(), type=Definition)
        except msgspec.DecodeError as error:
            raise TopologyError(f"{path} must be one JSON object: {error}") from error
        if definition.get("name") != path.stem:
            raise TopologyError(
                f"{path} must define the stream {path.stem}, was {definition.get('name')!r}"
            )
        most = max(replicas, definition.get("num_replicas", 1))
        found.append({**definition, "num_replicas": most})
    return found


async def diff(connection: Connection, wanted: list[Definition]) -> list[Drift]:
    """What on the server differs from *wanted*; empty if nothing does."""
    drifts = []
    for definition in wanted:
        drifts += _drift(definition, await _found(connection, definition["name"]))
    return drifts


async def apply(
    connection: Connection, wanted: list[Definition], *, force: bool = False
) -> list[Drift]:
    """Make the server agree with *wanted*, and say what was changed. Nothing changes the second time.

    Raises:
        TopologyError: a change would lose data or cannot be made; nothing was changed by this call
            unless an earlier stream of the list needed it.
    """
    changed = []
    for definition in wanted:
        name = definition["name"]
        found = await _found(connection, name)
        drifts = _drift(definition, found)
        if not drifts:
            continue
        if found is None:
            await _change(connection, f"$JS.API.STREAM.CREATE.{name}", definition)
        else:
            _refuse_loss(drifts, force=force)
            await _change(connection, f"$JS.API.STREAM.UPDATE.{name}", _update(found, definition))
        changed += drifts
    return changed


async def establish(connection: Connection, wanted: list[Definition]) -> list[Drift]:
    """Apply *wanted*, with patience for a cluster that is still forming or electing its leaders.

    Raises:
        TopologyError: as for `apply`.
        BrokerError: the server refused for another reason, or was not ready for 20 s.
    """
    end_s = clock.monotonic_s() + _PATIENCE_S
    waits = delays_s(0.1, 1.0, SystemRandom().random)
    while True:
        try:
            await connection.api("$JS.API.INFO", timeout_s=_PROBE_S)  # answered by the leader alone
            return await apply(connection, wanted)
        except BrokerError as error:
            if error.code not in _NOT_YET or clock.monotonic_s() > end_s:
                raise
        await asyncio.sleep(next(waits))


async def keep(connection: Connection, replicas: int = 1) -> None:
    """Apply the definitions now and after every reconnect: a server that was restarted has lost its memory streams."""

    async def ensure() -> None:
        await apply(connection, definitions(replicas))

    await establish(connection, definitions(replicas))
    connection.on_reconnect.append(ensure)


async def _change(connection: Connection, subject: str, definition: Definition) -> None:
    try:
        await connection.api(subject, definition)
    except BrokerError as error:
        if error.code == _NOT_A_CLUSTER:
            raise TopologyError(
                f"{definition['name']} cannot have {definition['num_replicas']} replicas (MESH_REPLICAS): "
                "the broker is one server, not a cluster"
            ) from error
        raise


async def _found(connection: Connection, name: str) -> Definition | None:
    try:
        answer = await connection.api(f"$JS.API.STREAM.INFO.{name}", timeout_s=_SILENCE_S)
    except BrokerError as error:
        if error.code == STREAM_NOT_FOUND:
            return None
        raise
    config: Definition = answer["config"]
    return config


def _drift(wanted: Definition, found: Definition | None) -> list[Drift]:
    name = wanted["name"]
    if found is None:
        return [Drift(name, "name", name, None)]
    return [
        Drift(name, field, value, found.get(field))
        for field, value in wanted.items()
        if not _agrees(field, value, found.get(field))
    ]


def _agrees(field: str, wanted: Any, found: Any) -> bool:
    if field in _LIMITS and wanted in _UNLIMITED:
        return found in _UNLIMITED
    if field == "num_replicas" and found is not None:
        return bool(found >= wanted)
    return _same(wanted, found)


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(_same(value, found.get(key)) for key, value in wanted.items())
    return bool(wanted == found) or (not wanted and found is None)


def _update(found: Definition, wanted: Definition) -> Definition:
    """What to send so that a stream that is *found* becomes what is *wanted*, and keeps the rest."""
    merged = {**found, **wanted}
    merged["num_replicas"] = max(found.get("num_replicas", 1), wanted.get("num_replicas", 1))
    longest = merged.get("max_age", 0)
    if longest > 0 and "duplicate_window" not in wanted:
        # The server refuses (10052) a window that outlives the messages, and chose the one it has.
        merged["duplicate_window"] = min(found.get("duplicate_window", 0), longest)
    return merged


def _refuse_loss(drifts: list[Drift], *, force: bool) -> None:
    fixed = [drift for drift in drifts if drift.field in _IMMUTABLE]
    if fixed:
        raise TopologyError(
            f"{describe(fixed[0])}; the server cannot change this: delete the stream first"
        )
    narrower = [drift for drift in drifts if drift.field in _LIMITS and _narrows(drift)]
    if narrower and not force:
        raise TopologyError(
            f"{describe(narrower[0])}; this would discard data: repeat with --force if that is meant"
        )


def _narrows(drift: Drift) -> bool:
    return bool(drift.found in _UNLIMITED or 0 < drift.wanted < drift.found)
