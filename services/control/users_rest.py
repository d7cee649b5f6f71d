"""Accounts, as admins have them: listed, made, changed, disabled, and let in again after a password was forgotten."""

from typing import Annotated

from litestar import get, patch, post
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, PathParameter

from mesh import clock
from mesh.errors import FencedError
from schemas.account import LOCAL, Role, User
from schemas.control_naming import user_key
from schemas.wire import Wire
from services.control.access import needs
from services.control.accounts import Account, AccountError, Accounts, name_of
from services.control.audit import Audit
from services.control.caller import Asked, record
from services.control.links import Links
from services.control.sign_in import SignInText, only_sessions


_Name = Annotated[str, PathParameter(description="Of a user")]


class Shown(Wire, frozen=True):
    """An account, without what nobody needs to see."""

    name: str
    role: Role
    provider: str
    has_password: bool
    is_disabled: bool
    created_ms: int
    revision: int
    """Whoever changes the account names the one that they know."""


class Users(Wire, frozen=True):
    """All accounts, by name."""

    users: list[Shown]


class NewUser(Wire, frozen=True):
    """Somebody who is to have an account."""

    name: SignInText
    role: Role


class Change(Wire, frozen=True):
    """What is to be different."""

    revision: int
    role: Role | None = None
    is_disabled: bool | None = None


class Invited(Wire, frozen=True):
    """An account, and the link with which its user chooses a password: shown once, good for a day."""

    user: Shown
    link: str


def users_routes(accounts: Accounts, links: Links, audit: Audit) -> list[HTTPRouteHandler]:
    """What admins do with accounts."""

    @get("/v1/users", opt=needs(Role.ADMIN))
    async def read() -> Users:
        """Every account."""
        return Users([_shown(account) for account in await accounts.all()])

    @post("/v1/users", opt=needs(Role.ADMIN))
    async def create(request: Asked, data: JSONBody[NewUser]) -> Invited:
        """Make an account; its user chooses the password, so that nobody else ever knows it."""
        only_sessions(request)  # a token that leaked must not make what outlives it
        try:
            account = await accounts.create(
                User(name=name_of(data.name), role=data.role, created_ms=int(clock.now_ms()))
            )
        except AccountError as error:
            raise _conflict(error) from error
        name = account.user.name
        await audit.write(record(request, "user.create", name, after=_told(account)))
        return Invited(_shown(account), await links.issue(user_key(name)))

    @patch("/v1/users/{name:str}", opt=needs(Role.ADMIN))
    async def change(request: Asked, name: _Name, data: JSONBody[Change]) -> Shown:
        """Change a role, or whether the account is disabled; the sessions of its user end."""
        only_sessions(request)
        account = await _require(accounts, name)
        known = account._replace(revision=data.revision)
        changed = await _change(accounts, known, data)
        await audit.write(
            record(request, "user.change", name, before=_told(account), after=_told(changed))
        )
        return _shown(changed)

    @post("/v1/users/{name:str}/reset", opt=needs(Role.ADMIN), status_code=200)
    async def reset(request: Asked, name: _Name) -> Invited:
        """Take a password away, end the sessions, and have a link with which its user chooses another."""
        only_sessions(request)
        account = await _require(accounts, name)
        if account.user.provider != LOCAL:
            raise HTTPException(
                f"the password of {name} is not here: {account.user.provider} has it",
                status_code=409,
            )
        try:
            changed = await accounts.change(account, password="")
        except (AccountError, FencedError) as error:
            raise _conflict(error) from error
        await audit.write(record(request, "user.reset", name))
        return Invited(_shown(changed), await links.issue(user_key(name)))

    return [read, create, change, reset]


async def _change(accounts: Accounts, known: Account, data: Change) -> Account:
    try:
        return await accounts.change(known, role=data.role, is_disabled=data.is_disabled)
    except FencedError as error:
        raise HTTPException(
            f"somebody else has changed {known.user.name} since: read it again",
            status_code=409,
        ) from error
    except AccountError as error:
        raise _conflict(error) from error


async def _require(accounts: Accounts, name: str) -> Account:
    account = await accounts.get(name)
    if account is None:
        raise NotFoundException(f"there is no user {name[:64]!r}")
    return account


def _conflict(error: Exception) -> HTTPException:
    return HTTPException(str(error), status_code=409)


def _shown(account: Account) -> Shown:
    user = account.user
    return Shown(
        user.name, user.role, user.provider, bool(user.password),
        user.is_disabled, user.created_ms, account.revision,
    )  # fmt: skip


def _told(account: Account) -> dict[str, object]:
    """What the audit says of it."""
    return {"role": account.user.role, "is_disabled": account.user.is_disabled}
