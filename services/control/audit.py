"""The audit: written with an acknowledgement, read newest first. It knows no HTTP, so that commands can read it too."""

from collections import Counter

from mesh import audit, direct
from mesh.connection import Connection
from schemas.audit import Record
from schemas.control_naming import audit_subject
from schemas.naming import AUDIT_STREAM
from schemas.wire import json_decoder


_decode = json_decoder(Record).decode


class Audit:
    """Over a connection."""

    def __init__(self, connection: Connection) -> None:
        self.written: Counter[tuple[str, str]] = Counter()
        """Records of this process, by what was done and by `done`, `refused` or `failed`."""
        self._connection = connection

    async def write(self, record: Record) -> None:
        """Keep *record*.

        Raises:
            BrokerError: it is not known to be kept.
        """
        self.written[record.action, record.outcome.partition(":")[0]] += 1
        await audit.write(self._connection, record)

    async def read(
        self, most: int, who: str | None = None, action: str | None = None
    ) -> list[Record]:
        """The newest records, newest first.

        Args:
            most: so many.
            who: only those of this user.
            action: only those of this action, or with `.*` at its end of all that begin so (`feed.*`).

        Raises:
            BrokerError: the stream does not answer.
            ValueError: *action* is none.
        """
        subject = _subject(action)
        state = (await self._connection.api(f"$JS.API.STREAM.INFO.{AUDIT_STREAM}"))["state"]
        end, first = int(state["last_seq"]) + 1, int(state["first_seq"])
        found: list[Record] = []
        while len(found) < most and end > first:
            begin = max(end - direct.BATCH, first)
            stored = await direct.after(self._connection, AUDIT_STREAM, subject, begin - 1)
            records = [_decode(each.payload) for each in reversed(stored) if each.sequence < end]
            found += [each for each in records if who is None or each.who == who]
            end = begin
        return found[:most]


def _subject(action: str | None) -> str:
    if action is None:
        return "audit.>"
    whole = audit_subject(action.removesuffix(".*"))
    return f"{whole}.>" if action.endswith(".*") else whole
