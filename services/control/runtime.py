"""The mesh as it runs, for callers over HTTP: who is there, what is wanted, and what they change of that.

What is changed is written as wanted; programs follow it. A change that was made for an older
revision than there is gets 409 with what is wanted now.
"""

import asyncio
from collections.abc import Collection
from typing import Any

import msgspec
from litestar import Response
from litestar.exceptions import NotFoundException, ValidationException

from mesh import changes
from mesh.connection import Connection
from mesh.control import By, Change, Control, Kept
from mesh.errors import ConflictError
from mesh.roll_call import Instance, roll_call
from schemas.control import FeedWanted, Wanted
from schemas.wire import Wire, encode_json
from services.control.answers import Answer, Answers
from services.control.caller import Asked


_MOST_DIGITS = 20
"""Of a number that the broker counts with: 64 bits."""


class Thing(Wire, frozen=True):
    """What is wanted of one thing."""

    key: str
    revision: int
    """0: nobody has wanted anything yet. What `If-Match` names."""
    wanted: dict[str, Any]


class Conflict(Wire, frozen=True):
    """Somebody else was faster."""

    message: str
    revision: int
    wanted: dict[str, Any]
    """As they want it, `by` whom and since when."""


class Feed(Wire, frozen=True):
    """A vendor's feed."""

    name: str
    revision: int
    wanted: dict[str, Any]
    actual: list[dict[str, Any]]
    """What each program that may hold it says of it."""


class Runtime(Wire, frozen=True):
    """The mesh as it runs."""

    instances: list[Instance]
    feeds: list[Feed]
    wanted: list[Thing]
    """All that persons want, feeds included."""


class Desk:
    """Carries out what callers ask for."""

    def __init__(self, connection: Connection, boards: Collection[str]) -> None:
        self.boards = boards
        self._connection = connection
        self._control = Control(connection)
        self._answers = Answers(connection)

    async def show(self) -> Runtime:
        """Who is there, and what is wanted."""
        instances, kept = await asyncio.gather(roll_call(self._connection), self._control.all())
        by_key = {each.key: each for each in kept}
        feeds = [
            _feed(name, by_key.get(f"feed.{name}"), instances)
            for name in (changes.MASSIVE, changes.FINLIGHT)
        ]
        return Runtime(instances, feeds, list(map(_thing, kept)))

    async def change(self, request: Asked, change: Change, seen: str | None) -> Response[bytes]:
        """Carry out *change*, once for each key of the caller's."""
        revision = _revision(seen)

        async def carry_out() -> Answer:
            by = By(request.user.user, request.user.address)
            try:
                kept = await self._control.change(change, by, revision)
            except ConflictError as error:
                present = msgspec.to_builtins(error.present)
                return Answer(409, encode_json(Conflict(str(error), error.revision, present)))
            return Answer(200, encode_json(_thing(kept)))

        return await self._answers.once(request, carry_out)

    async def require(self, program: str, instance: str) -> str:
        """The name of a process that is there."""
        found = await roll_call(self._connection, program)
        if instance not in {each.instance for each in found}:
            names = ", ".join(each.instance for each in found) or "none"
            raise NotFoundException(
                f"no process of {program} is called {instance!r}; there are {names}"
            )
        return instance


def _revision(seen: str | None) -> int | None:
    if seen is None:
        return None
    text = seen.strip().strip('"')
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ValidationException(f'If-Match must be a revision, as in "7", was {seen[:50]!r}')
    return int(text)


def _thing(kept: Kept) -> Thing:
    return Thing(kept.key, kept.revision, msgspec.to_builtins(kept.value))


def _feed(name: str, kept: Kept | None, instances: list[Instance]) -> Feed:
    program = "listener" if name == changes.MASSIVE else "news"
    actual = [
        {"instance": each.instance, **each.state["feed"]}
        for each in instances
        if each.program == program and "feed" in each.state
    ]
    wanted: Wanted = FeedWanted() if kept is None else kept.value
    return Feed(name, 0 if kept is None else kept.revision, msgspec.to_builtins(wanted), actual)
