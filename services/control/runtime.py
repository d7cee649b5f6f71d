"""Runtime control over HTTP: who is there, what is wanted, and what a person may change of that.

What is changed is written as wanted; programs follow it. `If-Match` names the revision that the
caller has seen: if somebody else has changed the thing since, the answer is 409 with what is wanted
now. With an `Idempotency-Key` a request may be sent again without being carried out again.
"""

import asyncio
from collections.abc import Collection
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.exceptions import NotFoundException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter

from mesh import changes
from mesh.connection import Connection
from mesh.control import By, Change, Control, Kept
from mesh.errors import ConflictError
from mesh.roll_call import Instance, roll_call
from schemas.account import Role
from schemas.control import AnyMarket, FeedName, FeedWanted, Level, ProgramName, Wanted
from schemas.wire import Wire, encode_json
from services.control.access import needs
from services.control.answers import KEY_HEADER, Answer, Answers
from services.control.app import Refusal
from services.control.caller import Asked, address_of


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


class Channels(Wire, frozen=True, forbid_unknown_fields=True):
    """What to follow; an empty text: as the settings say."""

    channels: str | None = None
    market: AnyMarket | None = None


class Host(Wire, frozen=True, forbid_unknown_fields=True):
    """Of the vendor's; empty: as the settings say."""

    host: str


class LogLevel(Wire, frozen=True, forbid_unknown_fields=True):
    """Least severe line that is written; null: as the settings say."""

    level: Level | None


_RESPONSES = {
    200: ResponseSpec(Thing, generate_examples=False, description="It is wanted so now."),
    400: ResponseSpec(Refusal, generate_examples=False, description="It makes no sense."),
    409: ResponseSpec(
        Conflict, generate_examples=False, description="Somebody else has changed it since."
    ),
    422: ResponseSpec(
        Refusal,
        generate_examples=False,
        description=f"The {KEY_HEADER} belongs to another request.",
    ),
}
_OPERATOR: dict[str, Any] = {
    "opt": needs(Role.OPERATOR),
    "status_code": 200,
    "responses": _RESPONSES,
}
_ADMIN: dict[str, Any] = {**_OPERATOR, "opt": needs(Role.ADMIN)}

_IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match", description='The revision that you have seen, as in `7` or `"7"`'
    ),
]
_Key = Annotated[
    str | None,
    HeaderParameter(
        name=KEY_HEADER, description="Of your choice: the same key is carried out once"
    ),
]


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
            by = By(request.user.user, address_of(request))
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


def runtime_routes(connection: Connection, boards: Collection[str]) -> list[HTTPRouteHandler]:
    """What shows and changes the mesh as it runs; *boards* are the names that there are."""
    desk = Desk(connection, boards)

    @get("/v1/runtime", opt=needs(Role.VIEWER))
    async def show() -> Runtime:
        """Programs, processes, feeds with desired and actual state, and what persons want."""
        return await desk.show()

    return [
        show,
        *_feed_routes(desk),
        *_drain_routes(desk),
        *_board_routes(desk),
        *_program_routes(desk),
    ]


