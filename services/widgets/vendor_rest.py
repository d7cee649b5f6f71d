"""Companies and historic bars for clients: what `reference` answers on `vendor.{what}`, for whoever may see the symbol's row.

This program never talks to the vendor and has no key of it. Values are passed on as they come, already JSON.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter

from mesh import clock
from mesh.calendar import NEW_YORK
from mesh.connection import Connection
from mesh.errors import BrokerError, TokenError
from schemas import vendor
from schemas.naming import vendor_subject
from schemas.vendor import (
    LAST_MS,
    MOST_BARS,
    MOST_DAYS,
    USUAL_BARS,
    BarsQuestion,
    Interval,
    LogoQuestion,
    Question,
    VendorAnswer,
    What,
    is_askable,
)
from schemas.wire import DecodeError, Wire, encode_json, msgpack_decoder
from services.widgets.door import Door
from services.widgets.limits import Rate
from services.widgets.rest import Asked, Refusal, request_token, responses


_PATIENCE_S = 18.0
"""Longer than `reference` has for a question, so that it is the one who says why there is no answer."""
_MOST_USERS = 10_000
_LONGEST_TIME = 20
_MINUTE_S = 60.0
_AT_ONCE = 3
"""A part of a minute's questions that may be asked at once: one of so many."""
_STATUS = {"absent": 404, "failed": 502, "wrong": 400, "busy": 503}
_MEANINGS = {
    404: "The vendor has nothing of this.",
    429: "The user has asked too much: ask again after `Retry-After` seconds.",
    502: "The vendor failed, with what it said.",
    503: "Nobody can ask the vendor just now: ask again after `Retry-After` seconds.",
}
_SHOWN_ALONE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""For a picture that somebody opens as a page: it can do nothing there."""

_Symbol = Annotated[str, PathParameter(description="As the exchange writes it, as in `BRK.B`")]
_Time = Annotated[
    str | None, QueryParameter(description="An ISO day in New York, or epoch milliseconds")
]
_Since = Annotated[
    str | None,
    QueryParameter(name="from", description="An ISO day in New York, or epoch milliseconds"),
]
_Days = Annotated[
    int | None,
    QueryParameter(ge=1, le=MOST_DAYS, description="So many days before the end, without `from`"),
]
_Limit = Annotated[int, QueryParameter(ge=1, le=MOST_BARS, description="The newest so many")]
_Adjusted = Annotated[
    bool, QueryParameter(description="As if every split had happened before the bars")
]
_Interval = Annotated[Interval, QueryParameter(description="How long a bar is")]
_Kind = Annotated[Literal["logo", "icon"], QueryParameter(description="Which picture")]

_decode = msgpack_decoder(VendorAnswer).decode


class Questions:
    """How much each user may ask, of the users that asked lately."""

    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        self._rates: OrderedDict[str, Rate] = OrderedDict()

    @property
    def pause_s(self) -> float:
        """How long it takes until one more may be asked."""
        return _MINUTE_S / self._a_minute

    def take(self, user: str, now_s: float) -> bool:
        """Whether *user* may ask one more."""
        rate = self._rates.get(user)
        if rate is None:
            rate = self._rates[user] = Rate(self._a_minute / _MINUTE_S, self._a_minute / _AT_ONCE)
            if len(self._rates) > _MOST_USERS:
                self._rates.popitem(last=False)
        self._rates.move_to_end(user)
        return rate.take(now_s)


class _RefusedError(Exception):
    def __init__(self, status: int, message: str, retry_s: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_s = retry_s


def vendor_routes(door: Door, connection: Connection, a_minute: int) -> list[HTTPRouteHandler]:
    """The routes below `/v1` that the vendor is asked for; a user may ask *a_minute* times."""
    questions = Questions(a_minute)

    async def answer(request: Asked, what: What, question: Wire) -> Response[bytes]:
        try:
            _admit(door, questions, request, question)
            return _told(what, await _ask(connection, what, question))
        except _RefusedError as error:
            return _refusal(error)

    @get("/v1/bars/{symbol:str}", responses=_responses(vendor.Bars))
    async def bars(
        request: Asked, symbol: _Symbol, interval: _Interval = Interval.MINUTE,
        since: _Since = None, to: _Time = None, days: _Days = None,
        limit: _Limit = USUAL_BARS, adjusted: _Adjusted = True,
    ) -> Response[bytes]:  # fmt: skip
        """Historic bars and those of today, oldest first, in columns."""
        try:
            from_ms, to_ms = _time_ms("from", since), _time_ms("to", to, is_end=True)
        except _RefusedError as error:
            return _refusal(error)
        question = BarsQuestion(symbol, interval, from_ms, to_ms, days, limit, adjusted)
        return await answer(request, What.BARS, question)

    @get("/v1/logo/{symbol:str}", responses=_responses(None))
    async def logo(request: Asked, symbol: _Symbol, kind: _Kind = "logo") -> Response[bytes]:
        """A picture of a company: PNG, JPEG, GIF, WebP or SVG."""
        return await answer(request, What.LOGO, LogoQuestion(symbol, kind))

    def about(what: What, told: type[Wire]) -> HTTPRouteHandler:
        async def fact(request: Asked, symbol: _Symbol) -> Response[bytes]:
            return await answer(request, what, Question(symbol))

        described = (told.__doc__ or "").partition("\n")[0]
        return get(
            f"/v1/{what}/{{symbol:str}}",
            responses=_responses(told),
            description=described,
            operation_id=what.replace("-", "_"),
        )(fact)

    return [bars, logo, *(about(what, told) for what, told in _FACTS.items())]


_FACTS: Mapping[What, type[Wire]] = {
    What.COMPANY: vendor.Company,
    What.SHORT_INTEREST: vendor.ShortInterest,
    What.SHORT_VOLUME: vendor.ShortVolume,
    What.SPLITS: vendor.Splits,
    What.FILINGS: vendor.Filings,
    What.TICKER_EVENTS: vendor.TickerEvents,
}


def _responses(told: type[Wire] | None) -> dict[int, ResponseSpec]:
    further = {
        status: ResponseSpec(Refusal, generate_examples=False, description=meaning)
        for status, meaning in _MEANINGS.items()
    }
    return {**responses(told), **further}


def _admit(door: Door, questions: Questions, request: Asked, question: Any) -> None:
    try:
        visit = door.visit(request_token(request))
    except TokenError as error:
        raise _RefusedError(401, str(error)) from error
    if not is_askable(question.symbol):
        raise _RefusedError(400, "a symbol is 1 to 32 letters, digits or . : _ -")
    if not visit.may(f"row/{question.symbol}"):
        raise _RefusedError(403, f"your token does not let you see {question.symbol!r}")
    user = visit.token.user if visit.token is not None else ""
    if not questions.take(user, clock.monotonic_s()):
        raise _RefusedError(429, "you have asked too much: ask again later", questions.pause_s)


async def _ask(connection: Connection, what: What, question: Wire) -> VendorAnswer:
    if not connection.connected.is_set():
        raise _RefusedError(503, "the broker is away: ask again", 1.0)
    try:
        message = await connection.request(
            vendor_subject(what), encode_json(question), timeout_s=_PATIENCE_S
        )
        return _decode(message.data)
    except (BrokerError, DecodeError) as error:
        raise _RefusedError(503, "nobody can ask the vendor just now: ask again", 1.0) from error


def _told(what: What, answer: VendorAnswer) -> Response[bytes]:
    if answer.state != "value":
        message = answer.message
        if answer.state == "failed":
            message = f"the vendor failed: {message}"
        raise _RefusedError(_STATUS[answer.state], message, answer.fresh_s)
    headers = {"Cache-Control": f"private, max-age={int(answer.fresh_s)}", "Vary": "Authorization"}
    if what is What.LOGO:
        headers["Content-Security-Policy"] = _SHOWN_ALONE
    return Response(answer.body, media_type=answer.media_type, headers=headers)


def _refusal(error: _RefusedError) -> Response[bytes]:
    headers = {"Cache-Control": "no-store"}
    if error.status in (429, 503):
        headers["Retry-After"] = str(max(1, round(error.retry_s)))
    return Response(
        encode_json(Refusal(str(error))),
        status_code=error.status,
        media_type=MediaType.JSON,
        headers=headers,
    )


def _time_ms(name: str, text: str | None, *, is_end: bool = False) -> int | None:
    """A time as a URL has it; an end that is a day is the end of that day."""
    if text is None:
        return None
    try:
        if len(text) <= _LONGEST_TIME and text.isascii() and text.isdecimal():
            found = int(text)
        else:
            day = date.fromisoformat(text)
            found = _midnight_ms(day + timedelta(1) if is_end else day)
    except (ValueError, OverflowError):
        found = -1
    if not 0 <= found <= LAST_MS:
        raise _RefusedError(400, f"{name}: an ISO day (2026-01-05) or epoch milliseconds")
    return found


def _midnight_ms(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp() * 1000)
