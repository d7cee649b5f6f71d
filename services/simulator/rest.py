"""The vendor's REST API as far as a scanner needs it: who is let in, and how it is served."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any

import uvicorn
from litestar import Litestar, Request, Response

from services.simulator import rest_bars, rest_company, rest_market, rest_reference
from services.simulator.catalogue import Catalogue
from services.simulator.faults import Faults
from services.simulator.paging import refusal


def app(catalogue: Catalogue, key: str, faults: Faults | None = None) -> Litestar:
    """The API as an ASGI application."""

    async def admit(request: Request[Any, Any, Any]) -> Response[bytes] | None:
        if faults is not None:
            fault = await faults.answer(request.url.path, request.url.query)
            if fault is not None:
                return fault
        given = _given_key(request)
        if given == key:
            return None
        text = "Unknown API Key" if given else "API Key was not provided"
        return refusal(text, HTTPStatus.UNAUTHORIZED)

    parts = (rest_bars, rest_reference, rest_company, rest_market)
    return Litestar(
        [route for part in parts for route in part.routes(catalogue)],
        before_request=admit,
        openapi_config=None,
        logging_config=None,
    )


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