def _feed_routes(desk: Desk) -> list[HTTPRouteHandler]:
    @post("/v1/runtime/feeds/{name:str}/stop", **_OPERATOR)
    async def stop(
        request: Asked, name: FeedName, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """End the connection to a vendor. It stays so, also after restarts, until somebody starts it."""
        return await desk.change(request, changes.stop_feed(name), seen)

    @post("/v1/runtime/feeds/{name:str}/start", **_OPERATOR)
    async def start(
        request: Asked, name: FeedName, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Connect to a vendor."""
        return await desk.change(request, changes.start_feed(name), seen)

    @post("/v1/runtime/feeds/{name:str}/restart", **_OPERATOR)
    async def restart(
        request: Asked, name: FeedName, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Connect anew to a vendor."""
        return await desk.change(request, changes.restart_feed(name), seen)

    @post("/v1/runtime/feeds/{name:str}/channels", **_OPERATOR)
    async def channels(
        request: Asked, name: FeedName, data: Channels, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Follow other channels, or another market."""
        change = _made(changes.set_feed, name, channels=data.channels, market=data.market)
        return await desk.change(request, change, seen)

    @post("/v1/runtime/feeds/{name:str}/host", **_ADMIN)
    async def host(
        request: Asked, name: FeedName, data: Host, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Connect to another host of the vendor's: its key is sent there."""
        return await desk.change(request, _made(changes.set_feed, name, host=data.host), seen)

    return [stop, start, restart, channels, host]


def _drain_routes(desk: Desk) -> list[HTTPRouteHandler]:
    @post("/v1/runtime/workers/{instance:str}/drain", **_OPERATOR)
    async def drain(
        request: Asked, instance: str, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Have a worker hand its partitions over and take none; it stands by."""
        here = await desk.require(changes.WORKERS, instance)
        return await desk.change(request, changes.drain_worker(here), seen)

    @post("/v1/runtime/workers/{instance:str}/resume", **_OPERATOR)
    async def resume(
        request: Asked, instance: str, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Have a worker take partitions again."""
        here = await desk.require(changes.WORKERS, instance)
        return await desk.change(request, changes.resume_worker(here), seen)

    @post("/v1/runtime/widgets/{instance:str}/drain", **_OPERATOR)
    async def drain_widgets(
        request: Asked, instance: str, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Have a widget service send its clients elsewhere, and say that it is not ready."""
        here = await desk.require("widgets", instance)
        return await desk.change(request, changes.drain_widgets(here), seen)

    @post("/v1/runtime/widgets/{instance:str}/resume", **_OPERATOR)
    async def resume_widgets(
        request: Asked, instance: str, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Have a widget service serve clients again."""
        here = await desk.require("widgets", instance)
        return await desk.change(request, changes.resume_widgets(here), seen)

    @post("/v1/runtime/rebalance", **_OPERATOR)
    async def rebalance(request: Asked, seen: _IfMatch = None, key: _Key = None) -> Response[bytes]:
        """Have the partitions dealt anew among the workers that are not drained."""
        return await desk.change(request, changes.rebalance(), seen)

    return [drain, resume, drain_widgets, resume_widgets, rebalance]


def _board_routes(desk: Desk) -> list[HTTPRouteHandler]:
    def named(name: str) -> str:
        if name not in desk.boards:
            raise NotFoundException(
                f"there is no board {name!r}; there are {', '.join(desk.boards)}"
            )
        return name

    @post("/v1/runtime/boards/{name:str}/pause", **_OPERATOR)
    async def pause(
        request: Asked, name: str, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Leave a board as it is; it says so."""
        return await desk.change(request, changes.pause_board(named(name)), seen)

    @post("/v1/runtime/boards/{name:str}/resume", **_OPERATOR)
    async def resume(
        request: Asked, name: str, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Rank a board again."""
        return await desk.change(request, changes.resume_board(named(name)), seen)

    return [pause, resume]


def _program_routes(desk: Desk) -> list[HTTPRouteHandler]:
    @post("/v1/runtime/programs/{program:str}/log-level", **_OPERATOR)
    async def log_level(
        request: Asked,
        program: ProgramName,
        data: LogLevel,
        seen: _IfMatch = None,
        key: _Key = None,
    ) -> Response[bytes]:
        """Change what a program logs, while it runs."""
        return await desk.change(request, changes.set_level(program, data.level), seen)

    return [log_level]


def _made(make: Any, name: str, **said: Any) -> Change:
    try:
        change: Change = make(name, **said)
    except ValueError as error:
        raise ValidationException(str(error)) from error
    return change


def _revision(seen: str | None) -> int | None:
    if seen is None:
        return None
    text = seen.strip().strip('"')
    if not (text.isascii() and text.isdigit()):
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
