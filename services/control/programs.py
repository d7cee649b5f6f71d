"""Which programs are there, and what each says of itself: one question on the broker, answered by every process.

Every process is a NATS micro service (`mesh.service`); the statistics of its endpoint `status` are all
that it says of itself. One that has answered and no longer does is remembered for a minute.
"""

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from msgspec import field

from mesh import clock
from mesh.connection import Connection, Message
from schemas.wire import DecodeError, Wire, json_decoder


_ASK = "$SRV.STATS"
_QUIET_S = 0.15
"""When nobody has answered for so long, everybody has."""
_LONGEST_S = 0.6
_REMEMBERED_S = 60.0


class Program(Wire, frozen=True):
    """One process, as it described itself last."""

    name: str
    instance: str
    version: str = ""
    host: str = ""
    pid: str = ""
    image: str = ""
    """Its container image; empty if it was not told."""
    started_ms: int = 0
    ready: bool = True
    reasons: dict[str, str] = field(default_factory=dict)
    """Why it is not ready, by condition."""
    facts: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    counters: dict[str, Any] = field(default_factory=dict)
    silent_s: float = 0.0
    """For so long it has not answered; 0: it does."""


class _Status(Wire, frozen=True):
    version: str = ""
    host: str = ""
    pid: str = ""
    image: str = ""
    ready: bool = True
    reasons: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    counters: dict[str, Any] = field(default_factory=dict)


class _Endpoint(Wire, frozen=True):
    name: str
    data: Any = None


class _Statistics(Wire, frozen=True):
    """An answer to `$SRV.STATS`, as ADR-32 of NATS has it."""

    name: str
    id: str
    version: str
    started: str = ""
    endpoints: list[_Endpoint] | None = None


_decode = json_decoder(_Statistics).decode


class Programs:
    """The processes of a mesh."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen: dict[str, tuple[Program, float]] = {}

    async def ask(self) -> list[Program]:
        """All that answer now, and those that did until a moment ago.

        Raises:
            BrokerError: the broker takes no question.
        """
        answers: list[bytes] = []
        heard = asyncio.Event()

        async def on_answer(message: Message) -> None:
            answers.append(message.data)
            heard.set()

        inbox = self._connection.inbox()
        subscription = await self._connection.subscribe(inbox, on_answer)
        try:
            await self._connection.publish(_ASK, b"", reply=inbox)
            await _until_quiet(heard)
        finally:
            await self._connection.unsubscribe(subscription)
        now_s = clock.monotonic_s()
        for each in answers:
            found = program_of(each)
            if found is not None:
                self._seen[found.instance] = (found, now_s)
        return self._known(now_s)

    def _known(self, now_s: float) -> list[Program]:
        self._seen = {
            name: (program, seen_s)
            for name, (program, seen_s) in self._seen.items()
            if now_s - seen_s <= _REMEMBERED_S
        }
        known = [
            msgspec.structs.replace(program, silent_s=round(now_s - seen_s, 1))
            for program, seen_s in self._seen.values()
        ]
        return sorted(known, key=lambda each: (each.name, each.started_ms, each.instance))


def program_of(answer: bytes) -> Program | None:
    """The process that gave *answer*; None if it is none of ours."""
    try:
        said = _decode(answer)
        [data] = [each.data for each in said.endpoints or () if each.name == "status"] or [None]
        status = msgspec.convert(data or {}, _Status)
    except (DecodeError, msgspec.ValidationError):
        return None
    return Program(
        said.name, said.id, status.version or said.version, status.host, status.pid, status.image,
        _epoch_ms(said.started), status.ready, status.reasons, status.facts, status.state, status.counters,
    )  # fmt: skip


def _epoch_ms(text: str) -> int:
    """An instant in ISO form; 0 for what is none."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return 0


async def _until_quiet(heard: asyncio.Event) -> None:
    end_s = clock.monotonic_s() + _LONGEST_S
    while clock.monotonic_s() < end_s:
        heard.clear()
        try:
            async with asyncio.timeout(_QUIET_S):
                await heard.wait()
        except TimeoutError:
            return
