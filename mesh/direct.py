"""Reading from a stream without a consumer: direct get, answered by any replica from memory.

Source: ADR-31 of the server (batched direct get needs 2.11). Nothing is created on the server, so
nothing can leak there; a batch of messages costs one request.
"""

import asyncio
import math
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mesh.connection import Connection, Message
from mesh.errors import BrokerError
from schemas.wire import encode_json


BATCH = 500
"""Messages that `after` gives at most."""

_NOT_FOUND = "404"
_END_OF_BATCH = "204"
_SILENCE_S = 2.0


class Stored(NamedTuple):
    """A message as a stream holds it."""

    subject: str
    sequence: int
    payload: bytes
    headers: dict[str, str]
    """Those of the publisher, and the server's own (`Nats-*`)."""

    @property
    def at_ms(self) -> int:
        """When it was stored, by the server's clock."""
        return int(datetime.fromisoformat(self.headers["Nats-Time-Stamp"]).timestamp() * 1000)


async def last(connection: Connection, stream: str, subject: str) -> Stored | None:
    """The newest message of *subject*; None if the stream holds none.

    Raises:
        BrokerError: the stream does not answer.
    """
    message = await connection.request(f"$JS.API.DIRECT.GET.{stream}.{subject}")
    return None if _status(message) == _NOT_FOUND else _stored(message)


async def since(connection: Connection, stream: str, subject: str, start_ms: float) -> list[Stored]:
    """All messages of *subject* (wildcards allowed) that were stored at or after *start_ms*, oldest first.

    Raises:
        BrokerError: the stream is not there, or stopped answering.
    """
    start = datetime.fromtimestamp(start_ms / 1000, tz=UTC).isoformat()
    return await _read(connection, stream, {"next_by_subj": subject, "start_time": start})


async def every(connection: Connection, stream: str, subject: str) -> list[Stored]:
    """All messages of *subject* (wildcards allowed), oldest first.

    Raises:
        BrokerError: the stream is not there, or stopped answering.
    """
    return await _read(connection, stream, {"next_by_subj": subject, "seq": 1})


async def after(connection: Connection, stream: str, subject: str, sequence: int) -> list[Stored]:
    """The next messages of *subject* (wildcards allowed) behind *sequence*, oldest first, a few hundred at most.

    Raises:
        BrokerError: the stream is not there, or stopped answering.
    """
    request = {"next_by_subj": subject, "seq": sequence + 1}
    return await _read(connection, stream, request, most=BATCH)


async def _read(
    connection: Connection, stream: str, request: dict[str, Any], most: float = math.inf
) -> list[Stored]:
    found: list[Stored] = []
    answers: asyncio.Queue[Message] = asyncio.Queue()
    inbox = connection.inbox()
    subscription = await connection.subscribe(inbox, answers.put)
    try:
        while True:
            await connection.publish(
                f"$JS.API.DIRECT.GET.{stream}",
                encode_json({"batch": BATCH, **request}),
                reply=inbox,
            )
            pending = await _collect(stream, answers, found)
            if not pending or len(found) >= most:
                return sorted(found, key=lambda message: message.sequence)
            request = {"next_by_subj": request["next_by_subj"], "seq": found[-1].sequence + 1}
    finally:
        await connection.unsubscribe(subscription)


async def _collect(stream: str, answers: asyncio.Queue[Message], found: list[Stored]) -> int:
    """Append the messages of one batch to *found*; how many the stream has beyond it."""
    before = len(found)
    while True:
        try:
            async with asyncio.timeout(_SILENCE_S):
                message = await answers.get()
        except TimeoutError as error:
            raise BrokerError(
                f"{stream} stopped answering a direct get after {_SILENCE_S} s"
            ) from error
        if _status(message) in (_NOT_FOUND, _END_OF_BATCH):
            beyond = int((message.headers or {}).get("Nats-Num-Pending", 0))
            return beyond if len(found) > before else 0
        found.append(_stored(message))


def _status(message: Message) -> str | None:
    if not message.headers:
        return None
    status = message.headers.get("Status")
    if status == "503":
        raise BrokerError("no stream answers a direct get: is it there?")
    return status


def _stored(message: Message) -> Stored:
    headers = dict(message.headers or {})
    return Stored(
        headers.get("Nats-Subject", ""), int(headers.get("Nats-Sequence", 0)), message.data, headers
    )
