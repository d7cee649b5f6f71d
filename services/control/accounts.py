"""Accounts: who may sign in, in KV `users`, and in memory in every process as they are now.

Every change is a compare-and-set. No account is ever deleted: its name stands in the audit, and must
not become somebody else's.
"""

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from mesh.errors import FencedError, MeshError
from mesh.kv import Entry, KeyValue
from schemas.account import LOCAL, Role, User
from schemas.control_naming import user_key
from schemas.wire import encode_json, json_decoder


NAME_RULE = "a name must be 1–64 letters, digits or . _ @ + -, with a letter or a digit first"

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_decode = json_decoder(User).decode


class Account(NamedTuple):
    """A user at a revision."""

    user: User
    revision: int


OnRights = Callable[[User, User], Awaitable[None]]
"""Is told of a user as they were and as they are."""


class AccountError(MeshError):
    """An account cannot be had, or not be changed so; the text says why, for people."""


def name_of(text: str) -> str:
    """The one form of a name: capitals do not tell people apart.

    Raises:
        AccountError: it is none.
    """
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise AccountError(NAME_RULE)
    return name


class Accounts:
    """Over a bucket."""

    def __init__(self, users: KeyValue) -> None:
        self._users = users
        self.on_rights: list[OnRights] = []
        """Awaited in order when the rights of a user have changed, whatever they were given for must end."""
        self._known: dict[str, Account] = {}

    async def run(self) -> None:
        """Keep what is known in memory up to date, for ever."""
        async for entry in self._users.watch():
            self._take(entry)

    async def get(self, name: str) -> Account | None:
        """The account of *name* as it is now.

        Raises:
            BrokerError: nobody can tell.
        """
        entry = await self._users.get(user_key(name))
        if entry is not None:
            self._take(entry)
        return self._known.get(name)

    def spoken_of(self, text: str) -> str:
        """The name of the account that *text* means, for the audit; empty if there is none.

        What is typed as a name may be a password, in the wrong field: it must not be written down.
        """
        name = text.strip().lower()
        return name if name in self._known else ""

    async def all(self) -> list[Account]:
        """Every account, by name.

        Raises:
            BrokerError: nobody can tell.
        """
        for entry in await self._users.all():
            self._take(entry)
        return [self._known[name] for name in sorted(self._known)]

    async def with_rights(self, name: str, rights: int) -> User | None:
        """The user *name* as last heard of, if sessions that began with *rights* may go on."""
        known = self._known.get(name)
        if known is None or known.user.rights < rights:  # it is newer than what was heard
            known = await self.get(name)
        if known is None or known.user.is_disabled or known.user.rights != rights:
            return None
        return known.user

    async def find(self, name: str) -> User | None:
        """The user *name* as last heard of; None: there is none, or the account is disabled.

        Raises:
            BrokerError: nobody can tell.
        """
        known = self._known.get(name) or await self.get(name)
        return None if known is None or known.user.is_disabled else known.user

    async def has_admin(self) -> bool:
        """Whether there is anybody who may decide who may what."""
        return any(_is_admin(account.user) for account in await self.all())

    async def create(self, user: User) -> Account:
        """Keep a new *user*.

        Raises:
            AccountError: the name is taken.
            BrokerError: not known to be kept.
        """
        try:
            return await self._put(user, 0)
        except FencedError as error:
            raise AccountError(f"there is a user {user.name} already") from error

    async def change(
        self,
        account: Account,
        *,
        role: Role | None = None,
        is_disabled: bool | None = None,
        password: str | None = None,
    ) -> Account:
        """Change the user of *account*, and end the sessions that were begun before.

        Args:
            account: as the change was decided on.
            role: if it changes; so *is_disabled*, and *password*, which is a hash.
            is_disabled: see *role*.
            password: see *role*.

        Raises:
            AccountError: nobody would be left who may change accounts.
            FencedError: somebody else changed it since.
            BrokerError: not known to be kept.
        """
        before = account.user
        after = msgspec.structs.replace(
            before,
            role=role or before.role,
            is_disabled=before.is_disabled if is_disabled is None else is_disabled,
            password=before.password if password is None else password,
            rights=before.rights + 1,
        )
        if _is_admin(before) and not _is_admin(after):
            changed = await self._step_down(account, after)
        else:
            changed = await self._put(after, account.revision)
        await self._say(before, after)
        return changed

    async def arrived(
        self, name: str, role: Role, provider: str, subject: str, now_ms: int
    ) -> User:
        """The user whom *provider* has just proven to be *subject*; kept, and known by the *name* of the first time.

        Names can be changed at a provider: who does that is still the same, and as disabled as before.

        Raises:
            AccountError: the name is somebody else's, or the account is disabled.
            BrokerError: not known to be kept.
        """
        accounts = await self.all()
        same = [
            each
            for each in accounts
            if (each.user.provider, each.user.subject) == (provider, subject)
        ]
        account = same[0] if same else await self.get(name_of(name))
        if account is None:
            user = User(
                name=name_of(name), role=role, provider=provider, subject=subject, created_ms=now_ms
            )
            return (await self.create(user)).user
        user = account.user
        if (user.provider, user.subject) != (provider, subject):
            raise AccountError(f"the name {user.name} belongs to another account: ask an admin")
        if user.is_disabled:
            raise AccountError(f"the account {user.name} is disabled: ask an admin")
        if user.role != role:
            changed = (await self._put(_with_role(user, role), account.revision)).user
            await self._say(user, changed)
            return changed
        return user

    async def _step_down(self, account: Account, after: User) -> Account:
        """Keep *after*, who is no admin any more, if there is another one; taken back if that one went at the same moment."""
        name = account.user.name
        only = AccountError(f"{name} is the only admin: make somebody else an admin first")
        if not any(_is_admin(each.user) for each in await self.all() if each.user.name != name):
            raise only
        changed = await self._put(after, account.revision)
        if not await self.has_admin():
            await self._put(
                msgspec.structs.replace(account.user, rights=after.rights + 1), changed.revision
            )
            raise only
        return changed

    async def _say(self, before: User, after: User) -> None:
        for each in self.on_rights:
            await each(before, after)

    async def _put(self, user: User, revision: int) -> Account:
        revision = await self._users.put_if(user_key(user.name), encode_json(user), revision)
        account = self._known[user.name] = Account(user, revision)
        return account

    def _take(self, entry: Entry) -> None:
        if entry.value is None:
            return
        user = _decode(entry.value)
        known = self._known.get(user.name)
        if known is None or known.revision < entry.revision:
            self._known[user.name] = Account(user, entry.revision)


def _is_admin(user: User) -> bool:
    """Whether *user* is an admin who can sign in."""
    can_sign_in = user.provider != LOCAL or bool(user.password)
    return user.role is Role.ADMIN and not user.is_disabled and can_sign_in


def _with_role(user: User, role: Role) -> User:
    return msgspec.structs.replace(user, role=role, rights=user.rights + 1)
