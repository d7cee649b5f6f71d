"""The page: a handful of static files, each with a route of its own, read once and served from memory."""

from pathlib import Path

from litestar import get
from litestar.handlers import HTTPRouteHandler


WEB = Path(__file__).parent / "web"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def page() -> list[HTTPRouteHandler]:
    """The routes of all files of `web/`; `index.html` is at `/`."""
    return [_route(path) for path in sorted(WEB.iterdir()) if path.suffix in MEDIA_TYPES]


def _route(path: Path) -> HTTPRouteHandler:
    content = path.read_bytes()
    where = "/" if path.name == "index.html" else f"/{path.name}"

    @get(where, media_type=MEDIA_TYPES[path.suffix], sync_to_thread=False)
    def file() -> bytes:
        return content

    return file
