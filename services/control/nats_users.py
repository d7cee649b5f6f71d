"""NATS credentials for people and tools that read: made, listed, and taken back within seconds.

What was made is written down before it is shown, so that nothing is out there that cannot be taken
back here. Taken back is what the servers say so of; the list remembers who did it, and is read again
when servers may have forgotten: whoever takes back one takes back all that the list has.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from litestar import get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, structs

from mesh import clock
from mesh.errors import BrokerError
from mesh.kv import KeyValue
from mesh.logs import Log
from mesh.nats_access import revoke
from mesh.nats_jwt import Kind, is_public_key
from mesh.nats_keys import DAY_S, LONGEST_DAYS, Issued, Issuer
from mesh.permissions import DOMAIN
from mesh.settings import Settings
from schemas.account import Role
from schemas.audit import failed
from schemas.nats_user import NatsUser
from schemas.wire import Wire, encode_json, json_decoder
from services.control.access import needs
from services.control.audit import Audit
from services.control.caller import Asked, record


_MS = 1000
_Key = Annotated[str, PathParameter(description="The public key of the user")]

_decode = json_decoder(NatsUser).decode


class Wanted(Wire, frozen=True, forbid_unknown_fields=True):
    """Credentials that are asked for."""

    name: str
    """For whom: letters, digits and `@._-`."""
    days: Annotated[int, Meta(ge=1, le=LONGEST_DAYS)] = 30


class Given(Wire, frozen=True):
    """Credentials, shown this once."""

    user: NatsUser
    creds: str
    """The content of a `.creds` file: a secret."""
    inbox_prefix: str
    """For `nats --inbox-prefix`: answers can be heard there alone."""
    js_domain: str = DOMAIN
    """For `nats --js-domain`: what was stored is read under it."""


class Users(Wire, frozen=True):
    """Everybody who was given credentials, newest first."""

    users: list[NatsUser]


class NatsUsers:
    """Those of one broker.

    Args:
        settings: where the broker is.
        bucket: KV `nats_users`.
        issuer: what signs them.
    """

    def __init__(self, settings: Settings, bucket: KeyValue, issuer: Issuer, log: Log) -> None:
        self._bucket = bucket
        self._issuer = issuer
        self._revoke = partial(revoke, settings, issuer, log=log)

    async def all(self) -> list[NatsUser]:
        """Everybody, newest first; those whose time is over for as long as access can last are forgotten."""
        since_ms = clock.now_ms() - LONGEST_DAYS * DAY_S * _MS
        users = [_decode(entry.value) for entry in await self._bucket.all() if entry.value]
        known = [user for user in users if user.expires_ms >= since_ms]
        return sorted(known, key=lambda user: (user.issued_ms, user.key), reverse=True)

    async def issue_external(self, name: str, days: int, by: str) -> tuple[NatsUser, Issued]:
        """Give *name* access for so many *days*.

        Raises:
            ValueError: with a sentence for people: the name or the time cannot be had.
            BrokerError: it is not known to be written down, so it must not be shown.
        """
        now_s = int(clock.now_ms() / _MS)
        issued = self._issuer.issue(name, now_s, now_s + days * DAY_S)
        user = NatsUser(
            key=issued.key, name=name, by=by, issued_ms=now_s * _MS, expires_ms=issued.expires_s * _MS
        )  # fmt: skip
        await self._bucket.put_if(user.key, encode_json(user), 0)
        return user, issued

    async def revoke(self, key: str, by: str) -> NatsUser | None:
        """Take back the credentials of the user *key*; who that was, None if it is unknown.

        Raises:
            BrokerError: it is not known to be done; it may be done again.
        """
        entry = await self._bucket.get(key)
        if entry is None or not entry.value:
            return None
        user = _decode(entry.value)
        if user.revoked_ms is None:
            user = structs.replace(user, revoked_ms=int(clock.now_ms()), revoked_by=by)
            await self._bucket.put_if(key, encode_json(user), entry.revision)
        await self._revoke([key, *await self._taken_back()])
        return user

    async def _taken_back(self) -> Sequence[str]:
        now_ms = clock.now_ms()
        return [
            each.key
            for each in await self.all()
            if each.revoked_ms is not None and each.expires_ms > now_ms
        ]


def nats_user_routes(users: NatsUsers | None, audit: Audit) -> list[HTTPRouteHandler]:
    """What makes, lists and takes back credentials; without *users* it says that it cannot."""

    def able() -> NatsUsers:
        if users is None:
            raise ClientException(
                "this control plane has no keys to sign NATS credentials with: set MESH_NATS_ISSUER",
                status_code=409,
            )
        return users

    @get("/v1/nats-users", opt=needs(Role.OPERATOR))
    async def everybody() -> Users:
        """Who was given NATS credentials, until when, and who took them back."""
        return Users(await able().all())

    @post("/v1/nats-users", opt=needs(Role.ADMIN))
    async def issue(request: Asked, data: JSONBody[Wanted]) -> Given:
        """Make credentials that read and change nothing. They are shown this once."""
        try:
            user, issued = await able().issue_external(data.name, data.days, request.user.user)
        except ValueError as error:
            raise ClientException(str(error)) from error
        await audit.write(record(request, "nats-user.issue", user.key, after=user))
        return Given(user, issued.creds, issued.inbox_prefix)

    @post("/v1/nats-users/{key:str}/revoke", opt=needs(Role.OPERATOR), status_code=200)
    async def take_back(request: Asked, key: _Key) -> NatsUser:
        """Take credentials back: connections with them end now, and none is made again."""
        by = request.user.user
        say = partial(record, request, "nats-user.revoke", key)
        try:
            user = await able().revoke(key, by) if is_public_key(key, Kind.USER) else None
        except BrokerError as error:
            await audit.write(say(outcome=failed(str(error))))
            raise
        if user is None:
            raise NotFoundException("no NATS user has this key: `GET /v1/nats-users` lists them")
        await audit.write(say(after=user))
        return user

    return [everybody, issue, take_back]
