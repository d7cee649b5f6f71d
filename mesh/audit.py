"""Writes down what somebody did, in stream `AUDIT`."""

from mesh.connection import Connection
from schemas.audit import Record
from schemas.control_naming import audit_subject
from schemas.wire import encode_json


async def write(connection: Connection, record: Record) -> None:
    """Keep *record*.

    Raises:
        BrokerError: it is not known to be kept.
    """
    await connection.acknowledged(audit_subject(record.action), encode_json(record))
