"""Tokens of the Widget Data Service, taken back by operators."""

from typing import Annotated

from litestar import post
from litestar.exceptions import ClientException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter
from msgspec import Meta

from mesh.tokens import is_user
from schemas.account import Role
from schemas.naming import is_token_id
from schemas.wire import DecodeError, Wire, json_decoder
from services.control.access import needs
from services.control.audit import Audit
from services.control.caller import Asked, record
from services.control.revocations import Revocations


_TokenId = Annotated[str, PathParameter(description="As its claim `jti` says")]
_User = Annotated[str, PathParameter(description="The name of the user")]


class Reason(Wire, frozen=True, forbid_unknown_fields=True):
    """Why a token is taken back, for people; the body may be left out."""

    reason: Annotated[str, Meta(max_length=200)] = ""


_decode = json_decoder(Reason).decode


def revocation_routes(revocations: Revocations, audit: Audit) -> list[HTTPRouteHandler]:
    """What takes one token back, or all of a user."""

    @post("/v1/widgets-tokens/{token_id:str}/revoke", opt=needs(Role.OPERATOR), status_code=204)
    async def revoke(request: Asked, token_id: _TokenId) -> None:
        """Take one token back by its id (`jti`); connections that it opened end."""
        if not is_token_id(token_id):
            raise ValidationException(
                "the id of a token must be 1–64 letters, digits or - _: its claim `jti`"
            )
        reason = _reason(await request.body())
        await revocations.revoke(token_id, reason)
        await audit.write(record(request, "token.revoke", token_id, after={"reason": reason}))

    @post("/v1/users/{user:str}/revoke-tokens", opt=needs(Role.OPERATOR), status_code=204)
    async def revoke_all(request: Asked, user: _User) -> None:
        """Take all tokens of a user back; connections that they opened end."""
        if not is_user(user):
            raise ValidationException("a user must be 1–100 printable characters")
        await revocations.sign_out(user)
        await audit.write(record(request, "token.revoke-all", user))

    return [revoke, revoke_all]


def _reason(body: bytes) -> str:
    try:
        return _decode(body or b"{}").reason
    except DecodeError as error:
        raise ClientException(f"the body may hold a reason, and nothing else: {error}") from error
