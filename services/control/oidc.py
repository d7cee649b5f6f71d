"""Signing in at an OpenID Connect provider, and being signed in here when the browser comes back.

`GET /sign-in/oidc/callback` is the one GET that begins a session: OpenID Connect has the provider
send the browser there by a redirect. It does so once for each sign-in that was begun, in the browser
that began it, and with a code that nobody else can change for tokens.
"""

from contextlib import AbstractAsyncContextManager, nullcontext
from html import escape
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from litestar import MediaType, Response, get
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import Redirect

from mesh import clock
from mesh.errors import BrokerError, FencedError, MeshError, ProviderError, SignInError
from mesh.kv import KeyValue
from mesh.settings import Settings
from schemas.account import Role, User
from schemas.audit import refused
from schemas.claims import parse_role_values
from services.control import oidc_pending
from services.control.access import ANYBODY
from services.control.accounts import AccountError, Accounts
from services.control.audit import Audit
from services.control.caller import Asked, record
from services.control.door import Door, Unseen
from services.control.oidc_claims import Names, Person
from services.control.oidc_pending import LASTS_S, Pending
from services.control.oidc_provider import Provider, SignedIn, open_provider, refusal
from services.control.onward import onward
from services.control.secret import digest
from services.control.sessions import Sessions
from services.control.sign_in import SIGN_IN, SaysGoodbye
from services.control.sign_in import Provider as Offered


START = "/sign-in/oidc"
CALLBACK = f"{START}/callback"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>Not signed in · tickmesh</title>
<link rel="icon" href="/people.svg">
<link rel="stylesheet" href="/people.css">
</head>
<body class="alone">
<main class="card">
  <h1>You are not signed in</h1>
  <p class="wrong" role="alert">{why}.</p>
  <p><a href="/sign-in/oidc">Try again</a>, or <a href="/sign-in">sign in otherwise</a></p>
