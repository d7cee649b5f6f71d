"""Requests that may come twice: the second gets the answer of the first (header `Idempotency-Key`)."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import NamedTuple

from litestar import MediaType, Response
from msgspec import Raw

from mesh import clock
from mesh.connection import Connection
from mesh.errors import FencedError
from mesh.kv import KeyValue
from schemas.naming import Bucket
from schemas.wire import Wire, encode_json, json_decoder
from services.control.app import Refusal
from services.control.caller import Asked


KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"

_MOST_CHARACTERS = 200
_PATIENCE_MS = 30_000
"""Whoever has begun and not answered for so long has died."""
_BUSY = "this request is being carried out: ask again in a moment"
_NOTHING = Raw(b"null")


class Answer(NamedTuple):
    """An answer: a status and a JSON value."""

    status: int
    content: bytes


class _Given(Wire, frozen=True):
    request: str
    """A digest: the same key with another request is a mistake."""
    begun_ms: int
    status: int = 0
    """0: not answered yet."""
    content: Raw = _NOTHING


_decode = json_decoder(_Given).decode


class Answers:
    """The answers of a day."""

    def __init__(self, connection: Connection) -> None:
        self._bucket = KeyValue(connection, Bucket.ANSWERS)

    async def once(
        self, request: Asked, carry_out: Callable[[], Awaitable[Answer]]
    ) -> Response[bytes]:
        """Answer with what *carry_out* gives, or with what it gave the first time that this caller sent this key."""
        key = request.headers.get(KEY_HEADER)
        if key is None:
            return _response(await carry_out())
        place = _digest(request.user.user, key)
        begun = _Given(await _digest_of(request), int(clock.now_ms()))
        revision = await self._begin(key, place, begun)
        if isinstance(revision, Response):
            return revision
        answer = await carry_out()
        done = _Given(begun.request, begun.begun_ms, answer.status, Raw(answer.content))
        await self._bucket.put_if(place, encode_json(done), revision)
        return _response(answer)

    async def _begin(self, key: str, place: str, begun: _Given) -> int | Response[bytes]:
        """The revision at which the answer is to be put; or the answer, if the request is not to be carried out."""
        if not 0 < len(key) <= _MOST_CHARACTERS:
            return _refusal(400, f"{KEY_HEADER} must have 1 to {_MOST_CHARACTERS} characters")
        found = await self._bucket.get(place)
        if found is not None and found.value is not None:
            given = _decode(found.value)
            if given.request != begun.request:
                return _refusal(
                    422, f"this {KEY_HEADER} was sent with another request: choose another"
                )
            if given.status:
                return _response(Answer(given.status, bytes(given.content)), replayed=True)
            if begun.begun_ms - given.begun_ms < _PATIENCE_MS:
                return _refusal(409, _BUSY)
        try:
            revision = 0 if found is None else found.revision
            return await self._bucket.put_if(place, encode_json(begun), revision)
        except FencedError:
            return _refusal(409, _BUSY)


async def _digest_of(request: Asked) -> str:
    matched = request.headers.get("If-Match", "")
    return _digest(request.method, request.url.path, matched, (await request.body()).hex())


def _digest(*parts: str) -> str:
    """One token for all of *parts*, which may hold anything."""
    return sha256(encode_json(parts)).hexdigest()


def _refusal(status: int, message: str) -> Response[bytes]:
    return _response(Answer(status, encode_json(Refusal(message))))


def _response(answer: Answer, *, replayed: bool = False) -> Response[bytes]:
    headers = {REPLAYED_HEADER: "true"} if replayed else {}
    return Response(
        answer.content, status_code=answer.status, media_type=MediaType.JSON, headers=headers
    )
