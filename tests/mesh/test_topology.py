"""Definitions of streams and buckets, compared with a real server and applied to it."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from mesh import direct, topology
from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError, TopologyError
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually
from schemas.naming import (
    ALERTS_STREAM,
    AUDIT_STREAM,
    NEWS_STREAM,
    NEWS_TAPE_STREAM,
    ROWS_STREAM,
    Bucket,
    MarketClass,
    bucket_stream,
    key_subject,
    rows_subject,
    tape_stream,
    tape_subject,
)
from schemas.wire import encode_json


DEFINITIONS = topology.definitions()
NAMES = [definition["name"] for definition in DEFINITIONS]
HISTORY = {bucket_stream(Bucket.CONTROL): 5, bucket_stream(Bucket.LAYOUTS): 10}
"""Values of a key that are kept, where it is not the last alone."""


def _definition(**changes: Any) -> topology.Definition:
    base = {
        "name": "S",
        "subjects": ["s.*"],
        "storage": "memory",
        "retention": "limits",
        "discard": "old",
        "max_age": 5_000_000_000,
        "duplicate_window": 1_000_000_000,
        "max_bytes": 1_000_000,
        "max_msgs_per_subject": 10,
        "num_replicas": 1,
        "allow_direct": True,
    }
    return base | changes


def test_every_stream_and_bucket_has_its_definition() -> None:
    """A class or bucket that is added without its file in nats/ fails here."""
    expected = {tape_stream(market_class) for market_class in MarketClass}
    expected |= {bucket_stream(bucket) for bucket in Bucket} | {
        ROWS_STREAM,
        ALERTS_STREAM,
        NEWS_STREAM,
        NEWS_TAPE_STREAM,
        AUDIT_STREAM,
    }

    assert set(NAMES) == expected


@pytest.mark.parametrize("definition", DEFINITIONS, ids=NAMES)
def test_definition_is_bounded(definition: topology.Definition) -> None:
    """No stream can fill the broker: each has a limit in bytes, and the tape forgets its oldest."""
    assert definition["max_bytes"] > 0
    assert definition["allow_direct"]
    if definition["name"].startswith("KV_"):
        assert definition["max_msgs_per_subject"] == HISTORY.get(definition["name"], 1)
    else:
        assert definition["discard"] == "old"
        assert definition["max_age"] > 0
        # Few, and read the day after; or not sent again.
        lasts = definition["name"] in (
            ALERTS_STREAM,
            NEWS_STREAM,
            NEWS_TAPE_STREAM,
            AUDIT_STREAM,
        )
        assert definition["storage"] == ("file" if lasts else "memory")


@pytest.mark.parametrize("market_class", MarketClass)
def test_each_class_has_a_stream_of_its_own(market_class: MarketClass) -> None:
    """The subjects of a class are taken by its stream and by no other."""
    takers = [
        definition["name"]
        for definition in DEFINITIONS
        if f"tape.{market_class}.*" in definition["subjects"]
    ]

    assert takers == [tape_stream(market_class)]


@pytest.mark.broker
async def test_server_accepts_each_file_as_it_is(settings: Settings) -> None:
    """What `nats stream add --config FILE` would send is accepted, and is then no drift."""
    async with open_connection(settings, "test", set_up("test", "error")) as bare:
        for definition in DEFINITIONS:
            await bare.api(f"$JS.API.STREAM.CREATE.{definition['name']}", definition)

        assert await topology.diff(bare, DEFINITIONS) == []
        assert await topology.apply(bare, DEFINITIONS) == []


@pytest.mark.broker
async def test_applying_twice_changes_nothing(settings: Settings) -> None:
    """The first time everything is created, the second time nothing is to do, and drift says so before and after."""
    async with open_connection(settings, "test", set_up("test", "error")) as bare:
        before = await topology.diff(bare, DEFINITIONS)
        first = await topology.apply(bare, DEFINITIONS)
        second = await topology.apply(bare, DEFINITIONS)

        assert [drift.stream for drift in before] == [drift.stream for drift in first] == NAMES
        assert topology.describe(before[0]) == f"{NAMES[0]}: missing"
        assert second == []
        assert await topology.diff(bare, DEFINITIONS) == []


@pytest.mark.broker
async def test_every_subject_that_is_built_is_stored(connection: Connection) -> None:
    """What naming builds is taken by exactly the stream it belongs to, for the first and the last partition."""
    for partition in (0, 99):
        for market_class in MarketClass:
            ack = await connection.acknowledged(tape_subject(market_class, partition), b"")
            assert ack["stream"] == tape_stream(market_class)
        assert (await connection.acknowledged(rows_subject(partition), b""))["stream"] == "ROWS"
    for bucket in Bucket:
        ack = await connection.acknowledged(key_subject(bucket, "BRK/B"), b"")
        assert ack["stream"] == bucket_stream(bucket)


@pytest.mark.broker
async def test_drift_is_shown_and_mended(connection: Connection) -> None:
    """A limit that somebody changed by hand is named with both values, and applied again."""
    await connection.api("$JS.API.STREAM.CREATE.S", _definition(max_bytes=500_000))
    wanted = [_definition()]

    drifts = await topology.diff(connection, wanted)
    changed = await topology.apply(connection, wanted)

    assert drifts == changed == [topology.Drift("S", "max_bytes", 1_000_000, 500_000)]
    assert topology.describe(drifts[0]) == (
        "S.max_bytes: 500000 on the server, 1000000 in nats/S.json"
    )
    assert await topology.diff(connection, wanted) == []


@pytest.mark.broker
@pytest.mark.parametrize(
    "change",
    [
        {"max_bytes": 1000},
        {"max_age": 1_000_000_000},
        {"max_msgs_per_subject": 1},
        {"max_msgs": 5},
    ],
    ids=str,
)
async def test_narrowing_is_refused_without_force(
    connection: Connection, change: dict[str, int]
) -> None:
    """A smaller limit, or one where there was none, would discard data: only `force` applies it."""
    await topology.apply(connection, [_definition()])
    for number in range(8):
        await connection.acknowledged("s.a", b"%d" % number)

    with pytest.raises(TopologyError, match="this would discard data"):
        await topology.apply(connection, [_definition(**change)])
    info = await connection.api("$JS.API.STREAM.INFO.S")
    forced = await topology.apply(connection, [_definition(**change)], force=True)

    assert info["state"]["messages"] == 8
    assert [drift.field for drift in forced] == list(change)
    assert await topology.diff(connection, [_definition(**change)]) == []


@pytest.mark.broker
async def test_age_is_narrowed_below_the_window_that_the_server_chose(
    connection: Connection,
) -> None:
    """The server's own `duplicate_window` follows a shorter age; one that a definition names is left to it."""
    wanted = _definition()
    del wanted["duplicate_window"]
    await topology.apply(connection, [wanted])
    wanted["max_age"] = 1_000_000_000

    forced = await topology.apply(connection, [wanted], force=True)

    assert [drift.field for drift in forced] == ["max_age"]
    info = await connection.api("$JS.API.STREAM.INFO.S")
    assert info["config"]["duplicate_window"] == 1_000_000_000
    with pytest.raises(BrokerError):
        await topology.apply(
            connection, [wanted | {"duplicate_window": 2_000_000_000, "description": "x"}]
        )


