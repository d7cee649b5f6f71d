"""An OpenID Connect provider, as its discovery document describes it: the only module that talks to one.

Nothing of a code, token or secret is ever part of an error.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from mesh import clock
from mesh.address import check_secure
from mesh.errors import ProviderError, SignInError
from mesh.settings import Settings
from schemas.wire import Wire, json_decoder
from services.control import oidc_claims
from services.control.oidc_asking import OK, WITHIN_S, Asking, read
from services.control.oidc_claims import Claims, Names, Person, allowed_algorithms
from services.control.oidc_keys import Keys
from services.control.oidc_pending import Pending


WELL_KNOWN = "/.well-known/openid-configuration"
KEPT_S = 3600.0
"""For so long the provider is taken to be as it described itself."""

_BAD_REQUEST, _UNAUTHORIZED = 400, 401
_ERROR = re.compile(r"[a-z_]{1,64}")


class Described(Wire, frozen=True):
    """What a provider says of itself, as far as it matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _KeySet(Wire, frozen=True):
    keys: list[dict[str, Any]]


class _Tokens(Wire, frozen=True):
    id_token: str
    access_token: str = ""


class _Refusal(Wire, frozen=True):
    error: str


class SignedIn(NamedTuple):
    """Whom the provider vouches for, and the token with which it can be told of the sign-out."""

    person: Person
    id_token: str


_described = json_decoder(Described)
_key_set = json_decoder(_KeySet)
_tokens = json_decoder(_Tokens)
_refusal = json_decoder(_Refusal)
_object = json_decoder(dict[str, Any])


class Provider:
    """The provider that the settings name. Calls may overlap."""

    def __init__(self, settings: Settings, redirect_uri: str, http: httpx.AsyncClient) -> None:
        """Send people back to *redirect_uri*, which the provider must know."""
        self.issuer = settings.oidc_issuer
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._asking = Asking(self.issuer, http)
        self._keys = Keys(self._fetch_keys)
        self._is: Described | None = None
        self._read_s = 0.0

    async def address(self, pending: Pending) -> str:
        """Where a browser must go to sign in. Raises ProviderError, SignInError."""
        described = await self._describe()
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._settings.oidc_scopes,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": pending.challenge,
            "code_challenge_method": "S256",
        }
        return _with(described.authorization_endpoint, asked)

    async def check_sender(self, issuer: str | None) -> None:
        """Refuse an answer that another provider sent (RFC 9207). Raises ProviderError, SignInError."""
        announces = (await self._describe()).authorization_response_iss_parameter_supported
        if issuer != self.issuer and (issuer is not None or announces):
            raise SignInError("the answer is not from the provider that you were sent to")

    async def sign_in(self, code: str, pending: Pending, names: Names) -> SignedIn:
        """Change *code* for checked claims, with those that only the user info has if *names* needs them.

        Raises:
            SignInError: it is not believed.
            ProviderError: the provider does not answer, or not as one.
        """
        tokens = await self._redeem(code, pending.verifier)
        claims = await self._proved(tokens.id_token)
        client = self._settings.oidc_client_id
        oidc_claims.check(claims, self.issuer, client, pending.nonce, clock.now_ms() / 1000)
        if oidc_claims.lacks(claims, names):
            claims = {**await self._user_info(tokens.access_token, claims["sub"]), **claims}
        return SignedIn(oidc_claims.person(claims, names), tokens.id_token)

    async def goodbye(self, id_token: str, then: str) -> str:
        """Where a browser must go to sign out at the provider too, and come back to *then*; only that if it has no such place."""
        end = (await self._describe()).end_session_endpoint
        client = self._settings.oidc_client_id
        told = {"id_token_hint": id_token, "client_id": client, "post_logout_redirect_uri": then}
        return _with(end, told) if end else then

    async def _redeem(self, code: str, verifier: str) -> _Tokens:
        described = await self._describe()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        named, auth = _credentials(self._settings, described.token_endpoint_auth_methods_supported)
        status, content = await self._asking.ask(
            "POST", described.token_endpoint, data={**form, **named}, auth=auth
        )
        if status in (_BAD_REQUEST, _UNAUTHORIZED):
            raise SignInError(_why(read(_refusal, content).error))
        if status != OK:
            raise ProviderError(f"the provider {self.issuer} answered {status} to the code")
        return read(_tokens, content)

    async def _proved(self, token: str) -> Claims:
        """What a key of the provider has signed."""
        described = await self._describe()
        algorithms = allowed_algorithms(described.id_token_signing_alg_values_supported)
        try:
            try:
                return _signed(token, await self._keys.known(clock.monotonic_s()), algorithms)
            except InvalidKeyIdError:
                return _signed(token, await self._keys.renewed(clock.monotonic_s()), algorithms)
        except InvalidKeyIdError:
            raise SignInError("the provider signed with a key that it does not publish") from None
        except (JoseError, ValueError):  # not told on: its text may hold parts of the token
            raise SignInError("the provider's id token has no signature that holds") from None

    async def _user_info(self, access_token: str, subject: str) -> Claims:
        address = (await self._describe()).userinfo_endpoint
        if not address or not access_token:
            return {}
        bearer = {"Authorization": f"Bearer {access_token}"}
        claims = read(_object, await self._asking.get(address, bearer))
        if claims.get("sub") != subject:
            raise SignInError("the provider's user info is about somebody else")
        return claims

    async def _fetch_keys(self) -> list[dict[str, Any]]:
        return read(_key_set, await self._asking.get((await self._describe()).jwks_uri)).keys

    async def _describe(self) -> Described:
        now_s = clock.monotonic_s()
        if self._is is None or now_s - self._read_s >= KEPT_S:
            content = await self._asking.get(self.issuer.rstrip("/") + WELL_KNOWN)
            self._is, self._read_s = _believable(read(_described, content), self.issuer), now_s
        return self._is


