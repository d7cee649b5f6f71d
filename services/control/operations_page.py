"""The operations page: files that are served as they are, each with a route of its own. They hold no data."""

from pathlib import Path

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from services.control.access import ANYBODY


WEB = Path(__file__).parent / "web"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def operations_page() -> list[HTTPRouteHandler]:
    """`/operations`, and what it loads."""
    return [_file(path) for path in sorted(WEB.glob("operations*"))]


def _file(path: Path) -> HTTPRouteHandler:
    content = path.read_bytes()
    place = f"/{path.stem}" if path.suffix == ".html" else f"/{path.name}"

    @get(place, opt=ANYBODY, include_in_schema=False, sync_to_thread=False)
    def file() -> Response[bytes]:
        return Response(
            content, media_type=_MEDIA_TYPES[path.suffix], headers={"Cache-Control": "no-cache"}
        )

    return file
