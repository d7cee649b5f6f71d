"""Checkpoints on a real server: fencing, and the number of partitions."""

import pytest

from mesh.checkpoint import Checkpoint, Checkpoints, Counts, Held
from mesh.connection import Connection
from mesh.errors import FatalError, FencedError
from schemas.market import Position


pytestmark = pytest.mark.broker


def _checkpoint(owner: str) -> Checkpoint:
    return Checkpoint(
        owner, {"bars": Position(7, 9, 70)}, 1.5, Counts({}, {}, {}), b"\x00state\xff"
    )


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
