"""Halts, from their bucket: each change, by its revision.

A bucket holds the last value of each key alone. Revisions that nobody can read any more were other
changes: whoever has been told of the ones before them, and not of them, cannot go on.
"""

from mesh.connection import Connection
from mesh.kv import Entry, KeyValue
from schemas.naming import Bucket
from services.widgets.happening import Happening
from services.widgets.identity import Identity


class WatchedHalts:
    """Hands every change to *halts*."""

    def __init__(self, connection: Connection, halts: Happening) -> None:
        self._bucket = KeyValue(connection, Bucket.HALTS)
        self._identity = Identity(connection, self._bucket.stream)
        self._halts = halts
        self._revision = 0
        self._known: dict[str, bytes] = {}

    async def run(self) -> None:
        """Watch, for ever."""
        await self._look()
        async for entry in self._bucket.watch():
            await self._look()
            self._take(entry)

    async def _look(self) -> None:
        if await self._identity.is_new(self._revision):
            self._revision, self._known = 0, {}
            self._halts.begin(self._identity.epoch, 0)

    def _take(self, entry: Entry) -> None:
        """What is watched says its last values again after a reconnect."""
        if entry.revision <= self._revision:
            return
        if entry.revision > self._revision + 1:
            self._halts.cut(entry.revision - 1)
        self._revision = entry.revision
        is_change = entry.value is not None and self._known.get(entry.key) != entry.value
        if entry.value is not None:
            self._known[entry.key] = entry.value
        self._halts.put(entry.key, entry.value if is_change else None, entry.revision)
