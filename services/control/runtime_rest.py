"""Runtime control over HTTP: every change a route of its own, for operators; where the vendor's key is sent, for admins.

`If-Match` names the revision that the caller has seen. With an `Idempotency-Key` a request may be
sent again without being carried out again.
"""

from collections.abc import Callable, Collection
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.exceptions import NotFoundException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, JSONBody, PathParameter

from mesh import changes
from mesh.connection import Connection
from mesh.control import Change
from schemas.account import Role
from schemas.control import AnyMarket, FeedName, Level, ProgramName
from schemas.wire import Wire
from services.control.access import needs
from services.control.answers import KEY_HEADER
from services.control.app import Refusal
from services.control.caller import Asked
from services.control.runtime import Conflict, Desk, Runtime, Thing


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
_Feed = Annotated[FeedName, PathParameter(description="Of the vendor")]
_Instance = Annotated[
    str, PathParameter(description="The name of a process, as `/v1/runtime` shows it")
]
_Board = Annotated[str, PathParameter(description="Of the board")]
_Program = Annotated[ProgramName, PathParameter(description="Of the program")]
_Key = Annotated[
    str | None,
    HeaderParameter(
        name=KEY_HEADER, description="Of your choice: the same key is carried out once"
    ),
]


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
        request: Asked, name: _Feed, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """End the connection to a vendor. It stays so, also after restarts, until somebody starts it."""
        return await desk.change(request, changes.stop_feed(name), seen)

    @post("/v1/runtime/feeds/{name:str}/start", **_OPERATOR)
    async def start(
        request: Asked, name: _Feed, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Connect to a vendor."""
        return await desk.change(request, changes.start_feed(name), seen)

    @post("/v1/runtime/feeds/{name:str}/restart", **_OPERATOR)
    async def restart(
        request: Asked, name: _Feed, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Connect anew to a vendor."""
        return await desk.change(request, changes.restart_feed(name), seen)

    @post("/v1/runtime/feeds/{name:str}/channels", **_OPERATOR)
    async def channels(
        request: Asked,
        name: _Feed,
        data: JSONBody[Channels],
        seen: _IfMatch = None,
        key: _Key = None,
    ) -> Response[bytes]:
        """Follow other channels, or another market."""
        change = _made(changes.set_feed, name, channels=data.channels, market=data.market)
        return await desk.change(request, change, seen)

    @post("/v1/runtime/feeds/{name:str}/host", **_ADMIN)
    async def host(
        request: Asked, name: _Feed, data: JSONBody[Host], seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Connect to another host of the vendor's: its key is sent there."""
        return await desk.change(request, _made(changes.set_feed, name, host=data.host), seen)

    return [stop, start, restart, channels, host]


def _drain_routes(desk: Desk) -> list[HTTPRouteHandler]:
    @post("/v1/runtime/workers/{instance:str}/drain", **_OPERATOR)
    async def drain(
        request: Asked, instance: _Instance, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Have a worker hand its partitions over and take none; it stands by."""
        here = await desk.require(changes.WORKERS, instance)
        return await desk.change(request, changes.drain_worker(here), seen)

    @post("/v1/runtime/workers/{instance:str}/resume", **_OPERATOR)
    async def resume(
        request: Asked, instance: _Instance, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Have a worker take partitions again."""
        here = await desk.require(changes.WORKERS, instance)
        return await desk.change(request, changes.resume_worker(here), seen)

    @post("/v1/runtime/widgets/{instance:str}/drain", **_OPERATOR)
    async def drain_widgets(
        request: Asked, instance: _Instance, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Have a widget service send its clients elsewhere, and say that it is not ready."""
        here = await desk.require("widgets", instance)
        return await desk.change(request, changes.drain_widgets(here), seen)

    @post("/v1/runtime/widgets/{instance:str}/resume", **_OPERATOR)
    async def resume_widgets(
        request: Asked, instance: _Instance, seen: _IfMatch = None, key: _Key = None
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
        request: Asked, name: _Board, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Leave a board as it is; it says so."""
        return await desk.change(request, changes.pause_board(named(name)), seen)

    @post("/v1/runtime/boards/{name:str}/resume", **_OPERATOR)
    async def resume(
        request: Asked, name: _Board, seen: _IfMatch = None, key: _Key = None
    ) -> Response[bytes]:
        """Rank a board again."""
        return await desk.change(request, changes.resume_board(named(name)), seen)

    return [pause, resume]


def _program_routes(desk: Desk) -> list[HTTPRouteHandler]:
    @post("/v1/runtime/programs/{program:str}/log-level", **_OPERATOR)
    async def log_level(
        request: Asked,
        program: _Program,
        data: JSONBody[LogLevel],
        seen: _IfMatch = None,
        key: _Key = None,
    ) -> Response[bytes]:
        """Change what a program logs, while it runs."""
        return await desk.change(request, changes.set_level(program, data.level), seen)

    return [log_level]


def _made(make: Callable[..., Change], name: str, **said: Any) -> Change:
    try:
        change: Change = make(name, **said)
    except ValueError as error:
        raise ValidationException(str(error)) from error
    return change
