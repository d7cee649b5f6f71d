"""The pages of sign-in, account and layouts: files that are served as they are, each with a route of its own. They hold no data."""

from pathlib import Path

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from services.control.access import ANYBODY


WEB = Path(__file__).parent / "web"

_FILES = {
    "/sign-in": "sign-in.html",
    "/sign-in.js": "sign-in.js",
    "/welcome": "welcome.html",
    "/register": "welcome.html",
    "/welcome.js": "welcome.js",
    "/account": "account.html",
    "/account.js": "account.js",
    "/account-users.js": "account-users.js",
    "/layouts": "layouts.html",
    "/layouts.js": "layouts.js",
    "/people.css": "people.css",
    "/people.js": "people.js",
    "/people.svg": "people.svg",
}
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def pages() -> list[HTTPRouteHandler]:
    """What people see, and what it loads; `/` leads to the account."""

    @get("/", opt=ANYBODY, include_in_schema=False, sync_to_thread=False)
    def home() -> Redirect:
        return Redirect("/account")

    return [home, *(_file(place, WEB / name) for place, name in _FILES.items())]


def _file(place: str, path: Path) -> HTTPRouteHandler:
    content = path.read_bytes()

    @get(place, opt=ANYBODY, include_in_schema=False, sync_to_thread=False)
    def file() -> Response[bytes]:
        return Response(
            content, media_type=_MEDIA_TYPES[path.suffix], headers={"Cache-Control": "no-cache"}
        )

    return file
