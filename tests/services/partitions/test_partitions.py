"""`mesh partitions` on a real broker: owners, lag and what is wrong, with an exit code for scripts."""

import asyncio
from typing import Any

import pytest

from mesh import clock
from mesh.checkpoint import Checkpoint, Checkpoints
from mesh.connection import Connection, open_connection
from mesh.errors import FatalError
from mesh.group import Group
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually
from schemas.checkpoint import Counts
from schemas.market import Bar, Batch, Position
from schemas.naming import Bucket, MarketClass, owner_key, tape_subject
from schemas.ownership import Claim
from schemas.wire import encode_json, encode_msgpack, json_decoder
from services.__main__ import main
from services.partitions.report import Partition, Report, is_well, lines, warnings
from services.partitions.survey import GROUP, survey


pytestmark = pytest.mark.broker

PARTITIONS = 3


class _Idle:
    """A holder that has nothing to do."""

    async def take(self, slot: int) -> None:
        del slot

    async def hand_over(self, slot: int) -> None:
        del slot

    async def drop(self, slot: int) -> None:
        del slot


def _batch(number: int, epoch: int = 7) -> bytes:
    bars = [Bar("A", 1000, 2000, 1.0, 1.0, 1.0, 1.0, 1.0, None, None, None, None)] * 2
    return encode_msgpack(Batch(epoch, number, 2 * number, 0.0, bars))


def _partition(number: int, **fields: object) -> Partition:
    known = {
        "partition": number, "owner": "host-1-aa", "is_alive": True, "owned_s": 5.0,
        "checkpoint_revision": 9, "checkpoint_age_s": 0.2, "checkpoint_kb": 12, "refused": "",
        "lag_batches": 1, "lag_events": 20, "folded": 100, "late": 1, "discarded": 0,
    }  # fmt: skip
    return Partition(**{**known, **fields})  # type: ignore[arg-type]  # of the right types, above


async def test_survey_finds_owner_lag_and_counts(
    settings: Settings, connection: Connection
) -> None:
    """Owned partitions say who has them, what their checkpoint holds and how much came after it."""
    checkpoints = Checkpoints(connection)
    await checkpoints.require_partitions(PARTITIONS)
    for number in range(3):
        await connection.acknowledged(tape_subject(MarketClass.BARS, 1), _batch(number))
    counts = Counts({"bars": 1}, {"bars": 1}, {"bars": 0})
    covered = {"bars": Position(7, 0, 2)}
    await checkpoints.save(1, Checkpoint("x", covered, clock.now_ms(), counts, b"s"), 0)
    stopping = asyncio.Event()
    async with (
        open_connection(settings, "test", set_up("test", "error")) as other,
        asyncio.TaskGroup() as tasks,
    ):
        group = Group(other, GROUP, PARTITIONS, "host-1-aa", set_up("test", "error"))
        tasks.create_task(group.run(_Idle(), stopping))
        await eventually(lambda: len(group.held) == PARTITIONS)
        report = await survey(connection)
        stopping.set()

    found = report.partitions[1]
    assert [each.owner for each in report.partitions] == ["host-1-aa"] * PARTITIONS
    assert report.members == ["host-1-aa"]
    assert (found.lag_batches, found.lag_events) == (2, 4)
    assert (found.folded, found.late, found.discarded) == (1, 1, 0)
    assert report.partitions[0].lag_events is None
    assert is_well(report)


async def test_owner_that_is_dead_is_not_well(connection: Connection) -> None:
    """A claim of a process that is gone, and a partition that nobody claimed, are both found and said."""
    await Checkpoints(connection).require_partitions(2)
    claim = encode_json(Claim("host-2-bb", 0.0))
    await KeyValue(connection, Bucket.OWNERS).put(owner_key(GROUP, 0), claim)

    report = await survey(connection)

    assert not is_well(report)
    said = list(warnings(report))
    assert "host-2-bb does not answer" in said[0]
    assert "partition 01 has no owner" in said[1]


@pytest.mark.parametrize(("epoch", "lag"), [(6, (0, 0)), (7, (2, 4)), (8, (3, 6))])
async def test_lag_is_counted_by_producer(
    connection: Connection, epoch: int, lag: tuple[int, int]
) -> None:
    """Of a new producer all is missing, of one that was replaced nothing is, whatever its numbers are."""
    checkpoints = Checkpoints(connection)
    await checkpoints.require_partitions(1)
    covered = {"bars": Position(7, 0, 2)}
    counts = Counts({}, {}, {})
    await checkpoints.save(0, Checkpoint("x", covered, clock.now_ms(), counts, b"s"), 0)
    await connection.acknowledged(tape_subject(MarketClass.BARS, 0), _batch(2, epoch))

    [found] = (await survey(connection)).partitions

    assert (found.lag_batches, found.lag_events) == lag


async def test_command_tells_programs_what_is_wrong(
    settings: Settings,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--json` holds the warnings, not a group that handed its slot over, and the exit code is 1."""
    await Checkpoints(connection).require_partitions(1)
    owners = KeyValue(connection, Bucket.OWNERS)
    await owners.put(owner_key(GROUP, 0), encode_json(Claim("host-2-bb", 0.0)))
    await owners.put(owner_key("boards", 0), encode_json(Claim("", 0.0)))
    await owners.put(owner_key("listener", 0), encode_json(Claim("host-3-cc", 0.0)))
    monkeypatch.setenv("MESH_NATS_URL", settings.nats_url)

    code = await asyncio.to_thread(main, ["partitions", "--json"])

    said = json_decoder(dict[str, Any]).decode(capsys.readouterr().out.encode())
    assert code == 1
    assert said["active"] == {"listener": "host-3-cc"}
    assert [each["owner"] for each in said["partitions"]] == ["host-2-bb"]
    assert ["does not answer" in warning for warning in said["warnings"]] == [True]


async def test_broker_without_streams_says_what_creates_them(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a broker that nobody has prepared the error names the two commands that do."""
    monkeypatch.setenv("MESH_NATS_URL", broker.url)

    assert await asyncio.to_thread(main, ["partitions"]) == 78

    assert "`mesh up` or `mesh topology apply`" in capsys.readouterr().err


async def test_broker_without_processors_says_what_to_start(connection: Connection) -> None:
    """Where no processors ever ran, the error names the command that is missing."""
    with pytest.raises(FatalError, match="mesh run processors"):
        await survey(connection)


def test_report_fits_a_terminal() -> None:
    """With long names and large numbers a line has at most 100 columns, and columns are aligned."""
    owner = "a-machine-with-a-long-name-1234567-abcdef"
    report = Report(
        [owner],
        {"boards": "host-3-cc"},
        [_partition(number, owner=owner, folded=123_456_789) for number in range(16)],
    )

    said = list(lines(report))
    table = said[2:19]
    assert max(map(len, said)) <= 100
    assert len({len(line) for line in table}) == 1


def test_checkpoints_that_stand_still_are_said() -> None:
    """A checkpoint that is old while its tape moves on is a warning; of a quiet tape it is none."""
    stuck = Report([], {}, [_partition(0, checkpoint_age_s=9.0)])
    quiet = Report([], {}, [_partition(0, checkpoint_age_s=9.0, lag_events=0)])
    broken = Report([], {}, [_partition(0, refused="of version 9")])

    assert ["for 9 s" in warning for warning in warnings(stuck)] == [True]
    assert list(warnings(quiet)) == []
    assert ["of version 9" in warning for warning in warnings(broken)] == [True]
