"""Layouts of the page, by user: written only by who knows what was there before."""

from typing import Any

from litestar import MediaType, Request, Response, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Raw

from mesh.errors import BrokerError, FencedError, TokenError
from mesh.kv import KeyValue
from schemas.control_naming import layouts_key
from schemas.layouts import MOST_BYTES
from schemas.wire import DecodeError, Wire, encode_json, json_decoder
from services.widgets.door import Door
from services.widgets.rest import Refusal, request_token, responses


_NOTHING = Raw(b"null")
Asked = Request[Any, Any, Any]


class Kept(Wire, frozen=True):
    """Layouts at a revision."""

    revision: int
    """0: there are none yet."""
    desk: Raw
    """As the page made it; null if there are none."""


class Revision(Wire, frozen=True):
    """What was written has this revision."""

    revision: int


_decode = json_decoder(Kept).decode
_CONFLICT = ResponseSpec(
    Kept, generate_examples=False, description="Somebody else wrote since; this is it."
)


def layout_routes(door: Door, layouts: KeyValue) -> list[HTTPRouteHandler]:
    """What reads and writes the layouts of whoever asks."""

    @get("/v1/layouts", responses=responses(Kept, 503))
    async def read(request: Asked) -> Response[bytes]:
        """The layouts of the user, and their revision."""
        try:
            return _json(200, await _kept(layouts, _key(door, request)))
        except TokenError as error:
            return _json(401, Refusal(str(error)))
        except BrokerError as error:
            return _json(503, Refusal(str(error)))

    @put("/v1/layouts", responses={**responses(Revision, 503), 409: _CONFLICT}, request_max_body_size=MOST_BYTES)  # fmt: skip
    async def write(request: Asked) -> Response[bytes]:
        """Write the layouts of the user, if they still have the revision that is named."""
        try:
            key = _key(door, request)
            return await _write(layouts, key, _decode(await request.body()))
        except TokenError as error:
            return _json(401, Refusal(str(error)))
        except DecodeError as error:
            return _json(400, Refusal(str(error)))
        except BrokerError as error:
            return _json(503, Refusal(str(error)))

    return [read, write]


async def _write(layouts: KeyValue, key: str, wanted: Kept) -> Response[bytes]:
    try:
        revision = await layouts.put_if(key, bytes(wanted.desk), wanted.revision)
    except FencedError:
        return _json(409, await _kept(layouts, key))
    return _json(200, Revision(revision))


async def _kept(layouts: KeyValue, key: str) -> Kept:
    entry = await layouts.get(key)
    return Kept(0, _NOTHING) if entry is None else Kept(entry.revision, Raw(entry.value or b"null"))


def _key(door: Door, request: Asked) -> str:
    """Of whoever asks. Raises TokenError."""
    token = door.visit(request_token(request)).token
    return layouts_key("" if token is None else token.user)


def _json(status: int, content: Wire) -> Response[bytes]:
    return Response(encode_json(content), status_code=status, media_type=MediaType.JSON)
