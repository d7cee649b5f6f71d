"""A stream as a snapshot of the server's: all that it holds, with sequences and times, and back into a stream.

Source: `$JS.API.STREAM.SNAPSHOT` and `.RESTORE`, which `nats stream backup` and `restore` use as well.
The bytes are the server's own (a compressed tar); only a server reads them.
"""

import asyncio
from typing import Any, NamedTuple

import msgspec

from mesh.connection import Connection, Message
from mesh.errors import BrokerError, FatalError


STREAM_NOT_FOUND = 10059
_CHUNK_BYTES = 128 << 10
_SILENCE_S = 10.0
_RESTORED_S = 120.0
"""The server reads all of it back before it answers the last chunk."""
_END = ("", "204")


class Snapshot(NamedTuple):
    """What a stream was at one moment."""

    config: dict[str, Any]
    """Its definition, in the server's field names."""
    state: dict[str, Any]
    content: bytes

    @property
    def messages(self) -> int:
        """How many it holds."""
        return int(self.state["messages"])


async def messages_in(connection: Connection, stream: str) -> int | None:
    """How many messages *stream* holds; None if there is no such stream.

    Raises:
        BrokerError: the server does not answer.
    """
    try:
        answer = await connection.api(f"$JS.API.STREAM.INFO.{stream}")
    except BrokerError as error:
        if error.code == STREAM_NOT_FOUND:
            return None
        raise
    return int(answer["state"]["messages"])


async def take(connection: Connection, stream: str) -> Snapshot:
    """A snapshot of *stream*, without its consumers; all of it is in memory.

    Raises:
        BrokerError: there is no such stream, or the server stopped in the middle.
    """
    chunks: asyncio.Queue[Message] = asyncio.Queue()
    inbox = connection.inbox()
    subscription = await connection.subscribe(inbox, chunks.put)
    try:
        wanted = {"deliver_subject": inbox, "no_consumers": True, "chunk_size": _CHUNK_BYTES}
        answer = await connection.api(f"$JS.API.STREAM.SNAPSHOT.{stream}", wanted)
        content = bytearray()
        while chunk := await _next(connection, stream, chunks):
            content += chunk
    finally:
        await connection.unsubscribe(subscription)
    return Snapshot(answer["config"], answer["state"], bytes(content))


async def _next(connection: Connection, stream: str, chunks: asyncio.Queue[Message]) -> bytes:
    """The next chunk; empty after the last."""
    try:
        async with asyncio.timeout(_SILENCE_S):
            message = await chunks.get()
    except TimeoutError as error:
        raise BrokerError(f"the snapshot of {stream} stopped for {_SILENCE_S} s") from error
    status = (message.headers or {}).get("Status", "")
    if status not in _END:
        raise BrokerError(f"the snapshot of {stream} was broken off by the server: {status}")
    if message.reply:  # the server goes on only so far ahead of what was taken
        await connection.publish(message.reply, b"")
    return message.data


async def restore(connection: Connection, snapshot: Snapshot, replicas: int) -> None:
    """Make a stream of *snapshot*, with so many *replicas*; an empty one of its name is replaced.

    Raises:
        FatalError: the stream holds messages; it is left as it is.
        BrokerError: the server refused, or stopped in the middle; then there is no such stream.
    """
    stream = snapshot.config["name"]
    present = await messages_in(connection, stream)
    if present:
        raise FatalError(f"{stream} holds {present} messages already, and nothing is overwritten")
    if present is not None:
        await connection.api(f"$JS.API.STREAM.DELETE.{stream}")
    config = {**snapshot.config, "num_replicas": replicas}
    wanted = {"config": config, "state": snapshot.state}
    answer = await connection.api(f"$JS.API.STREAM.RESTORE.{stream}", wanted)
    subject = answer["deliver_subject"]
    for place in range(0, len(snapshot.content), _CHUNK_BYTES):
        chunk = snapshot.content[place : place + _CHUNK_BYTES]
        _refuse(stream, await connection.request(subject, chunk, timeout_s=_SILENCE_S))
    _refuse(stream, await connection.request(subject, timeout_s=_RESTORED_S))


def _refuse(stream: str, message: Message) -> None:
    answer = msgspec.json.decode(message.data or b"{}", type=dict[str, Any])
    if error := answer.get("error"):
        raise BrokerError(
            f"{stream} was not restored: {error.get('description')}", code=error.get("err_code")
        )