</main>
</body>
</html>
"""
_Sent = Annotated[str, QueryParameter(max_length=4096)]
_ACTION = "sign-in"
_NOT_BEGUN = "this browser has begun no such sign-in, or too long ago"


class _Answer(NamedTuple):
    """What the provider says through the browser."""

    state: str
    code: str
    issuer: str | None
    error: str


class Way(NamedTuple):
    """All that it takes to sign in with a provider."""

    provider: Provider
    names: Names
    accounts: Accounts
    sessions: Sessions
    used: KeyValue
    """The sign-ins that are done, for longer than any of them lasts."""
    door: Door
    audit: Audit
    origins: frozenset[str]
    cookie: str
    is_secure: bool
    """Whether browsers send cookies over TLS alone."""


def opened(settings: Settings, page: str) -> AbstractAsyncContextManager[Provider | None]:
    """The provider that *settings* name, which sends people back to *page*; None if they name none."""
    if not settings.oidc_issuer:
        return nullcontext()
    return open_provider(settings, page + CALLBACK)


def names(settings: Settings) -> Names:
    """Where claims say what is asked of them."""
    return Names(
        settings.oidc_name_claim,
        settings.oidc_role_claim,
        parse_role_values(settings.oidc_roles),
        Role.VIEWER if settings.oidc_default_role == "viewer" else None,
    )


def offered(provider: Provider | None) -> list[Offered]:
    """What the page of sign-in offers beside a password."""
    if provider is None:
        return []
    return [Offered(urlsplit(provider.issuer).netloc, START)]


def goodbye(provider: Provider | None, page: str) -> SaysGoodbye | None:
    """Tells where people sign out at the provider too, and come back to *page*."""
    if provider is None:
        return None

    async def further(id_token: str) -> str:
        try:
            return await provider.goodbye(id_token, page + SIGN_IN)
        except SignInError:  # it is away: here the person is signed out all the same
            return SIGN_IN

    return further


def oidc_routes(way: Way) -> list[HTTPRouteHandler]:
    """What takes people to the provider and brings them back."""
    unseen = Unseen()

    @get(START, opt=ANYBODY, include_in_schema=False)
    async def start(request: Asked, next: _Sent = "") -> Response[str]:  # noqa: A002 (as the other way in calls it)
        """Go to the provider. Keeps nothing here: what is needed again the browser holds in a cookie."""
        pending = oidc_pending.begun(onward(next, way.origins))
        try:
            address = await way.provider.address(pending)
        except SignInError as error:
            return await _refuse(way, request, str(error), _status(error))
        return Redirect(address, status_code=303, cookies=[_cookie(way, pending.cookie(), LASTS_S)])

    # The one GET that begins a session, see above.
    @get(CALLBACK, opt=ANYBODY, include_in_schema=False)
    async def callback(request: Asked) -> Response[str]:
        """Come back from the provider, with a code or with an error."""
        answer = _answer(request)
        address = request.user.address
        pending = oidc_pending.held(request.cookies.get(way.cookie, ""))
        if pending is None or not pending.is_answered_by(answer.state):
            return await _refuse(way, request, _NOT_BEGUN, 403, unseen)
        try:
            await way.door.enter(f"provider from {address}", address)
            signed_in = await _prove(way, pending, answer)
            user = await _user(way, signed_in.person)
            cookie = await way.sessions.begin(request, user, signed_in.id_token)
            await way.door.forgive(f"provider from {address}", address)
        except HTTPException as failed:
            return await _refuse(way, request, failed.detail, failed.status_code, unseen)
        except (SignInError, AccountError, BrokerError) as failed:
            if isinstance(failed, ProviderError):  # who has to try again is not guessing
                await way.door.forgive(f"provider from {address}", address)
            return await _refuse(way, request, str(failed), _status(failed))
        await way.audit.write(record(request, _ACTION, user.name, who=user.name, after=_told(user)))
        then = onward(pending.next, way.origins)
        return Redirect(then, status_code=303, cookies=[cookie, _cookie(way, "", 0)])

    return [start, callback]


def _answer(request: Asked) -> _Answer:
    said = request.query_params
    return _Answer(
        said.get("state", ""), said.get("code", ""), said.get("iss"), said.get("error", "")
    )


async def _prove(way: Way, pending: Pending, answer: _Answer) -> SignedIn:
    """Whom the provider vouches for. Raises SignInError, BrokerError."""
    await way.provider.check_sender(answer.issuer)
    if answer.error or not answer.code:
        raise SignInError(f"the provider did not let you in ({refusal(answer.error)})")
    signed_in = await way.provider.sign_in(answer.code, pending, way.names)
    await _use_up(way, pending)
    return signed_in


async def _use_up(way: Way, pending: Pending) -> None:
    """Make sure that this sign-in is the only one of its state, at all processes together.

    After the provider has vouched for somebody, and not before: so nobody can fill the bucket who
    cannot sign in, and a code is good for one use at the provider anyway.
    """
    try:
        await way.used.put_if(digest(pending.state), b"", 0)
    except FencedError as error:
        raise SignInError("this sign-in was finished before: begin again") from error


async def _user(way: Way, person: Person) -> User:
    return await way.accounts.arrived(
        person.name, person.role, person.issuer, person.subject, int(clock.now_ms())
    )


def _status(error: MeshError) -> int:
    return 503 if isinstance(error, (ProviderError, BrokerError)) else 403


async def _refuse(
    way: Way, request: Asked, why: str, status: int, unseen: Unseen | None = None
) -> Response[str]:
    """Say to the person, and to the audit, why nothing comes of it; of what was *unseen*, once a second.

    The cookie stays: it is of use to this browser alone, and a page elsewhere that sends people to
    the callback must not end a sign-in that they have begun.
    """
    tries = unseen.count(clock.now_ms()) if unseen else 1
    if tries:
        outcome = refused(f"{why} ({tries} like this)" if unseen else why)
        await way.audit.write(record(request, _ACTION, way.provider.issuer, outcome=outcome))
    return Response(_PAGE.format(why=escape(why)), status_code=status, media_type=MediaType.HTML)


def _cookie(way: Way, text: str, lasts_s: int) -> Cookie:
    """Lax, because the browser comes back from another site."""
    return Cookie(
        key=way.cookie, value=text, path="/", max_age=lasts_s,
        secure=way.is_secure, httponly=True, samesite="lax",
    )  # fmt: skip


def _told(user: User) -> dict[str, str]:
    return {"role": user.role, "provider": user.provider, "subject": user.subject}
