"""The checkpoints of one owner: each on top of its own last one, or refused.

Every write is a compare-and-set, so an owner that was paused and replaced learns of it here.
"""

import asyncio

from mesh import clock
from mesh.checkpoint import Checkpoint, Checkpoints, Held
from mesh.connection import Connection
from mesh.errors import FencedError
from schemas.market import Position
from services.processors.state import PartitionState


_CONFIRMED_S = 1.5
"""How long an owner may believe that it still is one; another takes over only after a longer silence."""


class Ledger:
    """The checkpoint of *partition* in the hands of the owner *name*. `load` comes first."""

    def __init__(self, connection: Connection, partition: int, name: str) -> None:
        self._checkpoints = Checkpoints(connection)
        self._partition = partition
        self._name = name
        self.saved_ms = 0.0
        """When the newest checkpoint was written; 0 before the first."""
        self._revision = 0
        self._confirmed_s = 0.0
        self._saving = asyncio.Lock()

    @property
    def is_fresh(self) -> bool:
        """Whether this process was the owner a moment ago, and hence still is."""
        return clock.monotonic_s() - self._confirmed_s <= _CONFIRMED_S

    async def load(self) -> Held:
        """The checkpoint of the former owner, which is the one to replace."""
        held = await self._checkpoints.load(self._partition)
        self._revision = held.revision
        return held

    async def save(self, state: PartitionState) -> tuple[dict[str, Position], float]:
        """Write *state*; the positions that it covers, and the seconds that making the checkpoint took.

        Raises:
            FencedError: this process is no longer the owner.
            BrokerError: not known to be written.
        """
        async with self._saving:
            covered, asked_s = state.positions.covered(), clock.monotonic_s()
            checkpoint = Checkpoint(
                self._name, covered, clock.now_ms(), state.counts(), state.fold.snapshot()
            )
            took_s = clock.monotonic_s() - asked_s
            await self._replace(checkpoint)
            self.saved_ms = checkpoint.written_ms
            self._confirmed_s = asked_s
        return covered, took_s

    async def _replace(self, checkpoint: Checkpoint) -> None:
        save, partition = self._checkpoints.save, self._partition
        try:
            self._revision = await save(partition, checkpoint, self._revision)
        except FencedError:
            # A write whose acknowledgement was lost also moved the revision: then the last writer is ourselves.
            held = await self._checkpoints.load(partition)
            if held.checkpoint is None or held.checkpoint.owner != self._name:
                raise
            self._revision = await save(partition, checkpoint, held.revision)
