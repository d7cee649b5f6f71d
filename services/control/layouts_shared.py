"""Layouts that people let others see, and copies that others take."""

from typing import Annotated

from litestar import Response, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from mesh.kv import KeyValue
from schemas.account import Role
from schemas.control_naming import layouts_key
from schemas.layouts import MOST_DESK_BYTES, Desk, find_layout, parse_desk, with_layout
from schemas.wire import DecodeError, Wire
from services.control.access import needs
from services.control.audit import Audit
from services.control.caller import Asked, record
from services.control.layouts import CONFLICTS, Conflict, Revision, Written, answered, write
from services.control.shared_layouts import Share, Shared, SharedLayouts, ShareError
from services.control.sign_in import Nothing, only_sessions


_ShareId = Annotated[str, PathParameter(description="As the link says")]
_UNREADABLE = "your layouts are none that the page has written: restore an earlier version first"
_GONE = "nothing is shared here: the link is wrong, was revoked, or is past its end"
_MOST_TOLD = 100
"""Characters of a name that the audit keeps."""


class WantedShare(Wire, frozen=True, forbid_unknown_fields=True):
    """Let others see a layout as it is now."""

    name: Annotated[str, Meta(min_length=1)]


class Link(Wire, frozen=True):
    """Where others see it."""

    id: str
    path: str


class Shares(Wire, frozen=True):
    """What a user shares, newest first."""

    shares: list[Share]


class Take(Wire, frozen=True, forbid_unknown_fields=True):
    """Add a copy to one's own."""

    expected: Revision
    """The newest version of one's own that the caller knows; 0: there is none."""


_SHOWN = {200: ResponseSpec(Shared, generate_examples=False, description="What is shared")}


def sharing_routes(
    layouts: KeyValue, shared: SharedLayouts, audit: Audit
) -> list[HTTPRouteHandler]:
    """What lets others see layouts, and what they do then."""
    return [*_giving(layouts, shared, audit), *_taking(layouts, shared, audit)]


def _giving(layouts: KeyValue, shared: SharedLayouts, audit: Audit) -> list[HTTPRouteHandler]:
    @get("/v1/layouts/shares", opt=needs(Role.VIEWER))
    async def shares(request: Asked) -> Shares:
        """What the caller shares, newest first."""
        return Shares(await shared.of_user(request.user.user))

    @post("/v1/layouts/share", opt=needs(Role.VIEWER), status_code=201)
    async def share(request: Asked, data: JSONBody[WantedShare]) -> Link:
        """Let whoever is signed in and has the link see a layout of the caller's, as it is now, for 90 days."""
        only_sessions(request)
        entry = await layouts.get(layouts_key(request.user.user))
        layout = find_layout(_desk(entry.value), data.name) if entry and entry.value else None
        if layout is None:
            raise NotFoundException("you have no layout of this name: load the page again")
        try:
            share_id = await shared.share(request.user.user, data.name, layout)
        except ShareError as error:
            raise ClientException(str(error), status_code=409) from error
        await audit.write(record(request, "layouts.share", data.name[:_MOST_TOLD]))
        return Link(share_id, f"/layouts#shared={share_id}")

    @post("/v1/layouts/shares/{share_id:str}/revoke", opt=needs(Role.VIEWER), status_code=200)
    async def revoke(request: Asked, share_id: _ShareId) -> Nothing:
        """Let nobody see it any more; copies that were taken stay with who took them."""
        only_sessions(request)
        name = await shared.revoke(request.user.user, share_id)
        if name is None:
            raise NotFoundException("you share nothing under this id: it may be past its end")
        await audit.write(record(request, "layouts.revoke", name[:_MOST_TOLD]))
        return Nothing()

    return [shares, share, revoke]


def _taking(layouts: KeyValue, shared: SharedLayouts, audit: Audit) -> list[HTTPRouteHandler]:
    @get("/v1/layouts/shared/{share_id:str}", opt=needs(Role.VIEWER), responses=_SHOWN)
    async def read(share_id: _ShareId) -> Response[bytes]:
        """What somebody shares under this id."""
        return answered(200, await _require(shared, share_id))

    @post("/v1/layouts/shared/{share_id:str}/take", opt=needs(Role.VIEWER), status_code=200, responses=CONFLICTS)  # fmt: skip
    async def take(request: Asked, share_id: _ShareId, data: JSONBody[Take]) -> Response[bytes]:
        """Add a copy to the caller's layouts, under a name that is free, if nobody has written them since."""
        only_sessions(request)
        found = await _require(shared, share_id)
        entry = await layouts.get(layouts_key(request.user.user))
        own = _desk(entry.value) if entry and entry.value not in (None, b"null") else None
        name, document = with_layout(own, found.layout)
        if len(document) > MOST_DESK_BYTES:
            raise ClientException("your layouts would become too large: delete one first")
        written = await write(layouts, request, document, data.expected)
        if isinstance(written, Conflict):
            return answered(409, written)
        await audit.write(
            record(request, "layouts.take", name[:_MOST_TOLD], after={"owner": found.owner})
        )
        return answered(200, Written(written, name))

    return [read, take]


def _desk(document: bytes | None) -> Desk:
    try:
        return parse_desk(document or b"")
    except DecodeError as error:
        raise ClientException(_UNREADABLE, status_code=422) from error


async def _require(shared: SharedLayouts, share_id: str) -> Shared:
    found = await shared.find(share_id)
    if found is None:
        raise NotFoundException(_GONE)
    return found
