"""Tokens of the Widget Data Service: given to whoever is signed in or has an API token."""

from typing import Annotated

from litestar import get, post
from litestar.exceptions import (
    ClientException,
    PermissionDeniedException,
    ServiceUnavailableException,
)
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from mesh import clock
from mesh.errors import MeshError
from mesh.published_keys import LONGEST_S
from mesh.tokens import MAX_SCOPES, are_scopes, new_content
from schemas.account import Role
from schemas.token_keys import KeySet
from schemas.wire import DecodeError, Wire, json_decoder
from services.control.access import ANYBODY, needs
from services.control.caller import Asked
from services.control.revocations import Revocations
from services.control.signing import SigningKeys
from services.control.viewing import Viewing, common


class Wanted(Wire, frozen=True, forbid_unknown_fields=True):
    """What the token is to be; the body may be left out."""

    scopes: Annotated[tuple[str, ...], Meta(max_length=MAX_SCOPES)] = ()
    """Patterns of feeds; empty: all that the caller may see."""
    minutes: Annotated[float, Meta(gt=0, le=LONGEST_S / 60)] = LONGEST_S / 60


class Issued(Wire, frozen=True):
    """A token for the Widget Data Service."""

    token: str
    user: str
    scopes: list[str]
    expires_ms: int


_decode_wanted = json_decoder(Wanted).decode


def widgets_token_routes(
    keys: SigningKeys, viewing: Viewing, revocations: Revocations
) -> list[HTTPRouteHandler]:
    """What gives tokens, and says by which keys they are proved."""

    @get("/.well-known/jwks.json", opt=ANYBODY, sync_to_thread=False)
    def jwks() -> KeySet:
        """The public keys of the tokens, a JSON Web Key Set."""
        return keys.published

    @post("/v1/widgets-token", opt=needs(Role.VIEWER), status_code=200)
    async def issue(request: Asked) -> Issued:
        """A token for `Authorization: Bearer` at the Widget Data Service, for a quarter of an hour at most."""
        wanted = _wanted(await request.body())
        caller = request.user
        own = viewing.scopes(caller.user, caller.role or Role.VIEWER, caller.scopes)
        scopes = own
        if wanted.scopes:
            scopes = common(wanted.scopes, own)
        if not scopes:
            raise PermissionDeniedException(
                "there is nothing that you may see of what you ask for: an operator can change that"
            )
        now_ms = clock.now_ms()
        issued_s = revocations.issued_s(caller.user, now_ms)
        lasts_s = wanted.minutes * 60
        try:
            token = keys.sign(new_content(caller.user, scopes, lasts_s, issued_s, LONGEST_S))
        except ValueError as error:
            raise ClientException(str(error)) from error
        except MeshError as error:
            raise ServiceUnavailableException(str(error)) from error
        return Issued(token, caller.user, list(scopes), int((issued_s + lasts_s) * 1000))

    return [jwks, issue]


def _wanted(body: bytes) -> Wanted:
    try:
        wanted = _decode_wanted(body or b"{}")
    except DecodeError as error:
        raise ClientException(f"the body must say which token you want: {error}") from error
    if wanted.scopes and not are_scopes(wanted.scopes):
        raise ClientException("scopes must be patterns of feeds, like board/* or alert/>")
    return wanted
