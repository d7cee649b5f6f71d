"""The web application: the page at `/`, the protocol at `/ws`, and the program's health."""

import asyncio
from typing import Any

from litestar import Litestar, MediaType, Response, WebSocket, get, websocket
from litestar.connection import ASGIConnection
from litestar.datastructures import ResponseHeader
from litestar.exceptions import PermissionDeniedException, WebSocketDisconnect
from litestar.handlers import BaseRouteHandler

from mesh import clock
from mesh.health import VERSION, Ask, readyz
from schemas.widget import CLOSE_RESTARTING, PROTOCOL, Hello
from schemas.wire import encode_json
from services.widgets.hub import Hub
from services.widgets.page import page
from services.widgets.session import Session


HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

Socket = WebSocket[Any, Any, Any]
Asked = ASGIConnection[Any, Any, Any, Any]


def build(hub: Hub, source: str, origins: frozenset[str], ask: Ask) -> Litestar:
    """The application over *hub*.

    Args:
        hub: feeds and clients.
        source: what the page says about the data: `live`, `tape` or `simulated`.
        origins: the pages that may open `/ws`, exactly as browsers name them. A request without an
            `Origin` does not come from a page, and is let in.
        ask: whether the program does its job.
    """

    def from_our_page(connection: Asked, _: BaseRouteHandler) -> None:
        origin = connection.headers.get("origin")
        if origin is not None and origin not in origins:
            raise PermissionDeniedException(f"no page of {origin[:200]!r} may connect here")

    @websocket("/ws", guards=[from_our_page])
    async def stream(socket: Socket) -> None:
        await socket.accept()
        with hub.joined() as wake:
            session = Session(hub.catalogue, _hello(hub, source))
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_read(socket, session, wake))
                    tasks.create_task(_write(socket, session, wake, hub))
            except* (WebSocketDisconnect, OSError):
                pass  # the client is gone, or we closed it: there is nobody to tell

    @get("/healthz", sync_to_thread=False)
    def healthz() -> dict[str, Any]:
        return {"status": "ok", "feeds": hub.catalogue.names, "clients": hub.clients}

    @get("/readyz", sync_to_thread=False)
    def ready() -> Response[bytes]:
        status, report = readyz(ask())
        return Response(encode_json(report), status_code=status, media_type=MediaType.JSON)

    return Litestar(
        [stream, healthz, ready, *page()],
        response_headers=[
            ResponseHeader(name=name, value=value) for name, value in HEADERS.items()
        ],
        openapi_config=None,
        logging_config=None,
    )


def own_origins(port: int) -> frozenset[str]:
    """The origins of the page itself."""
    return frozenset({f"http://127.0.0.1:{port}", f"http://localhost:{port}"})


def _hello(hub: Hub, source: str) -> Hello:
    return Hello(PROTOCOL, VERSION, source, int(clock.now_ms()), hub.catalogue.names)


async def _read(socket: Socket, session: Session, wake: asyncio.Event) -> None:
    while True:
        session.on_text(await socket.receive_text())
        wake.set()


async def _write(socket: Socket, session: Session, wake: asyncio.Event, hub: Hub) -> None:
    """Send what the session owes; each send waits until the client has room for it."""
    while not hub.closing:
        frame = session.next_frame()
        if frame is None:
            await wake.wait()
            wake.clear()
        else:
            await socket.send_text(frame)
            hub.frames_sent += 1
    await socket.close(CLOSE_RESTARTING, "service is stopping")
