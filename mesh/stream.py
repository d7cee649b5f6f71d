"""A stream read in its order, each message once: from a sequence on, and then as it grows.

Messages are read from the stream alone. That one was published is heard on its subject too, but only
taken as a sign to look: so nothing is missed by a reconnect, and nothing comes twice.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from mesh import direct
from mesh.connection import Connection, Message
from mesh.direct import Stored
from mesh.errors import BrokerError


_LOOK_S = 2.0
"""A sign may be lost with the connection, or come before the stream has stored the message."""
_RETRY_S = 0.5


async def follow(
    connection: Connection, stream: str, subject: str, after: int, pause_s: float = 0.0
) -> AsyncGenerator[list[Stored], None]:
    """The messages of *subject* behind the sequence *after*, for ever, those that are there at once in one list.

    A list holds some hundred messages at most. An empty one says that all was read that there was at
    the beginning; it comes once. A stream that was deleted and made again is read from its start.

    After each list there is a pause of *pause_s*, for those that are to be taken together.
    """
    grown = asyncio.Event()

    async def on_message(_: Message) -> None:
        grown.set()

    subscription = await connection.subscribe(subject, on_message)
    incarnation: int | None = None
    is_first = True
    try:
        while True:
            grown.clear()
            try:
                if incarnation != connection.incarnation:
                    incarnation = connection.incarnation
                    after = after if after <= await _last_sequence(connection, stream) else 0
                found = await direct.after(connection, stream, subject, after)
            except BrokerError:
                incarnation = None
                await asyncio.sleep(_RETRY_S)
                continue
            if found:
                after = found[-1].sequence
                yield found
                await asyncio.sleep(pause_s)
            elif is_first:
                is_first = False
                yield found
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await grown.wait()
    finally:
        await connection.unsubscribe(subscription)


async def _last_sequence(connection: Connection, stream: str) -> int:
    info = await connection.api(f"$JS.API.STREAM.INFO.{stream}")
    return int(info["state"]["last_seq"])
