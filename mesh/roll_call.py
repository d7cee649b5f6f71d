"""Who is there: every process of the mesh, with all that it says of itself, by one request (see `mesh.service`)."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec

from mesh.connection import Connection, Message
from schemas.wire import DecodeError, Wire, json_decoder


_QUIET_S = 0.3
"""When nobody has answered for so long, all have; who is busier than that is not counted."""
_LONGEST_S = 3.0
_STATUS = "status"


class Instance(Wire, frozen=True):
    """A process as it answered."""

    program: str
    instance: str
    version: str
    host: str
    pid: str
    image: str
    ready: bool
    reasons: dict[str, str]
    facts: dict[str, Any]
    log_level: str
    state: dict[str, Any]
    counters: dict[str, Any]
    started: str = ""
    """RFC 3339."""


class _Endpoint(Wire, frozen=True):
    name: str
    data: Any = None


class _Answer(Wire, frozen=True):
    started: str
    endpoints: list[_Endpoint]


_decode = json_decoder(_Answer).decode


async def roll_call(connection: Connection, program: str = "") -> list[Instance]:
    """Every process of *program*, or of all, by program and name.

    Raises:
        BrokerError: the connection is gone.
    """
    answers: asyncio.Queue[Message] = asyncio.Queue()
    inbox = connection.inbox()
    subscribed = await connection.subscribe(inbox, answers.put)
    found = []
    try:
        await connection.publish(f"$SRV.STATS.{program}".rstrip("."), b"", reply=inbox)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_S):
                while True:
                    found.append(await asyncio.wait_for(answers.get(), _QUIET_S))
    finally:
        await connection.unsubscribe(subscribed)
    instances = filter(None, map(_instance, found))
    return sorted(instances, key=lambda each: (each.program, each.started, each.instance))


def _instance(message: Message) -> Instance | None:
    """The process that answered; None if it is none of the mesh, or nobody answers."""
    with suppress(DecodeError, ValueError):
        answer = _decode(message.data)
        for endpoint in answer.endpoints:
            if endpoint.name == _STATUS:
                told = msgspec.convert(endpoint.data, Instance)
                return msgspec.structs.replace(told, started=answer.started)
    return None
