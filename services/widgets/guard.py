"""Which pages may open a WebSocket: asked before the handshake is answered."""

from collections.abc import Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from services.widgets.credentials import origin_allowed


Asked = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Asked, BaseRouteHandler], None]


def from_pages(origins: frozenset[str]) -> Guard:
    """Lets in the pages of *origins*, exactly as browsers name them, and who is no page and so has no `Origin`."""

    def from_page(connection: Asked, _: BaseRouteHandler) -> None:
        origin = connection.headers.get("origin")
        if not origin_allowed(origin, origins):
            raise PermissionDeniedException(f"no page of {str(origin)[:200]!r} may connect here")

    return from_page
