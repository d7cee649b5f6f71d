"""Writes what somebody did to stream `AUDIT`."""

from mesh.connection import Connection
from schemas.audit import Record
from schemas.naming import audit_subject
from schemas.wire import encode_json


class Audit:
    """The audit of a broker that is connected."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def write(self, record: Record) -> None:
        """Store *record*. Raises BrokerError if it is not known to be stored."""
        await self._connection.acknowledged(audit_subject(record.action), encode_json(record))