@asynccontextmanager
async def open_provider(settings: Settings, redirect_uri: str) -> AsyncIterator[Provider]:
    """The provider that *settings* names, which sends people back to *redirect_uri*."""
    async with httpx.AsyncClient(timeout=WITHIN_S, follow_redirects=False) as http:
        yield Provider(settings, redirect_uri, http)


def _believable(described: Described, issuer: str) -> Described:
    """Refuse a document of another issuer, and addresses where anybody could listen."""
    if described.issuer != issuer:
        raise ProviderError(
            f"the provider at {issuer} calls itself {described.issuer!r}: MESH_OIDC_ISSUER must be exactly that"
        )
    addresses = (
        described.authorization_endpoint,
        described.token_endpoint,
        described.jwks_uri,
        described.userinfo_endpoint,
        described.end_session_endpoint,
    )
    for address in filter(None, addresses):
        try:
            check_secure(address)
        except ValueError as error:
            raise ProviderError(f"the provider {issuer} is not safe to use: {error}") from None
    return described


def _credentials(
    settings: Settings, methods: tuple[str, ...]
) -> tuple[dict[str, str], httpx.BasicAuth | None]:
    """What of the client goes into the form, and what into the header."""
    client, secret = settings.oidc_client_id, settings.oidc_client_secret
    if not secret:
        return {"client_id": client}, None
    if "client_secret_basic" in methods or "client_secret_post" not in methods:
        return {}, httpx.BasicAuth(quote_plus(client), quote_plus(secret))  # RFC 6749, 2.3.1
    return {"client_id": client, "client_secret": secret}, None


def _signed(token: str, keys: KeySet, algorithms: list[str]) -> Claims:
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    return jwt.decode(token, keys, registry=registry).claims


def _why(error: str) -> str:
    match error:
        case "invalid_grant":
            return "the provider does not take the code: it was used before, or is too old; begin again"
        case "invalid_client" | "unauthorized_client":
            return (
                "the provider does not know this program by its name and secret: "
                "see MESH_OIDC_CLIENT_ID and MESH_OIDC_CLIENT_SECRET"
            )
        case _:
            return f"the provider refused the code ({refusal(error)})"


def refusal(error: str) -> str:
    """The provider's *error* if it is one, for it comes through the browser too."""
    return error if _ERROR.fullmatch(error) else "an error without a name"


def _with(address: str, parameters: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"
