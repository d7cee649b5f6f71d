"""Changes of what persons want (KV `control`): by compare-and-set, each with a record in the audit.

Who changes a thing says at which revision they saw it. If somebody else has changed it since, the
change is refused: whoever is refused is told what is wanted now and by whom, and whoever came first
finds the attempt in the audit.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from mesh import audit, clock
from mesh.connection import Connection
from mesh.errors import BrokerError, ConflictError, FencedError
from mesh.kv import Entry, KeyValue
from schemas.audit import DONE, Record, failed, refused
from schemas.control import KINDS, Wanted, decode_wanted
from schemas.control_naming import control_key, parse_control_key
from schemas.naming import Bucket
from schemas.wire import DecodeError, encode_json


class By(NamedTuple):
    """Who changes something."""

    who: str
    address: str = ""


class Change(NamedTuple):
    """Something that can be done: what it does to which key, and what it is called in the audit."""

    action: str
    kind: str
    name: str
    apply: Callable[[Any], Wanted]
    """The value as it is wanted, of the value that is there; of the kind of the key."""


class Kept(NamedTuple):
    """What is wanted of one thing."""

    key: str
    value: Wanted
    revision: int
    """0: nobody has wanted anything yet."""


class Control:
    """KV `control` of a broker that is connected."""

    def __init__(self, connection: Connection) -> None:
        self._bucket = KeyValue(connection, Bucket.CONTROL)
        self._connection = connection

    async def get(self, kind: str, name: str) -> Kept:
        """What is wanted of one thing."""
        key = control_key(kind, name)
        return _kept(key, await self._bucket.get(key))

    async def all(self) -> list[Kept]:
        """All that somebody wants or wanted, by key."""
        entries = await self._bucket.all()
        known = [each for each in entries if parse_control_key(each.key)[0] in KINDS]
        return sorted((_kept(each.key, each) for each in known), key=itemgetter(0))

    async def change(self, change: Change, by: By, revision: int | None = None) -> Kept:
        """Carry *change* out, and say what is wanted now.

        What is so already is not written again, and recorded all the same.

        Args:
            change: what to do.
            by: who does it.
            revision: at which they saw it; None: whatever it is.

        Raises:
            ConflictError: somebody else has changed it since; it is as they want it.
            BrokerError: not known to be done, or done and not known to be in the audit.
        """
        present = await self.get(change.kind, change.name)
        if revision is not None and revision != present.revision:
            raise await self._refused(change, by, present, revision)
        wanted = change.apply(present.value)
        if wanted == present.value:
            await self._record(change, by, present.value, present.value, DONE)
            return present
        signed = msgspec.structs.replace(wanted, by=by.who, at_ms=int(clock.now_ms()))
        try:
            done = await self._bucket.put_if(present.key, encode_json(signed), present.revision)
        except FencedError:
            newest = await self.get(change.kind, change.name)
            raise await self._refused(change, by, newest, present.revision) from None
        except BrokerError as error:
            await self._record(change, by, present.value, signed, failed(str(error)))
            raise
        await self._record(change, by, present.value, signed, DONE)
        return Kept(present.key, signed, done)

    async def _refused(self, change: Change, by: By, present: Kept, seen: int) -> ConflictError:
        reason = (
            f"{present.key} was changed by {present.value.by or 'nobody'} since: it is at revision {present.revision}, "
            f"this change was made for revision {seen}"
        )
        wanted = change.apply(present.value)
        await self._record(change, by, present.value, wanted, refused(reason))
        return ConflictError(reason, present=present.value, revision=present.revision)

    async def _record(
        self, change: Change, by: By, before: Wanted, after: Wanted, outcome: str
    ) -> None:
        record = Record(
            at_ms=int(clock.now_ms()),
            who=by.who,
            action=change.action,
            target=control_key(change.kind, change.name),
            before=before,
            after=after,
            outcome=outcome,
            address=by.address,
        )
        await audit.write(self._connection, record)


def _kept(key: str, entry: Entry | None) -> Kept:
    kind = parse_control_key(key)[0]
    if entry is None:
        return Kept(key, KINDS[kind](), 0)
    try:
        return Kept(key, decode_wanted(kind, entry.value), entry.revision)
    except DecodeError:  # somebody else's hand: programs leave it out as well
        return Kept(key, KINDS[kind](), entry.revision)
