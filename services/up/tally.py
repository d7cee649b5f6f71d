"""What became of every event, added up from the checkpoints: they outlive whoever folded it."""

from collections import Counter
from typing import NamedTuple

from mesh.checkpoint import Checkpoints
from mesh.connection import Connection


class Tally(NamedTuple):
    """Events by class, over all partitions."""

    folded: Counter[str]
    late: Counter[str]
    discarded: Counter[str]
    """Lost for good: dropped by an owner that was too slow, or no longer held by anything."""
    lost: int
    """Events up to a partition's positions that are none of these: there must be none."""
    doubled: int
    """Events that were counted more than once: there must be none."""


NONE = Tally(Counter(), Counter(), Counter(), 0, 0)
"""Of a mesh without checkpoints."""


async def tally(connection: Connection, partitions: int) -> Tally:
    """The tally of the newest checkpoints; of one producer, since positions are those of the last."""
    total = Tally(Counter(), Counter(), Counter(), 0, 0)  # not NONE: counters are changed in place
    checkpoints = Checkpoints(connection)
    for partition in range(partitions):
        found = (await checkpoints.load(partition)).checkpoint
        if found is None:
            continue
        counts = found.counts
        total.folded.update(counts.folded)
        total.late.update(counts.late)
        total.discarded.update(counts.discarded)
        for name, position in found.positions.items():
            known = counts.folded[name] + counts.late[name] + counts.discarded[name]
            missing = position.events - known
            total = total._replace(
                lost=total.lost + max(missing, 0), doubled=total.doubled + max(-missing, 0)
            )
    return total
