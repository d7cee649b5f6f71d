"""The page: a handful of static files, each with a route of its own, read once and served from memory.

They are what `services/widgets/web` is built into (`make setup`). On one machine, a document carries a token
of its own, so that whoever opens it sees something. It is given only to a browser that asked for this machine
by name: another site that points its own name at 127.0.0.1 (DNS rebinding) is given the page without. A document
without a token says where the control plane is, which gives one to whoever is signed in.
"""

import gzip
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler


WEB = Path(__file__).parent / "web" / "dist"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_HEAD = b"<head>"
_NOT_BUILT = b"<!doctype html><title>tickmesh</title><p>This page is not built yet: <code>make setup</code> builds it."
_NAMED_BY_CONTENT = re.compile(r"-[A-Z0-9]{8}\.js$")
_FOR_EVER = "public, max-age=31536000, immutable"
NewToken = Callable[[], str]
Asked = Request[Any, Any, Any]


def page(port: int, new_token: NewToken | None, control_url: str) -> list[HTTPRouteHandler]:
    """The routes of all files of the page; `index.html` is at `/`.

    Args:
        port: of the page.
        new_token: makes a token for each document that this machine asks for; None: there are none.
        control_url: address of the control plane, for documents without one; empty: they do without.
    """
    files = {path.name: path for path in WEB.glob("*") if path.suffix in MEDIA_TYPES}
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    documents = {
        name: files.pop(name).read_bytes() for name in sorted(files) if name.endswith(".html")
    }
    control = _meta("mesh-control", control_url) if control_url else b""

    def document(place: str, content: bytes) -> HTTPRouteHandler:
        return _document(place, content, hosts, new_token, control)

    index = documents.pop("index.html", _NOT_BUILT)
    return [
        document("/", index),
        *(document(f"/{name}", documents[name]) for name in documents),
        *(_file(files[name]) for name in sorted(files)),
    ]


def _file(path: Path) -> HTTPRouteHandler:
    content = path.read_bytes()
    packed = gzip.compress(content, mtime=0)
    kept = {"Cache-Control": _FOR_EVER} if _NAMED_BY_CONTENT.search(path.name) else {}

    @get(f"/{path.name}", include_in_schema=False, sync_to_thread=False)
    def file(request: Asked) -> Response[bytes]:
        packs = "gzip" in request.headers.get("accept-encoding", "")
        return Response(
            packed if packs else content,
            media_type=MEDIA_TYPES[path.suffix],
            headers={"Vary": "Accept-Encoding, Origin", **kept}
            | ({"Content-Encoding": "gzip"} if packs else {}),
        )

    return file


def _document(
    place: str, content: bytes, hosts: frozenset[str], new_token: NewToken | None, control: bytes
) -> HTTPRouteHandler:
    @get(place, media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=False)
    def document(request: Asked) -> Response[bytes]:
        meta = control
        if new_token is not None and request.headers.get("host") in hosts:
            meta = _meta("mesh-token", new_token())
        shown = content.replace(_HEAD, _HEAD + meta, 1)
        return Response(
            shown, media_type=MEDIA_TYPES[".html"], headers={"Cache-Control": "no-store"}
        )

    return document


def _meta(name: str, content: str) -> bytes:
    return f'<meta name="{name}" content="{escape(content)}">'.encode()