@pytest.mark.broker
@pytest.mark.parametrize("unlimited", [0, -1])
async def test_unlimited_is_unlimited_however_it_is_written(
    connection: Connection, unlimited: int
) -> None:
    """The server answers −1 where a file may say 0: no drift, and nothing that would discard data."""
    limits = dict.fromkeys(("max_msgs", "max_bytes", "max_msgs_per_subject"), unlimited)
    await topology.apply(connection, [_definition(**limits)])

    assert await topology.diff(connection, [_definition(**limits)]) == []
    assert await topology.apply(connection, [_definition(**limits)]) == []
    narrowed = await topology.diff(connection, [_definition(**limits | {"max_bytes": 1000})])
    assert [drift.field for drift in narrowed] == ["max_bytes"]


def test_more_replicas_than_defined_are_kept() -> None:
    """What an operator raised on a cluster is no drift, and a change of something else does not lower it."""
    found = _definition(num_replicas=3, max_bytes=5)

    drifts = topology._drift(_definition(), found)

    assert [drift.field for drift in drifts] == ["max_bytes"]
    assert topology._update(found, _definition())["num_replicas"] == 3
    assert topology._drift(_definition(num_replicas=5), _definition(num_replicas=3)) == [
        topology.Drift("S", "num_replicas", 5, 3)
    ]
    assert topology._update(found, _definition(num_replicas=5))["num_replicas"] == 5


def test_replicas_are_asked_for_at_least(tmp_path: Path) -> None:
    """Every definition gets the number of replicas that the settings ask for; one that names more keeps them."""
    (tmp_path / "A.json").write_bytes(encode_json({"name": "A"}))
    (tmp_path / "B.json").write_bytes(encode_json({"name": "B", "num_replicas": 5}))

    assert [each["num_replicas"] for each in topology.definitions(3, tmp_path)] == [3, 5]
    assert topology.describe(topology.Drift("A", "num_replicas", 3, 1)) == (
        "A.num_replicas: 1 on the server, 3 in MESH_REPLICAS"
    )


