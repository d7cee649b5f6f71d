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
"""When nobody has answered for so long, nobody is waited for any more."""
_LONGEST_S = 0.6
_PATIENCE_S = 3.0
"""Who has not answered for so long is silent."""
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
    """The processes of a mesh. One that is busy answers late: what comes after a round counts for the next."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen: dict[str, tuple[Program, float]] = {}
        self._inbox = ""
        self._heard = asyncio.Event()
        self._asking_s = float("-inf")
        """Since when questions are asked without a pause: nobody is silent who was not asked."""
        self._asked_s = float("-inf")

    async def ask(self) -> list[Program]:
        """All that answer now, and those that did until a moment ago.

        Raises:
            BrokerError: the broker takes no question.
        """
        if not self._inbox:
            inbox = self._connection.inbox()
            await self._connection.subscribe(inbox, self._on_answer)
            self._inbox = inbox
        now_s = clock.monotonic_s()
        if now_s - self._asked_s > _PATIENCE_S:
            self._asking_s = now_s
        self._asked_s = now_s
        await self._connection.publish(_ASK, b"", reply=self._inbox)
        await self._until_quiet()
        return self._known(clock.monotonic_s())

    async def _on_answer(self, message: Message) -> None:
        found = program_of(message.data)
        if found is not None:
            self._seen[found.instance] = (found, clock.monotonic_s())
            self._heard.set()

    async def _until_quiet(self) -> None:
        end_s = clock.monotonic_s() + _LONGEST_S
        while clock.monotonic_s() < end_s:
            self._heard.clear()
            try:
                async with asyncio.timeout(_QUIET_S):
                    await self._heard.wait()
            except TimeoutError:
                return

    def _known(self, now_s: float) -> list[Program]:
        silent_s = {
            name: now_s - max(seen_s, self._asking_s) for name, (_, seen_s) in self._seen.items()
        }
        self._seen = {
            name: seen for name, seen in self._seen.items() if silent_s[name] <= _REMEMBERED_S
        }
        known = [
            msgspec.structs.replace(
                program, silent_s=round(silent_s[name], 1) if silent_s[name] > _PATIENCE_S else 0.0
            )
            for name, (program, _) in self._seen.items()
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
