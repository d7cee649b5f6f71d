"""Personal API tokens over HTTP: made, listed and revoked by whoever is signed in. With a token none of that can be done."""

from typing import Annotated

from litestar import get, post
from litestar.exceptions import (
    ClientException,
    NotFoundException,
    PermissionDeniedException,
)
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from mesh.scopes import allowed
from mesh.tokens import MAX_SCOPES, are_scopes
from schemas.account import Role
from schemas.wire import Wire
from services.control.access import needs
from services.control.api_token import ApiToken
from services.control.api_tokens import LONGEST_DAYS, ApiTokens, TooManyError
from services.control.audit import Audit
from services.control.caller import Asked, Caller, record
from services.control.revocations import Revocations
from services.control.viewing import Viewing


_TokenId = Annotated[str, PathParameter(description="As the list says")]


class NewApiToken(Wire, frozen=True, forbid_unknown_fields=True):
    """What a token is to be."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    """For the user to know it by."""
    role: Role = Role.VIEWER
    """What it may do: no more than its user may."""
    scopes: Annotated[tuple[str, ...], Meta(max_length=MAX_SCOPES)] = ()
    """Patterns of the feeds that it may see; empty: what its user may see."""
    days: Annotated[float, Meta(gt=0, le=LONGEST_DAYS)] = 90.0


class Shown(Wire, frozen=True, kw_only=True):
    """A token, without its text."""

    id: str
    name: str
    role: Role
    scopes: list[str]
    created_ms: int
    expires_ms: int
    used_ms: int
    """When it was used last, to about an hour; 0: never."""


class Made(Wire, frozen=True):
    """A new token."""

    token: str
    """Its text, which is shown now and never again."""
    api_token: Shown


class Listed(Wire, frozen=True):
    """The tokens of a user, oldest first."""

    api_tokens: list[Shown]


def api_token_routes(
    tokens: ApiTokens, viewing: Viewing, revocations: Revocations, audit: Audit
) -> list[HTTPRouteHandler]:
    """What makes, lists and revokes them."""

    @get("/v1/api-tokens", opt=needs(Role.VIEWER), sync_to_thread=False)
    def listed(request: Asked) -> Listed:
        """The tokens of the caller, never their texts."""
        return Listed([_shown(each) for each in tokens.of_user(_person(request.user))])

    @post("/v1/api-tokens", opt=needs(Role.VIEWER), status_code=201)
    async def create(request: Asked, data: JSONBody[NewApiToken]) -> Made:
        """A new token of the caller; its text is in this answer and nowhere else."""
        user = _person(request.user)
        _check(request.user, data, viewing)
        try:
            text, made = await tokens.create(
                user, data.name, data.role, list(data.scopes), data.days
            )
        except TooManyError as error:
            raise ClientException(str(error), status_code=409) from error
        await audit.write(record(request, "api-token.create", made.id, after=_shown(made)))
        return Made(text, _shown(made))

    @post("/v1/api-tokens/{token_id:str}/revoke", opt=needs(Role.VIEWER), status_code=204)
    async def revoke(request: Asked, token_id: _TokenId) -> None:
        """Revoke a token of the caller's, or, for an admin, of anybody; what it got from here ends with it."""
        user, found = _person(request.user), tokens.find(token_id)
        is_admin = request.user.role is Role.ADMIN
        if found is None or (found.user != user and not is_admin):
            raise NotFoundException("you have no API token with this id: the list names them all")
        await tokens.revoke(found)
        await revocations.sign_out(found.user, may_return=True)
        await audit.write(record(request, "api-token.revoke", token_id, before=_shown(found)))

    return [listed, create, revoke]


def _person(caller: Caller) -> str:
    """The user, who must be here in person: a token that leaked must not make others that outlive it."""
    if caller.kind != "session":
        raise PermissionDeniedException("API tokens are managed by who is signed in, not by tokens")
    return caller.user


def _check(caller: Caller, wanted: NewApiToken, viewing: Viewing) -> None:
    role = caller.role or Role.VIEWER
    if not wanted.name.isprintable():
        raise ClientException("the name of a token must be printable characters")
    if not role.covers(wanted.role):
        raise PermissionDeniedException(
            f"a token may not do more than its user: you are {role}, and {wanted.role} is more"
        )
    if wanted.scopes and not are_scopes(wanted.scopes):
        raise ClientException("scopes must be patterns of feeds, like board/* or alert/>")
    mine = viewing.scopes(caller.user, wanted.role)
    beyond = [each for each in wanted.scopes if not allowed(mine, each)]
    if beyond:
        raise PermissionDeniedException(f"you may not see {', '.join(beyond)}")


def _shown(token: ApiToken) -> Shown:
    return Shown(
        id=token.id,
        name=token.name,
        role=token.role,
        scopes=token.scopes,
        created_ms=token.created_ms,
        expires_ms=token.expires_ms,
        used_ms=token.used_ms,
    )
