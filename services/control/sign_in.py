"""Coming in with a name and a password, and going out again."""

from typing import Annotated

from litestar import Response, get, post
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from mesh import clock
from schemas.account import Role
from schemas.audit import refused
from schemas.wire import Wire
from services.control.access import ANYBODY, needs
from services.control.audit import Audit
from services.control.caller import Asked, record
from services.control.door import Door, Unseen
from services.control.onward import onward
from services.control.sessions import Sessions


SignInText = Annotated[str, Meta(max_length=2000)]

_WRONG = "the name or the password is wrong, or the account is disabled"


class SignIn(Wire, frozen=True):
    """Who wants to come in."""

    name: SignInText
    password: SignInText
    next: SignInText = ""
    """Where to go on to; only pages of ours are taken."""


class Onward(Wire, frozen=True):
    """Somebody is signed in, and goes on."""

    user: str
    role: Role
    next: str


class Nothing(Wire, frozen=True):
    """It is done."""


class Provider(Wire, frozen=True):
    """Who else knows who somebody is."""

    name: str
    """For the button."""
    start: str
    """The path that begins to sign in there."""


class Ways(Wire, frozen=True):
    """How somebody can come in."""

    is_open: bool
    """Whether anybody may make an account."""
    providers: list[Provider]


def sign_in_routes(
    door: Door, sessions: Sessions, audit: Audit, origins: frozenset[str], ways: Ways
) -> list[HTTPRouteHandler]:
    """What lets people in and out."""
    unseen = Unseen()

    @get("/v1/ways", opt=ANYBODY, sync_to_thread=False)
    def how() -> Ways:
        """How somebody can come in."""
        return ways

    @post("/v1/sign-in", opt=ANYBODY, status_code=200)
    async def sign_in(request: Asked, data: JSONBody[SignIn]) -> Response[Onward]:
        """Sign in with a name and a password; the answer sets the cookie."""
        try:
            user = await door.prove(data.name, data.password, request.user.address)
        except HTTPException as error:
            tries = unseen.count(clock.now_ms())
            if tries:
                why = refused(f"{error.detail} ({tries} like this)")
                target = door.spoken_of(data.name)
                await audit.write(record(request, "sign-in", target, outcome=why))
            raise
        if user is None:
            target = door.spoken_of(data.name)
            await audit.write(record(request, "sign-in", target, outcome=refused(_WRONG)))
            raise NotAuthorizedException(_WRONG)
        cookie = await sessions.begin(request, user)
        await audit.write(record(request, "sign-in", user.name, who=user.name))
        answer = Onward(user.name, user.role, onward(data.next, origins))
        return Response(answer, cookies=[cookie])

    @post("/v1/sign-out", opt=needs(Role.VIEWER), status_code=200)
    async def sign_out(request: Asked) -> Response[Nothing]:
        """End this session."""
        only_sessions(request)
        await sessions.end(request.user.id)
        await audit.write(record(request, "sign-out", request.user.user))
        return Response(Nothing(), cookies=[sessions.farewell()])

    return [how, sign_in, sign_out]


def only_sessions(request: Asked) -> None:
    """Refuse an API token, for what is a matter of people and their browsers.

    Raises:
        PermissionDeniedException: it is one.
    """
    if request.user.kind != "session":
        raise PermissionDeniedException("this is for people who are signed in, not for API tokens")
