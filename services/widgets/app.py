"""The web application: the page at `/`, the protocol at `/ws`, and the program's health."""

from collections.abc import Sequence
from typing import Any

from litestar import Litestar, MediaType, Response, get
from litestar.config.cors import CORSConfig
from litestar.datastructures import ResponseHeader
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ControllerRouterHandler

from mesh.health import VERSION, Ask, readyz
from schemas.wire import encode_json
from services.widgets.described import asyncapi, json_schema
from services.widgets.hub import Hub
from services.widgets.rest import refused


POLICY = "Content-Security-Policy"
HEADERS = {
    POLICY: "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def build(
    hub: Hub,
    routes: Sequence[ControllerRouterHandler],
    ask: Ask,
    origins: frozenset[str],
    control_url: str = "",
) -> Litestar:
    """The application: *routes*, and those of its health.

    Args:
        hub: feeds and clients.
        routes: everything that is for clients.
        ask: whether the program does its job.
        origins: of pages that may load widgets from here and ask for data, exactly as browsers name them.
        control_url: address of the control plane, which the page may ask for tokens; empty: it is not asked.
    """
    headers = HEADERS
    if control_url:
        headers = {**HEADERS, POLICY: f"{HEADERS[POLICY]}; connect-src 'self' {control_url}"}

    @get("/healthz", sync_to_thread=False)
    def healthz() -> dict[str, Any]:
        return {"status": "ok", "feeds": hub.catalogue.names, "clients": hub.clients}

    @get("/readyz", sync_to_thread=False)
    def ready() -> Response[bytes]:
        status, report = readyz(ask())
        return Response(encode_json(report), status_code=status, media_type=MediaType.JSON)

    @get("/schema/widget.json", include_in_schema=False, sync_to_thread=False)
    def frames() -> dict[str, Any]:
        return json_schema()

    @get("/schema/asyncapi.json", include_in_schema=False, sync_to_thread=False)
    def conversation() -> dict[str, Any]:
        return asyncapi()

    return Litestar(
        [*routes, healthz, ready, frames, conversation],
        response_headers=[
            ResponseHeader(name=name, value=value) for name, value in headers.items()
        ],
        exception_handlers={HTTPException: refused},
        cors_config=CORSConfig(
            allow_origins=sorted(origins), allow_methods=["GET"], allow_headers=["authorization"]
        ),
        openapi_config=OpenAPIConfig(
            title="tickmesh Widget Data Service",
            version=VERSION,
            path="/schema",
            use_handler_docstrings=True,
            render_plugins=[JsonRenderPlugin()],
            components=Components(
                security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
            ),
            security=[{"token": []}],
        ),
        logging_config=None,
    )
