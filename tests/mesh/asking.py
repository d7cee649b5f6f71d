"""What a person's tools ask of the mesh over the broker, for tests."""

import asyncio
from typing import Any, NamedTuple

import msgspec

from mesh import direct
from mesh.connection import Connection, Message
from mesh.testing import eventually
from schemas.audit import Record
from schemas.naming import AUDIT_STREAM
from schemas.wire import encode_json


_decode = msgspec.json.Decoder(Record).decode


class Answered(NamedTuple):
    """An answer of an endpoint."""

    content: Any
    error: str
    code: str


async def ask(connection: Connection, subject: str, **said: Any) -> Answered:
    """What is answered to a request at *subject*, as `nats req` makes it."""
    message = await connection.request(subject, encode_json(said) if said else b"", timeout_s=10.0)
    headers = message.headers or {}
    content = msgspec.json.decode(message.data) if message.data else None
    return Answered(
        content, headers.get("Nats-Service-Error", ""), headers.get("Nats-Service-Error-Code", "")
    )


async def ask_all(connection: Connection, subject: str, count: int) -> list[dict[str, Any]]:
    """The first *count* answers of all that answer at *subject*."""
    answers: asyncio.Queue[Message] = asyncio.Queue()
    inbox = connection.inbox()
    subscribed = await connection.subscribe(inbox, answers.put)
    await connection.publish(subject, b"", reply=inbox)
    found = [msgspec.json.decode((await answers.get()).data) for _ in range(count)]
    await connection.unsubscribe(subscribed)
    return found


async def state(connection: Connection, program: str) -> dict[str, Any]:
    """What an instance of *program* says of itself."""
    return (await ask(connection, f"ctl.{program}.get.status")).content  # type: ignore[no-any-return]  # JSON


async def audited(connection: Connection, action: str, count: int = 1) -> list[Record]:
    """The records of *action*, once there are *count* of them."""

    async def records() -> list[Record]:
        stored = await direct.every(connection, AUDIT_STREAM, "audit.>")
        found = [_decode(each.payload) for each in stored]
        return [record for record in found if record.action == action]

    return await eventually(records, lambda found: len(found) >= count)
