"""The layouts of whoever is signed in: earlier versions, and one of them made the newest again.

The page writes them through the Widget Data Service; what is written here is written the same way, by who knows what was
there before.
"""

from typing import Annotated

from litestar import MediaType, Response, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta

from mesh.errors import FencedError
from mesh.kv import KeyValue
from schemas.account import Role
from schemas.control_naming import layouts_key
from schemas.layouts import parse_desk
from schemas.wire import DecodeError, Wire, encode_json
from services.control.access import needs
from services.control.audit import Audit
from services.control.caller import Asked, record
from services.control.layout_versions import History, newest, version_of
from services.control.sign_in import only_sessions


Revision = Annotated[int, Meta(ge=0, le=1 << 53)]


class Restore(Wire, frozen=True, forbid_unknown_fields=True):
    """Make an earlier version the newest."""

    revision: Revision
    """Of that version."""
    expected: Revision
    """The newest that the caller knows."""


class Written(Wire, frozen=True):
    """The newest version now."""

    revision: int
    name: str = ""
    """Of the layout that was added, if one was."""


class Conflict(Wire, frozen=True):
    """Somebody has written since, another browser of the same user for one."""

    message: str
    revision: int
    """The newest."""


CONFLICTS = {409: ResponseSpec(Conflict, generate_examples=False, description="Written since")}


def layout_routes(layouts: KeyValue, audit: Audit) -> list[HTTPRouteHandler]:
    """What reads and restores versions."""

    @get("/v1/layouts/history", opt=needs(Role.VIEWER))
    async def history(request: Asked) -> History:
        """The versions of the caller's layouts that are kept, newest first, and what is in each."""
        found = await layouts.history(layouts_key(request.user.user))
        return History(newest(found), [version_of(each) for each in found if each.value])

    @post("/v1/layouts/restore", opt=needs(Role.VIEWER), status_code=200, responses=CONFLICTS)
    async def restore(request: Asked, data: JSONBody[Restore]) -> Response[bytes]:
        """Make an earlier version the newest, if nobody has written since."""
        only_sessions(request)
        found = await layouts.history(layouts_key(request.user.user))
        wanted = next((each for each in found if each.revision == data.revision), None)
        if wanted is None or wanted.value is None:
            raise NotFoundException("this version is not kept any more: load the page again")
        try:
            parse_desk(wanted.value)
        except DecodeError as error:
            raise ClientException(f"this version holds no layouts: {error}") from error
        written = await write(layouts, request, wanted.value, data.expected)
        if isinstance(written, Conflict):
            return answered(409, written)
        await audit.write(
            record(request, "layouts.restore", before=data.expected, after=data.revision)
        )
        return answered(200, Written(written))

    return [history, restore]


async def write(
    layouts: KeyValue, request: Asked, document: bytes, expected: int
) -> int | Conflict:
    """The revision; or what is there, if that is not *expected*."""
    key = layouts_key(request.user.user)
    try:
        return await layouts.put_if(key, document, expected)
    except FencedError:
        entry = await layouts.get(key)
        message = "your layouts were changed in another window since: look at what is there now"
        return Conflict(message, 0 if entry is None else entry.revision)


def answered(status: int, content: Wire) -> Response[bytes]:
    """*content* as it is: what of it is `Raw` is not looked into."""
    return Response(encode_json(content), status_code=status, media_type=MediaType.JSON)
