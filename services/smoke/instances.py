"""Every process on the broker, and the version that it says it is: a health check asks one, and that may be an old one."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from msgspec import field

from mesh.connection import Connection, Message
from schemas.wire import DecodeError, Wire, json_decoder
from services.smoke.check import Check, Deadline, Wrong


_LISTEN_S = 1.0
"""How long one question waits for answers: who is busy answers late."""


class Instance(Wire, frozen=True, order=True):
    """A process as it named itself."""

    program: str
    instance: str
    host: str
    version: str
    """Of the package, or of the image if there is one."""


class _Metadata(Wire, frozen=True):
    program: str
    instance: str
    host: str = ""
    version: str = ""
    image_version: str = ""


class _Answer(Wire, frozen=True):
    version: str
    metadata: _Metadata | None = field(default=None)


_decode = json_decoder(_Answer).decode


async def run(
    connection: Connection, programs: Iterable[str], version: str, deadline: Deadline
) -> list[Check]:
    """A check for each of *programs*, and for whichever other answers: all its processes are of *version*.

    Who answered one of the last two questions is there: a process that ends is asked no more, and one
    that is busy is not missed.

    Raises:
        BrokerError: the broker takes no question.
    """
    before: list[Instance] = []
    while True:
        now = await ask(connection)
        there = list(dict.fromkeys([*before, *now]))
        names = list(dict.fromkeys([*programs, *sorted(each.program for each in there)]))
        found = {name: judged(name, there, version) for name in names}
        if not deadline.left_s or (before and not _wrong(found)):
            return [
                deadline.failed(name, each)
                if isinstance(each, Wrong)
                else deadline.passed(name, each)
                for name, each in found.items()
            ]
        before = now


def _wrong(found: dict[str, str | Wrong]) -> bool:
    return any(isinstance(each, Wrong) for each in found.values())


async def ask(connection: Connection) -> list[Instance]:
    """Every process that answers within a second.

    Raises:
        BrokerError: the broker takes no question.
    """
    answers: asyncio.Queue[Message] = asyncio.Queue()
    inbox = connection.inbox()
    subscribed = await connection.subscribe(inbox, answers.put)
    try:
        await connection.publish("$SRV.INFO", b"", reply=inbox)
        await asyncio.sleep(_LISTEN_S)
    finally:
        await connection.unsubscribe(subscribed)
    return sorted(filter(None, (_instance(answers.get_nowait()) for _ in range(answers.qsize()))))  # fmt: skip


def judged(program: str, there: Iterable[Instance], version: str) -> str | Wrong:
    """Whether *program* is among the processes that are *there*, and each of them of *version*."""
    own = [each for each in there if each.program == program]
    others = [each for each in own if each.version != version]
    if not own:
        return Wrong(
            "nobody answers on the broker",
            f"{program} {version}",
            f"see why no {program} runs; one of an older mesh answers `smoke` only after `mesh nats-keys DIR --renew`",
        )
    if others:
        named = ", ".join(f"{each.version} in {each.instance} on {each.host}" for each in others)
        return Wrong(
            named,
            version,
            "old processes still run: wait for the rollout, or end them",
        )
    return f"{version}, {len(own)} {'process' if len(own) == 1 else 'processes'}"


def _instance(message: Message) -> Instance | None:
    """The process that answered; None if it is none of the mesh, or nobody answers."""
    with suppress(DecodeError):
        answer = _decode(message.data)
        told = answer.metadata
        if told is not None:
            version = told.image_version or told.version or answer.version
            return Instance(told.program, told.instance, told.host, version)
    return None
