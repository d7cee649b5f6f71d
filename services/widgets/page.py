"""The page: a handful of static files, each with a route of its own, read once and served from memory.

On one machine, `index.html` carries a token of its own, so that whoever opens it sees something. It is
given only to a browser that asked for this machine by name: another site that points its own name at
127.0.0.1 (DNS rebinding) is given the page without.
"""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler


WEB = Path(__file__).parent / "web"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_HEAD = b"<head>"
NewToken = Callable[[], str]


def page(port: int, new_token: NewToken | None) -> list[HTTPRouteHandler]:
    """The routes of all files of `web/`; `index.html` is at `/`, with a new token each time if there is *new_token*."""
    files = sorted(path for path in WEB.iterdir() if path.suffix in MEDIA_TYPES)
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    return [
        _index(path, hosts, new_token) if path.name == "index.html" else _file(path)
        for path in files
    ]


def _file(path: Path) -> HTTPRouteHandler:
    content = path.read_bytes()

    @get(
        f"/{path.name}",
        media_type=MEDIA_TYPES[path.suffix],
        include_in_schema=False,
        sync_to_thread=False,
    )
    def file() -> bytes:
        return content

    return file


def _index(path: Path, hosts: frozenset[str], new_token: NewToken | None) -> HTTPRouteHandler:
    content = path.read_bytes()

    @get("/", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=False)
    def index(request: Request[Any, Any, Any]) -> Response[bytes]:
        shown = content
        if new_token is not None and request.headers.get("host") in hosts:
            meta = f'<meta name="mesh-token" content="{escape(new_token())}">'
            shown = content.replace(_HEAD, _HEAD + meta.encode(), 1)
        return Response(
            shown, media_type=MEDIA_TYPES[".html"], headers={"Cache-Control": "no-store"}
        )

    return index
