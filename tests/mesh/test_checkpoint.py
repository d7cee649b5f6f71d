"""Checkpoints on a real server: fencing, parts, versions, and the number of partitions."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mesh.checkpoint import Checkpoint, Checkpoints, Held, _encoded
from mesh.connection import Connection, open_connection
from mesh.errors import FatalError, FencedError
from mesh.kv import Entry, KeyValue
from mesh.logs import set_up
from mesh.settings import Settings
from schemas.checkpoint import Counts
from schemas.market import Position
from schemas.naming import Bucket
from schemas.wire import encode_msgpack


pytestmark = pytest.mark.broker

PART_BYTES = 2000
LIMIT_BYTES = PART_BYTES + 1024
"""The server's limit as these tests pretend it to be: a part and its headers."""

on_one_broker = hypothesis_settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _checkpoint(owner: str) -> Checkpoint:
    return Checkpoint(
        owner, {"bars": Position(7, 9, 70)}, 1.5, Counts({}, {}, {}), b"\x00state\xff"
    )


def _sized(size_bytes: int, mark: int = 0) -> Checkpoint:
    """A checkpoint of its own with a snapshot of this size."""
    snapshot = bytes((mark + n) % 251 for n in range(size_bytes))
    return Checkpoint("a", {"bars": Position(7, mark, 70)}, 1.5, Counts({}, {}, {}), snapshot)


async def test_partition_without_an_owner_has_no_checkpoint(connection: Connection) -> None:
    """A partition that nobody owned yet is at revision 0, which the first owner writes over."""
    checkpoints = Checkpoints(connection)

    assert await checkpoints.load(3) == Held(None, 0)
    revision = await checkpoints.save(3, _checkpoint("a"), 0)
    assert await checkpoints.load(3) == Held(_checkpoint("a"), revision)


async def test_former_owner_is_fenced(connection: Connection) -> None:
    """When another has written, the one before is refused, each time, and what is stored stays."""
    checkpoints = Checkpoints(connection)
    first = await checkpoints.save(0, _checkpoint("a"), 0)
    second = await checkpoints.save(0, _checkpoint("b"), first)

    for revision in (0, first):
        with pytest.raises(FencedError, match="checkpoints/00 was written by another process"):
            await checkpoints.save(0, _checkpoint("a"), revision)

    assert await checkpoints.load(0) == Held(_checkpoint("b"), second)


async def test_partitions_do_not_fence_each_other(connection: Connection) -> None:
    """The revision of a partition is its own: a save elsewhere does not move it."""
    checkpoints = Checkpoints(connection)
    first = await checkpoints.save(0, _checkpoint("a"), 0)
    await checkpoints.save(1, _checkpoint("b"), 0)

    second = await checkpoints.save(0, _checkpoint("a"), first)

    assert (await checkpoints.load(0)).revision == second


async def test_number_of_partitions_is_claimed_once(connection: Connection) -> None:
    """The first program fixes the number, the same number is confirmed, another is refused with both."""
    checkpoints = Checkpoints(connection)
    await checkpoints.require_partitions(16)
    await checkpoints.require_partitions(16)

    with pytest.raises(FatalError) as refusal:
        await checkpoints.require_partitions(8)

    assert str(refusal.value) == (
        "this broker's state has 16 partitions, MESH_PARTITIONS asks for 8: "
        "use 16, or another data directory"
    )
    await checkpoints.require_partitions(16)


