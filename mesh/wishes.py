"""What persons want of the mesh (KV `control`), as a program knows it: one watch a process, a wish for each thing.

A program reads its wishes before it begins, with `load`; from then on the watch brings what changes.
While the broker is away the last wishes stand.
"""

import asyncio
from typing import Generic, TypeVar

from mesh.connection import Connection
from mesh.kv import Entry, KeyValue
from mesh.logs import Log
from schemas.control import Wanted, decode_wanted
from schemas.control_naming import control_key, parse_control_key
from schemas.naming import Bucket
from schemas.wire import DecodeError


WantedT = TypeVar("WantedT", bound=Wanted)


class Wish(Generic[WantedT]):
    """What is wanted of one thing now."""

    def __init__(self, value: WantedT) -> None:
        self.value = value
        self.revision = 0
        """0: nobody has wanted anything yet."""
        self.changed = asyncio.Event()
        """Set with each change; whoever obeys clears it."""

    def take(self, value: WantedT, revision: int) -> None:
        """Know a value at a revision; the watch says the last one again after a reconnect."""
        if revision != self.revision:
            self.value, self.revision = value, revision
            self.changed.set()


class Wishes:
    """All wishes that a program follows."""

    def __init__(self, connection: Connection, log: Log) -> None:
        self._bucket = KeyValue(connection, Bucket.CONTROL)
        self._log = log
        self._wishes: dict[str, Wish[Wanted]] = {}

    def follow(self, kind: str, name: str, wanted: type[WantedT]) -> Wish[WantedT]:
        """The wish of a key; as the settings say until `load` or the watch has brought another."""
        wish = Wish(wanted())
        self._wishes[control_key(kind, name)] = wish  # type: ignore[assignment]  # `decode_wanted` gives this kind
        return wish

    async def load(self) -> None:
        """Know all wishes as they are now. Raises BrokerError if they cannot be read."""
        for entry in await self._bucket.all():
            self._take(entry)

    async def run(self) -> None:
        """Follow what changes, for ever."""
        async for entry in self._bucket.watch():
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        wish = self._wishes.get(entry.key)
        if wish is None:
            return
        try:
            wish.take(decode_wanted(parse_control_key(entry.key)[0], entry.value), entry.revision)
        except DecodeError as error:  # somebody else's hand: what was wanted before stands
            self._log.warning("wish.unreadable", key=entry.key, reason=str(error))
