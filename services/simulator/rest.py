"""The vendor's REST API as far as a scanner needs it at start: all bars of a day in one answer."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from http import HTTPStatus
from typing import Any

import uvicorn
from litestar import Litestar, MediaType, Request, Response, get
from litestar.params import FromPath

from mesh.calendar import day_of
from schemas.wire import Wire, encode_json
from services.simulator.events import DayBars, Number


ReadDay = Callable[[str], DayBars]
"""The bars of an ISO day by ticker; empty where there are none."""


class _Result(Wire, frozen=True):
    T: str
    v: Number
    o: Number
    c: Number
    h: Number
    l: Number  # noqa: E741 (the vendor's name)
    t: int


class _Grouped(Wire, frozen=True, omit_defaults=True):
    status: str
    adjusted: bool
    queryCount: int  # noqa: N815 (the vendor's names)
    resultsCount: int  # noqa: N815
    request_id: str
    results: list[_Result] | None = None


class _Refusal(Wire, frozen=True):
    status: str
    request_id: str
    error: str


def grouped(day: str, bars: DayBars) -> bytes:
    """The answer for *day* (ISO date): like the vendor's, without `results` if there are none."""
    close_ms = day_of(date.fromisoformat(day)).close_ms
    results = [
        _Result(
            ticker, bar.volume_shares, bar.open_usd, bar.close_usd, bar.high_usd, bar.low_usd,
            close_ms,
        )
        for ticker, bar in bars.items()
    ]  # fmt: skip
    return encode_json(
        _Grouped("OK", False, len(results), len(results), "simulator", results or None)
    )


def app(read_day: ReadDay, key: str) -> Litestar:
    """The API as an ASGI application."""

    @get("/v2/aggs/grouped/locale/us/market/stocks/{day:str}")
    async def grouped_daily(request: Request[Any, Any, Any], day: FromPath[str]) -> Response[bytes]:
        given = _given_key(request)
        if given != key:
            text = "Unknown API Key" if given else "API Key was not provided"
            return _answer(_refusal(text), HTTPStatus.UNAUTHORIZED)
        try:
            date.fromisoformat(day)
        except ValueError:
            text = f"Could not parse the date: {day!r} is not YYYY-MM-DD"
            return _answer(_refusal(text), HTTPStatus.BAD_REQUEST)
        return _answer(grouped(day, await asyncio.to_thread(read_day, day)), HTTPStatus.OK)

    return Litestar([grouped_daily], openapi_config=None, logging_config=None)


@asynccontextmanager
async def serving(application: Litestar, listening: socket.socket) -> AsyncIterator[None]:
    """Serve on a bound socket for the duration of the context."""
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve([listening]))
        try:
            yield
        finally:
            server.should_exit = True


class _Server(uvicorn.Server):
    """Leaves the signals to the program that it is part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:  # type: ignore[explicit-override]  # typing's comes with 3.12
        yield


def _given_key(request: Request[Any, Any, Any]) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token if scheme.lower() == "bearer" else ""
    return request.query_params.get("apiKey", bearer)


def _refusal(text: str) -> bytes:
    return encode_json(_Refusal("ERROR", "simulator", text))


def _answer(body: bytes, status: HTTPStatus) -> Response[bytes]:
    return Response(body, status_code=status, media_type=MediaType.JSON)
