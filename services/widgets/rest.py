"""Boards, rows and alerts for `curl`: what a `get` on `/ws` gives, as objects; and for programs, what there is to ask.

Every request names its token as `Authorization: Bearer`. What is wrong with one is said in `message`.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter
from msgspec import Raw, ValidationError, convert, to_builtins

from mesh.errors import TokenError
from schemas.widget import Head, View
from schemas.wire import Wire, encode_json
from services.widgets.catalogue import Catalogue
from services.widgets.credentials import token_of
from services.widgets.door import Door
from services.widgets.live_sequence import DEFAULT_FIRST, MOST_KEPT, LiveSequence
from services.widgets.want import MOST_ROWS, ViewError


Asked = Request[Any, Any, Any]

_NOT_YET, _RETRY_S = 503, "1"
Columns = Annotated[
    str | None,
    QueryParameter(
        description="Fields of a row, separated by commas; all that the feed has by itself if absent"
    ),
]
Top = Annotated[int | None, QueryParameter(ge=1, le=MOST_ROWS, description="At most so many rows")]
Sort = Annotated[
    str | None,
    QueryParameter(
        description="A field to sort by, greatest first; with `+` before it, smallest first"
    ),
]
Condition = Annotated[
    str | None,
    QueryParameter(description="A condition on the fields of a row, asked of the whole market"),
]
Symbols = Annotated[
    str | None, QueryParameter(description="Only these symbols, separated by commas")
]
_Name = Annotated[str, PathParameter(description="Of the board")]
_Symbol = Annotated[str, PathParameter(description="As the exchange writes it, as in `BRK.B`")]
_Newest = Annotated[int, QueryParameter(ge=1, le=MOST_KEPT, description="At most so many")]
_Token = Annotated[str, QueryParameter(description="One of them; `*` stands for any")]


class Table(Wire, frozen=True):
    """Rows of a feed at one moment."""

    feed: str
    epoch: str
    seq: int
    """The same moment as on `/ws`, if the same view is asked for."""
    head: Head
    total: int
    rows: list[dict[str, Any]]
    """Objects with the fields that were asked for, best first; null is unknown."""


class Happened(Wire, frozen=True):
    """The newest of a sequence, oldest first."""

    feed: str
    seq: int
    values: list[Raw]


class Names(Wire, frozen=True):
    """The names of all boards."""

    boards: list[str]


class Refusal(Wire, frozen=True):
    """Why a request was refused."""

    message: str
    place: int | None = None
    """Where in `where` it is wrong, a character from 0 on."""


_MEANINGS = {
    400: "The question is wrong.",
    401: "There is no token, or none that is valid here, or it stands in the URL.",
    403: "The token does not let its user see this.",
    404: "There is no such feed.",
    429: "The user, the address or the service has all the connections that it may have.",
    503: "There are no rows yet, or it is not known what has happened: ask again after `Retry-After` seconds.",
}


class _RefusedError(Exception):
    def __init__(self, status: int, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.status = status
        self.refusal = refusal


def responses(told: type[Wire] | None, *further: int) -> dict[int, ResponseSpec]:
    """What a route answers, for its description; *further* beside the refusals that all have."""
    found = {
        status: ResponseSpec(Refusal, generate_examples=False, description=_MEANINGS[status])
        for status in (400, 401, 403, *further)
    }
    if told is not None:
        said = (told.__doc__ or "").partition("\n")[0]
        found[200] = ResponseSpec(told, generate_examples=False, description=said)
    return found


def rest_routes(door: Door) -> list[HTTPRouteHandler]:
    """The routes below `/v1`."""
    catalogue = door.hub.catalogue

    def answer(request: Asked, make: Callable[[], Wire], feed: str) -> Response[bytes]:
        try:
            _check(door, request, feed)
            return _json(200, make())
        except _RefusedError as error:
            return _json(error.status, error.refusal)

    @get("/v1/boards", sync_to_thread=False, responses=responses(Names))
    def boards(request: Asked) -> Response[bytes]:
        """The names of all boards."""
        names = [
            name.removeprefix("board/") for name in catalogue.names if name.startswith("board/")
        ]
        return answer(request, lambda: Names(names), "board/*")

    @get("/v1/boards/{name:str}", sync_to_thread=False, responses=responses(Table, 404, 503))
    def board(
        request: Asked, name: _Name, columns: Columns = None, top: Top = None,
        sort: Sort = None, where: Condition = None, symbols: Symbols = None,
    ) -> Response[bytes]:  # fmt: skip
        """A board as it is now."""
        view, feed = _view(columns, top, sort, where, symbols), f"board/{name}"
        return answer(request, lambda: _table(catalogue, feed, view), feed)

    @get("/v1/rows", sync_to_thread=False, responses=responses(Table, 404, 503))
    def rows(
        request: Asked, columns: Columns = None, top: Top = None,
        sort: Sort = None, where: Condition = None, symbols: Symbols = None,
    ) -> Response[bytes]:  # fmt: skip
        """Rows of the market as they are now, by symbol if nothing else is asked for."""
        view = _view(columns, top, sort, where, symbols)
        return answer(request, lambda: _table(catalogue, "row/*", view), "row/*")

    @get("/v1/rows/{symbol:str}", sync_to_thread=False, responses=responses(Table, 404, 503))
    def row(request: Asked, symbol: _Symbol, columns: Columns = None) -> Response[bytes]:
        """All that is known of a symbol now; no row if there is none."""
        view, feed = _view(columns, None, None, None, None), f"row/{symbol}"
        return answer(request, lambda: _table(catalogue, feed, view), feed)

    @get("/v1/alerts", sync_to_thread=False, responses=responses(Happened, 404, 503))
    def alerts(
        request: Asked,
        kind: _Token = "*",
        symbol: _Token = "*",
        top: _Newest = DEFAULT_FIRST,
    ) -> Response[bytes]:
        """The newest alerts of a kind and a symbol, or of all."""
        feed = f"alert/{kind}/{symbol}"
        return answer(request, lambda: _happened(catalogue, feed, top), feed)

    @get("/v1/news", sync_to_thread=False, responses=responses(Happened, 404, 503))
    def news(request: Asked, symbol: _Token = "*", top: _Newest = DEFAULT_FIRST) -> Response[bytes]:
        """The newest articles about a symbol, or all."""
        feed = f"news/{symbol}"
        return answer(request, lambda: _happened(catalogue, feed, top), feed)

    return [boards, board, rows, row, alerts, news]


def refused(request: Asked, error: HTTPException) -> Response[bytes]:
    """What the framework refuses, said as everything else is: parameters of a wrong type, paths that there are not."""
    del request
    wrong = error.extra if isinstance(error.extra, list) else []
    said = "; ".join(f"{each.get('key')}: {each.get('message')}" for each in wrong)
    return _json(error.status_code, Refusal(said or error.detail), error.headers)


def request_token(request: Asked) -> str | None:
    """The token of a request. Raises TokenError if it is given in a way that it must not be."""
    return token_of(request.scope["headers"], (), request.scope["query_string"])


def listed(text: str | None) -> list[str] | None:
    """A list as a URL has it."""
    return None if text is None else [each for each in text.split(",") if each]


def _view(
    columns: str | None, top: int | None, sort: str | None, where: str | None, symbols: str | None
) -> View:
    return View(listed(columns), top, sort, where, None, None, listed(symbols))


def _valid(view: View) -> View:
    """*view*, if a client of `/ws` could have sent it."""
    try:
        return convert(to_builtins(view), View)
    except ValidationError as error:
        raise _RefusedError(400, Refusal(f"there is no such view: {error}")) from error


def _check(door: Door, request: Asked, feed: str) -> None:
    try:
        may = door.visit(request_token(request)).may
    except TokenError as error:
        raise _RefusedError(401, Refusal(str(error))) from error
    if not may(feed):
        raise _RefusedError(403, Refusal(f"your token does not let you see {feed[:100]!r}"))


def _table(catalogue: Catalogue, feed: str, view: View) -> Table:
    live = _followed(catalogue, feed, _valid(view))
    if isinstance(live, LiveSequence) or not live.seq:
        raise _RefusedError(_NOT_YET, Refusal("there are no rows yet: ask again"))
    return Table(feed, live.epoch, live.seq, live.head, live.total, live.objects())


def _happened(catalogue: Catalogue, feed: str, top: int) -> Happened:
    live = _followed(catalogue, feed, View())
    if not live.is_known:
        raise _RefusedError(_NOT_YET, Refusal("what has happened is not known yet: ask again"))
    return Happened(feed, live.number, live.newest(top))


def _followed(catalogue: Catalogue, feed: str, view: View) -> Any:
    try:
        live = catalogue.follow(feed, view, _nobody)
    except ViewError as error:
        status = 404 if error.place is None and "there is no feed" in str(error) else 400
        raise _RefusedError(status, Refusal(str(error), error.place)) from error
    catalogue.leave(live, _nobody)
    return live


def _nobody() -> None:
    """Whoever asks once is not told of changes."""


def _json(status: int, content: Wire, further: Mapping[str, str] | None = None) -> Response[bytes]:
    headers = {"Retry-After": _RETRY_S} if status == _NOT_YET else dict(further or {})
    return Response(
        encode_json(content), status_code=status, media_type=MediaType.JSON, headers=headers
    )
