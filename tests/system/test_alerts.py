"""Alerts of the whole mesh: the same ids whatever the speed, the partitions and the workers, and none twice."""

import asyncio
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from mesh import direct
from mesh.connection import Connection, open_connection
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import eventually, running_broker
from schemas.naming import ALERTS_STREAM, Bucket, alert_key
from services.simulator.market import Market, start_of
from services.up.stored import keys_in
from tests.system.mesh_up import Ended, MeshUp, boards_in, creds_in, mesh_up, without_seq


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(300)]

START_MS = start_of("2026-01-05T09:29:30")
MINUTES = 7
"""More than the five in which an alert is not repeated."""
KINDS = {"high", "low", "running-up", "near-band", "limit", "halt", "resume"}
"""Of the alerts that the tape is known to make."""

Values = Mapping[str, Any]


class Left(NamedTuple):
    """What a mesh has left behind."""

    ids: list[str]
    """In the order of the stream."""
    newest: dict[str, Values]
    """The last in the stream of each kind and symbol."""
    alerts: dict[str, Values]
    """KV `alerts`."""
    halts: dict[str, Values]
    """KV `halts`, of who does not simply trade."""
    boards: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic market around an open, with a symbol that runs into its band and pauses."""
    market = Market(seed=6, symbols=60, start_ms=START_MS, trades_a_s=25.0)
    end_ms = START_MS + MINUTES * 60_000
    path = tmp_path_factory.mktemp("tape") / "market.jsonl"
    with path.open("wb") as file:
        for event in takewhile(lambda each: each.time_ms < end_ms, market):
            file.write(event.payload + b"\n")
    return path


async def _all(connection: Connection, bucket: Bucket) -> dict[str, Values]:
    entries = await KeyValue(connection, bucket).all()
    return {entry.key: msgspec.json.decode(entry.value or b"{}") for entry in entries}


async def _left(data_dir: Path, ended: Ended) -> Left:
    assert ended.code == 0, ended.console
    assert (ended.summary["lost"], ended.summary["doubled"], ended.summary["gaps"]) == (0, 0, 0)
    async with (
        running_broker(data_dir, keys_in(data_dir)) as server,
        open_connection(
            Settings(nats_url=server.url, nats_creds=creds_in(data_dir)),
            "test",
            set_up("test", "error"),
        ) as reader,
    ):
        stored = await direct.every(reader, ALERTS_STREAM, "alert.>")
        alerts = await _all(reader, Bucket.ALERTS)
        halts = await _all(reader, Bucket.HALTS)
    found = [msgspec.json.decode(message.payload) for message in stored]
    return Left(
        [alert["id"] for alert in found],
        {alert_key(alert["kind"], alert["symbol"]): alert for alert in found},
        alerts,
        {symbol: halt for symbol, halt in halts.items() if halt["state"] != "trading"},
        without_seq(await boards_in(data_dir)),
    )


def _without_row(alerts: Mapping[str, Values]) -> dict[str, Values]:
    """*alerts* without the row, which is that of the moment: who finds an alert again may know more by then."""
    return {
        key: {name: value for name, value in alert.items() if name != "row"}
        for key, alert in alerts.items()
    }


def _up(folder: Path, tape: Path, **flags: str) -> Any:
    given = [part for name, value in flags.items() for part in (f"--{name}", value)]
    return mesh_up(folder, "--tape", str(tape), "--exit-at-end", "--no-web", *given)


async def _play(folder: Path, tape: Path, **flags: str) -> Left:
    """What playing *tape* to its end leaves behind."""
    async with _up(folder, tape, **flags) as mesh:
        ended = await mesh.ended()
    return await _left(folder, ended)


async def _some_are_stored(mesh: MeshUp) -> None:
    """Wait until the mesh is in the middle of its alerts."""
    async with open_connection(mesh.settings(), "test", set_up("test", "error")) as reader:

        async def stored() -> int:
            answer = await reader.api(f"$JS.API.STREAM.INFO.{ALERTS_STREAM}")
            return int(answer["state"]["messages"])

        await eventually(stored, lambda count: count >= 60)  # type: ignore[arg-type]  # T is what is awaited


async def _play_with_a_kill(folder: Path, tape: Path, **flags: str) -> Left:
    """The same, with a worker killed when some of the alerts are stored."""
    async with _up(folder, tape, **flags) as mesh, asyncio.TaskGroup() as tasks:
        await mesh.until_ready()
        ending = tasks.create_task(mesh.ended())
        await _some_are_stored(mesh)
        await mesh.kill("processors")
        ended = await ending
    assert "processors " in ended.console
    return await _left(folder, ended)


def _assert_whole(left: Left) -> None:
    """What holds of a mesh by itself."""
    assert len(left.ids) == len(set(left.ids))
    assert _without_row(left.alerts) == _without_row(left.newest)


async def test_alerts_follow_from_the_tape_alone(tmp_path: Path, tape: Path) -> None:
    """At any speed, on 1, 2 and 16 partitions, with two workers and one of them killed: the same ids, once each."""
    first = await _play(tmp_path / "first", tape, speed="max", partitions="1")
    others = [
        await _play(tmp_path / "second", tape, speed="max", partitions="2", workers="2"),
        await _play_with_a_kill(
            tmp_path / "killed", tape, speed="60", partitions="16", workers="2"
        ),
    ]

    assert {alert["kind"] for alert in first.alerts.values()} >= KINDS
    assert len(first.ids) > len(first.alerts)  # some came again
    for left in (first, *others):
        _assert_whole(left)
    for other in others:
        assert sorted(other.ids) == sorted(first.ids)
        assert _without_row(other.alerts) == _without_row(first.alerts)
        assert other.halts == first.halts
        assert other.boards == first.boards
