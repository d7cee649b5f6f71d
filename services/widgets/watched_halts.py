"""Halts, from their bucket: each change, by its revision.

A bucket holds the last value of each key alone. Revisions that nobody can read any more were other
changes: whoever has been told of the ones before them, and not of them, cannot go on.
"""

import asyncio

from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.kv import Entry, KeyValue
from schemas.naming import Bucket
from services.widgets.happening import Happening
from services.widgets.heard import epoch_of


_RETRY_S = 0.5


class WatchedHalts:
    """Hands every change to *halts*."""

    def __init__(self, connection: Connection, halts: Happening) -> None:
        self._connection = connection
        self._bucket = KeyValue(connection, Bucket.HALTS)
        self._halts = halts
        self._epoch: str | None = None
        self._incarnation: int | None = None
        """Of the connection, when the bucket was last looked at."""
        self._revision = 0
        self._known: dict[str, bytes] = {}

    async def run(self) -> None:
        """Watch, for ever."""
        await self._identify()
        async for entry in self._bucket.watch():
            if self._incarnation != self._connection.incarnation:
                await self._identify()
            self._take(entry)

    async def _identify(self) -> None:
        """See whether it is the bucket that was watched, and begin with it if it is not."""
        while self._incarnation != self._connection.incarnation:
            incarnation = self._connection.incarnation
            try:
                info = await self._connection.api(f"$JS.API.STREAM.INFO.{self._bucket.stream}")
            except BrokerError:
                await asyncio.sleep(_RETRY_S)
                continue
            self._incarnation, epoch = incarnation, epoch_of(self._bucket.stream, info)
            if epoch != self._epoch:
                self._epoch, self._revision = epoch, 0
                self._halts.begin(epoch, 0)

    def _take(self, entry: Entry) -> None:
        """What is watched says its last values again after a reconnect."""
        if entry.revision <= self._revision:
            return
        if entry.revision > self._revision + 1:
            self._halts.cut(entry.revision - 1)
        self._revision = entry.revision
        if entry.value is not None and self._known.get(entry.key) != entry.value:
            self._known[entry.key] = entry.value
            self._halts.put(entry.key, entry.value, entry.revision)