@pytest.mark.broker
async def test_replicas_on_one_server_are_refused(settings: Settings) -> None:
    """Who asks a broker that is no cluster for replicas reads so at once, in a sentence that names the setting."""
    async with open_connection(settings, "test", set_up("test", "error")) as bare:
        with pytest.raises(TopologyError, match=r"3 replicas \(MESH_REPLICAS\).*not a cluster"):
            await topology.keep(bare, 3)

        assert bare.on_reconnect == []


@pytest.mark.broker
@pytest.mark.parametrize("force", [False, True])
async def test_change_of_storage_is_refused(connection: Connection, force: bool) -> None:
    """What the server cannot change without losing the stream is refused, also with `force`, and stays as it was."""
    await topology.apply(connection, [_definition()])
    await connection.acknowledged("s.a", b"kept")

    with pytest.raises(TopologyError, match="delete the stream first"):
        await topology.apply(connection, [_definition(storage="file")], force=force)

    info = await connection.api("$JS.API.STREAM.INFO.S")
    assert (info["config"]["storage"], info["state"]["messages"]) == ("memory", 1)


@pytest.mark.broker
async def test_what_a_definition_does_not_name_is_kept(connection: Connection) -> None:
    """An update leaves alone what an operator added, and that is no drift."""
    await connection.api("$JS.API.STREAM.CREATE.S", _definition(description="mine", max_bytes=5000))

    changed = await topology.apply(connection, [_definition()])

    assert [drift.field for drift in changed] == ["max_bytes"]
    info = await connection.api("$JS.API.STREAM.INFO.S")
    assert info["config"]["description"] == "mine"


@pytest.mark.broker
async def test_subject_of_another_stream_is_an_error(connection: Connection) -> None:
    """A definition that the server refuses is an error with the server's own code, not silence."""
    with pytest.raises(BrokerError, match="overlap") as refusal:
        await topology.apply(connection, [_definition(subjects=["tape.bars.*"])])

    assert refusal.value.code == 10065


@pytest.mark.broker
async def test_streams_return_after_the_broker_was_killed(
    broker: RunningBroker, settings: Settings
) -> None:
    """A server that was restarted has lost its memory streams: `keep` makes them again."""
    async with open_connection(settings, "test", set_up("test", "error")) as kept:
        await topology.keep(kept)
        returned = asyncio.Event()

        async def note() -> None:
            returned.set()

        kept.on_reconnect.append(note)
        await broker.stop()
        await broker.start()
        await eventually(returned.is_set)

        assert await topology.diff(kept, DEFINITIONS) == []


@pytest.mark.broker
async def test_several_programs_bring_streams_back_at_once(
    broker: RunningBroker, settings: Settings
) -> None:
    """Programs that return together get in nobody's way: each is prepared at once, and what buckets held is there."""
    returned: list[int] = []

    async def note() -> None:
        returned.append(len(returned))

    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                open_connection(settings, "test", set_up("test", "error"))
            )
            for _ in range(8)
        ]
        await asyncio.gather(*(topology.keep(each) for each in opened))
        first = opened[0]
        await first.acknowledged(key_subject(Bucket.BOARDS, "a"), b"kept")
        await first.acknowledged(rows_subject(0), b"gone")
        for each in opened:
            each.on_reconnect.append(note)
        await broker.kill()
        await broker.start()
        await eventually(lambda: len(returned), len(opened).__eq__)

        drifts = [await topology.diff(each, DEFINITIONS) for each in opened]
        board = await direct.last(
            first, bucket_stream(Bucket.BOARDS), key_subject(Bucket.BOARDS, "a")
        )
        assert drifts == [[]] * len(opened)
        assert board is not None
        assert board.payload == b"kept"
        assert await direct.last(first, ROWS_STREAM, rows_subject(0)) is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[]", "must be one JSON object"),
        (b"{", "must be one JSON object"),
        (b'{"name":"T"}', "must define the stream S, was 'T'"),
        (b"{}", "must define the stream S, was None"),
    ],
)
def test_file_that_is_no_definition_is_refused(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    """A broken file in nats/ is named before anything is applied."""
    (tmp_path / "S.json").write_bytes(content)

    with pytest.raises(TopologyError, match=sentence):
        topology.definitions(directory=tmp_path)


def test_definitions_come_from_a_folder_by_name(tmp_path: Path) -> None:
    """Every JSON file of a folder is one definition; other files are none of its business."""
    for name in ("B", "A"):
        (tmp_path / f"{name}.json").write_bytes(encode_json({"name": name}))
    (tmp_path / "server.conf").write_text("port: 1")

    assert [definition["name"] for definition in topology.definitions(directory=tmp_path)] == [
        "A",
        "B",
    ]
