"""The web application: routes that other modules bring, and what holds for all of them."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.config.cors import CORSConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ControllerRouterHandler, Message, Scope

from mesh.errors import BrokerError
from mesh.health import VERSION, Ask, readyz
from mesh.logs import Log
from schemas.wire import Wire, encode_json
from services.control.access import ANYBODY, CSRF_HEADER, Access, declared


HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MOST_BYTES = 64 * 1024
"""Of a request's body, where a route says nothing else."""


class Refusal(Wire, frozen=True):
    """Why a request was refused."""

    message: str
    """What was wrong, what was expected, what to do."""


def build(
    access: Access,
    routes: Sequence[ControllerRouterHandler],
    ask: Ask,
    log: Log,
    answered: Counter[str] | None = None,
) -> Litestar:
    """The application: *routes*, and those of its health. Requests are counted in *answered*, by the class of their status.

    Raises:
        ValueError: a route does not say who may call it.
    """

    @get("/healthz", opt=ANYBODY, sync_to_thread=False)
    def healthz() -> dict[str, Any]:
        return {"status": "ok"}

    @get("/readyz", opt=ANYBODY, sync_to_thread=False)
    def ready() -> Response[bytes]:
        status, report = readyz(ask())
        return Response(encode_json(report), status_code=status, media_type=MediaType.JSON)

    app = Litestar(
        [*routes, healthz, ready],
        guards=[access.admit],
        before_send=[partial(_add_headers, Counter() if answered is None else answered)],
        exception_handlers={
            HTTPException: _refused,
            BrokerError: _broker_away,
            RecursionError: _too_deep,
            Exception: partial(_broken, log),
        },
        request_max_body_size=MOST_BYTES,
        cors_config=CORSConfig(
            allow_origins=sorted(access.origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "idempotency-key", CSRF_HEADER.lower()],
            allow_credentials=True,
        ),
        openapi_config=OpenAPIConfig(
            title="tickmesh control plane",
            version=VERSION,
            use_handler_docstrings=True,
            openapi_router=Router(
                "/schema", route_handlers=[], include_in_schema=False, opt=ANYBODY
            ),
            render_plugins=[JsonRenderPlugin()],
            components=Components(
                security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
            ),
            security=[{"token": []}],
        ),
        logging_config=None,
    )
    declared(app)
    return app


async def _add_headers(answered: Counter[str], message: Message, scope: Scope) -> None:
    """To every answer, those of the framework itself too; what a route sets by itself stays."""
    if message["type"] == "http.response.start":
        answered[f"{message['status'] // 100}xx"] += 1
        headers = MutableScopeHeaders.from_message(message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
    del scope


def _refused(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework or a route refuses, said as everything else is."""
    del request
    wrong = error.extra if isinstance(error.extra, list) else []
    said = "; ".join(f"{each.get('key')}: {each.get('message')}" for each in wrong)
    return _json(error.status_code, said or error.detail, error.headers)


def _broker_away(request: Request[Any, Any, Any], error: BrokerError) -> Response[bytes]:
    del request
    return _json(503, str(error), {"Retry-After": "1"})


def _too_deep(request: Request[Any, Any, Any], error: RecursionError) -> Response[bytes]:
    """The library that reads JSON lets this through where a body is nested deeper than the stack."""
    del request, error
    return _json(
        400, "the body must be JSON of the kind that the schema says, was nested too deep", None
    )


def _broken(log: Log, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("request.failed", path=request.url.path, exc_info=error)
    return _json(500, "something is broken here: the log of `control` says what", None)


def _json(status: int, message: str, headers: dict[str, str] | None) -> Response[bytes]:
    return Response(
        encode_json(Refusal(message)),
        status_code=status,
        media_type=MediaType.JSON,
        headers=headers or {},
    )
