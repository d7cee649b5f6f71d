"""What people do with their own account: their sessions, and their password."""

from typing import Annotated

from litestar import Response, get, post
from litestar.exceptions import NotFoundException, PermissionDeniedException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, PathParameter

from schemas.account import LOCAL, Role
from schemas.audit import refused
from schemas.wire import Wire
from services.control.access import needs
from services.control.accounts import Account, Accounts
from services.control.audit import Audit
from services.control.caller import Asked, record
from services.control.door import Door
from services.control.password_rules import problem
from services.control.passwords import Passwords
from services.control.sessions import Sessions
from services.control.sign_in import Nothing, SignInText, only_sessions


_Id = Annotated[str, PathParameter(description="Of a session, from the list")]


class OwnSession(Wire, frozen=True):
    """A browser in which the caller is signed in."""

    id: str
    is_this: bool
    """Whether it is the one that asks."""
    begun_ms: int
    seen_ms: int
    address: str
    agent: str


class OwnSessions(Wire, frozen=True):
    """All of them, newest first."""

    sessions: list[OwnSession]


class NewPassword(Wire, frozen=True):
    """A password for another."""

    old: SignInText
    new: SignInText


def own_routes(
    accounts: Accounts, sessions: Sessions, door: Door, passwords: Passwords, audit: Audit
) -> list[HTTPRouteHandler]:
    """What people do with their own account."""

    @get("/v1/sessions", opt=needs(Role.VIEWER))
    async def read(request: Asked) -> OwnSessions:
        """The browsers in which the caller is signed in."""
        account = await _own(accounts, request)
        own = request.user.id
        found = [
            OwnSession(key, key == own, each.begun_ms, each.seen_ms, each.address, each.agent)
            for key, each in await sessions.of_user(account.user)
        ]
        return OwnSessions(found)

    @post("/v1/sessions/{key:str}/end", opt=needs(Role.VIEWER), status_code=200)
    async def end(request: Asked, key: _Id) -> Nothing:
        """Sign out of one browser."""
        only_sessions(request)
        account = await _own(accounts, request)
        if key not in {each for each, _ in await sessions.of_user(account.user)}:
            raise NotFoundException("you have no such session: it may have ended already")
        await sessions.end(key)
        await audit.write(record(request, "session.end", request.user.user))
        return Nothing()

    @post("/v1/sign-out-everywhere", opt=needs(Role.VIEWER), status_code=200)
    async def end_all(request: Asked) -> Response[Nothing]:
        """End all sessions of the caller, this one too."""
        only_sessions(request)
        await accounts.change(await _own(accounts, request))
        await audit.write(record(request, "sign-out-everywhere", request.user.user))
        return Response(Nothing(), cookies=[sessions.farewell()])

    @post("/v1/password", opt=needs(Role.VIEWER), status_code=200)
    async def password(request: Asked, data: JSONBody[NewPassword]) -> Response[Nothing]:
        """Change the caller's password; all other sessions end, and this one goes on as a new one."""
        only_sessions(request)
        account = await _own(accounts, request)
        name = account.user.name
        if account.user.provider != LOCAL:
            raise PermissionDeniedException(
                f"your password is not here: {account.user.provider} has it"
            )
        wrong = problem(data.new, name)
        if wrong is not None:
            raise ValidationException(wrong)
        if await door.prove(name, data.old, request.user.address) is None:
            why = "the old password is wrong"
            await audit.write(record(request, "password.change", name, outcome=refused(why)))
            raise PermissionDeniedException(why)
        changed = await accounts.change(account, password=await passwords.hash(data.new))
        cookie = await sessions.begin(request, changed.user)
        await audit.write(record(request, "password.change", name))
        return Response(Nothing(), cookies=[cookie])

    return [read, end, end_all, password]


async def _own(accounts: Accounts, request: Asked) -> Account:
    account = await accounts.get(request.user.user)
    if account is None:
        raise NotFoundException("your account is not here")
    return account