async def test_partitions_that_a_replica_has_not_heard_of_are_asked_for_again(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two programs that begin at once one claims; the other may read from a node that lags behind, and waits for it."""
    lags = [True, True]
    get = KeyValue.get

    async def lagging(bucket: KeyValue, key: str) -> Entry | None:
        return None if lags and lags.pop() else await get(bucket, key)

    await Checkpoints(connection).require_partitions(16)
    monkeypatch.setattr(KeyValue, "get", lagging)

    await Checkpoints(connection).require_partitions(16)

    assert not lags


@pytest.mark.slow
@on_one_broker
@given(
    sizes=st.lists(
        st.integers(0, 3 * PART_BYTES)
        | st.builds(lambda n, d: n * PART_BYTES + d, st.integers(1, 3), st.integers(-130, 2)),
        min_size=1,
        max_size=4,
    )
)
def test_any_size_comes_back(settings: Settings, connection: Connection, sizes: list[int]) -> None:
    """Whatever fits one message, just does not, or needs several, in any order: what was saved is loaded."""
    del connection  # it applied the topology

    async def save_each() -> None:
        async with open_connection(settings, "test", set_up("test", "error")) as connection:
            connection.client._max_payload = LIMIT_BYTES
            checkpoints = Checkpoints(connection)
            revision = (await checkpoints.load(0)).revision
            for mark, size in enumerate(sizes):
                revision = await checkpoints.save(0, _sized(size, mark), revision)

                assert await checkpoints.load(0) == Held(_sized(size, mark), revision)

    asyncio.run(save_each())


class _Writer:
    """An owner that can be stopped between the parts and the head, and wake up later."""

    def __init__(self, connection: Connection) -> None:
        self.checkpoints = Checkpoints(connection)
        self.revision = 0
        self._ready: tuple[Checkpoint, bytes, int, str] | None = None

    async def begin(self, checkpoint: Checkpoint) -> None:
        """Put the parts, and no head yet."""
        mine = await self.checkpoints._own_head(0, self.revision)
        parts = await self.checkpoints._put_parts(0, checkpoint.snapshot, mine, PART_BYTES)
        self._ready = (checkpoint, _encoded(checkpoint, parts), mine.revision, parts.slot)

    async def finish(self) -> Checkpoint | None:
        """Put the head whose parts were put: what is stored then; None if nothing was begun."""
        if self._ready is None:
            return None
        (checkpoint, head, revision, slot), self._ready = self._ready, None
        self.revision = await self.checkpoints._put_head(0, head, revision, slot)
        return checkpoint

    async def act(self, step: str, checkpoint: Checkpoint) -> Checkpoint | None:
        """Do one thing; what is stored then, None if that has not changed."""
        match step:
            case "begin":
                await self.begin(checkpoint)
            case "finish":
                return await self.finish()
            case "load":
                self.revision = (await self.checkpoints.load(0)).revision
            case _:
                self.revision = await self.checkpoints.save(0, checkpoint, self.revision)
                return checkpoint
        return None


@pytest.mark.slow
@on_one_broker
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from(["load", "begin", "finish", "save"]),
            st.sampled_from([100, PART_BYTES + 1, 3 * PART_BYTES]),
        ),
        min_size=4,
        max_size=14,
    )
)
def test_what_is_stored_stays_whole_whoever_writes(
    settings: Settings, connection: Connection, steps: list[tuple[int, str, int]]
) -> None:
    """Two owners that load, save, stop between parts and head, and wake up late, in any order: the last
    head that was taken is loaded with its own parts."""
    del connection

    async def play() -> None:
        async with open_connection(settings, "test", set_up("test", "error")) as connection:
            connection.client._max_payload = LIMIT_BYTES
            reader = Checkpoints(connection)
            writers = [_Writer(connection), _Writer(connection)]
            stored = (await reader.load(0)).checkpoint
            for mark, (who, step, size) in enumerate(steps):
                with suppress(FencedError):
                    stored = await writers[who].act(step, _sized(size, mark)) or stored

                held = await reader.load(0)
                assert (held.checkpoint, held.refused) == (stored, "")

    asyncio.run(play())


async def test_parts_of_a_former_owner_are_refused(connection: Connection) -> None:
    """An owner that was paused, and replaced meanwhile, cannot overwrite the parts of its successor."""
    connection.client._max_payload = LIMIT_BYTES
    former, successor = _Writer(connection), _Writer(connection)
    await former.act("save", _sized(2 * PART_BYTES, 1))
    await successor.act("load", _sized(0))
    await successor.act("save", _sized(2 * PART_BYTES, 2))

    with pytest.raises(FencedError):
        await former.begin(_sized(2 * PART_BYTES, 3))
    assert (await successor.checkpoints.load(0)).checkpoint == _sized(2 * PART_BYTES, 2)


async def test_head_of_a_former_owner_is_refused_once_its_successor_writes_parts(
    connection: Connection,
) -> None:
    """Paused between parts and head: the old checkpoint stays, and the late head cannot name parts that are gone."""
    connection.client._max_payload = LIMIT_BYTES
    former, successor = _Writer(connection), _Writer(connection)
    await former.act("save", _sized(2 * PART_BYTES, 1))
    await former.begin(_sized(2 * PART_BYTES, 2))
    await successor.act("load", _sized(0))
    await successor.begin(_sized(2 * PART_BYTES, 3))

    with pytest.raises(FencedError):
        await former.finish()
    assert (await Checkpoints(connection).load(0)).checkpoint == _sized(2 * PART_BYTES, 1)
    await successor.finish()
    assert (await Checkpoints(connection).load(0)).checkpoint == _sized(2 * PART_BYTES, 3)


async def test_limit_of_the_server_is_kept(connection: Connection) -> None:
    """On the real limit: a snapshot of more than two messages is stored, each part as large as the server takes."""
    checkpoints = Checkpoints(connection)
    large = replace(_checkpoint("a"), snapshot=bytes(2 * connection.client.max_payload))
    revision = await checkpoints.save(0, large, 0)

    assert await checkpoints.load(0) == Held(large, revision)
    assert (await checkpoints.summary(0)).size_bytes > 2 * connection.client.max_payload


async def test_lost_part_is_refused_with_its_name(connection: Connection) -> None:
    """A part that is not the one that the head names makes the checkpoint unreadable, and says which."""
    connection.client._max_payload = LIMIT_BYTES
    checkpoints = Checkpoints(connection)
    revision = await checkpoints.save(0, _sized(2 * PART_BYTES), 0)
    moved = await KeyValue(connection, Bucket.CHECKPOINTS).put("00.a.1", b"other")

    assert await checkpoints.load(0) == Held(
        None,
        revision,
        f"part 2 of 2 of the checkpoint must be at revision {revision - 1}, was at {moved}",
    )


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (encode_msgpack(["owner", {}, 1.5, [{}, {}, {}], b""]), "none"),
        (encode_msgpack([99, "whatever came later"]), "99"),
    ],
)
async def test_checkpoint_of_another_version_is_refused(
    connection: Connection, head: bytes, found: str
) -> None:
    """An older or a newer checkpoint is not guessed at: the reason names both versions, and it can be replaced."""
    revision = await KeyValue(connection, Bucket.CHECKPOINTS).put("00", head)
    checkpoints = Checkpoints(connection)
    reason = f"a checkpoint must be of version 1, was of {found}"

    assert await checkpoints.load(0) == Held(None, revision, reason)
    assert (await checkpoints.summary(0)).refused == reason
    await checkpoints.save(0, _checkpoint("a"), revision)
