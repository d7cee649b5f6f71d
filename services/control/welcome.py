"""The first password: of the first admin, of a new user, of one who forgot theirs; and accounts that people make themselves.

There is no default password. While there is no admin, the program prints a link that makes one.
"""

from litestar import Response, post
from litestar.exceptions import HTTPException, PermissionDeniedException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from mesh import clock
from mesh.errors import FencedError
from schemas.account import Role, User
from schemas.audit import refused
from schemas.control_naming import user_key
from schemas.wire import Wire
from services.control.access import ANYBODY
from services.control.accounts import AccountError, Accounts, name_of
from services.control.audit import Audit
from services.control.caller import Asked, record
from services.control.door import Door
from services.control.links import FIRST_ADMIN, LinkError, Links
from services.control.onward import HOME
from services.control.password_rules import problem
from services.control.passwords import BusyError, Passwords
from services.control.sessions import Sessions
from services.control.sign_in import Onward, SignInText


class Welcome(Wire, frozen=True):
    """Somebody with a link chooses a password."""

    link: SignInText
    """What is behind the `#` of it."""
    name: SignInText
    """Of the first admin, as they wish; of others, their own."""
    password: SignInText


class Registration(Wire, frozen=True):
    """Somebody makes an account."""

    name: SignInText
    password: SignInText


class Reception:
    """Makes accounts, and gives them their first password."""

    def __init__(self, accounts: Accounts, links: Links, passwords: Passwords) -> None:
        self._accounts = accounts
        self._links = links
        self._passwords = passwords

    async def first_link(self) -> str | None:
        """The link that makes the first admin; None if there is an admin.

        Raises:
            BrokerError: nobody can tell, or it is not known to be kept.
        """
        if await self._accounts.has_admin():
            return None
        return await self._links.issue(FIRST_ADMIN)

    async def choose(self, link: str, name: str, password: str) -> User:
        """Use up a *link*, and have *name* sign in with *password* from now on.

        Raises:
            LinkError: it is good for nothing, or not for that name.
            AccountError: the name or the password cannot be had.
            BusyError: come again.
            BrokerError: not known to be done.
        """
        purpose, revision = await self._links.purpose(link)
        name = name_of(name)
        _require_good(password, name)
        account = await self._accounts.get(name)
        if purpose == FIRST_ADMIN:
            if await self._accounts.has_admin():
                raise LinkError("there is an admin already: ask them for an account")
            if account is not None:
                raise AccountError(f"there is a user {name} already: take another name")
        elif account is None or account.user.is_disabled or purpose != user_key(name):
            raise LinkError("this link is for another name: take the one that the admin told you")
        hashed = await self._passwords.hash(password)
        await self._links.use_up(purpose, revision)
        if account is None:
            return await self._create(name, Role.ADMIN, hashed)
        try:
            return (await self._accounts.change(account, password=hashed)).user
        except FencedError as error:
            raise LinkError(
                "somebody has changed this account since: ask for another link"
            ) from error

    async def register(self, name: str, password: str) -> User:
        """A new viewer, who made the account.

        Raises:
            AccountError: the name or the password cannot be had.
            BusyError: come again.
            BrokerError: not known to be kept.
        """
        name = name_of(name)
        _require_good(password, name)
        if await self._accounts.get(name) is not None:
            raise AccountError(f"there is a user {name} already")
        return await self._create(name, Role.VIEWER, await self._passwords.hash(password))

    async def _create(self, name: str, role: Role, hashed: str) -> User:
        user = User(name=name, role=role, password=hashed, created_ms=int(clock.now_ms()))
        return (await self._accounts.create(user)).user


def _require_good(password: str, name: str) -> None:
    wrong = problem(password, name)
    if wrong is not None:
        raise AccountError(wrong)


def welcome_routes(
    reception: Reception, door: Door, sessions: Sessions, audit: Audit, *, is_open: bool
) -> list[HTTPRouteHandler]:
    """What gives people their first password."""

    @post("/v1/welcome", opt=ANYBODY, status_code=200)
    async def welcome(request: Asked, data: JSONBody[Welcome]) -> Response[Onward]:
        """Choose a password with a link, and be signed in."""
        address = request.user.address
        await door.enter(f"link from {address}", address)
        try:
            user = await reception.choose(data.link, data.name, data.password)
        except LinkError as error:
            await audit.write(
                record(
                    request,
                    "password.choose",
                    door.spoken_of(data.name),
                    outcome=refused(str(error)),
                )
            )
            raise PermissionDeniedException(str(error)) from error
        except AccountError as error:
            raise ValidationException(str(error)) from error
        except BusyError as error:
            raise _busy(error) from error
        await door.forgive(f"link from {address}", address)
        await audit.write(
            record(request, "password.choose", user.name, who=user.name, after={"role": user.role})
        )
        cookie = await sessions.begin(request, user)
        return Response(Onward(user.name, user.role, HOME), cookies=[cookie])

    @post("/v1/register", opt=ANYBODY, status_code=201)
    async def register(request: Asked, data: JSONBody[Registration]) -> Response[Onward]:
        """Make an account of one's own, and be signed in; only where that is switched on."""
        if not is_open:
            raise PermissionDeniedException(
                "nobody can make an account here (MESH_SELF_REGISTRATION): ask an admin for one"
            )
        await door.enter(f"register from {request.user.address}", request.user.address)
        try:
            user = await reception.register(data.name, data.password)
        except AccountError as error:
            raise ValidationException(str(error)) from error
        except BusyError as error:
            raise _busy(error) from error
        await audit.write(
            record(request, "user.register", user.name, who=user.name, after={"role": user.role})
        )
        cookie = await sessions.begin(request, user)
        return Response(Onward(user.name, user.role, HOME), cookies=[cookie])

    return [welcome, register]


def _busy(error: BusyError) -> HTTPException:
    return HTTPException(str(error), status_code=503, headers={"Retry-After": "2"})
