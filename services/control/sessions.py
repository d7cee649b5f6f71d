"""Who is signed in: in KV `sessions`, and in memory in every process as they are now.

A browser holds 256 random bits in a cookie that no script can read and no other site can send; kept
is their hash. A session has a new secret at every sign-in and change of rights, so nobody can give
somebody else a session to sign in with. It ends when it is idle, at its latest moment, when it is
signed out, and when the rights of its user change, which each process hears at once.
"""

import hmac
from hashlib import sha256
from typing import NamedTuple

import msgspec
from litestar.datastructures import Cookie

from mesh import clock
from mesh.errors import FencedError
from mesh.kv import Entry, KeyValue
from schemas.account import Session, User
from schemas.wire import encode_json, json_decoder
from services.control.access import Connection
from services.control.accounts import Accounts
from services.control.caller import Asked, Caller
from services.control.secret import digest, new_secret


MOST_AGENT_CHARACTERS = 200

_LONGEST_SECRET = 100
_SEEN_AFTER = 20
"""A session is written again after this part of the time after which it would be idle."""
_LATE_MS = 3_600_000
"""No replica is later than that."""
_decode = json_decoder(Session).decode


class Limits(NamedTuple):
    """How long a session lasts, and how its cookie travels."""

    idle_ms: int
    longest_ms: int
    cookie: str
    is_secure: bool
    """Whether browsers send it over TLS alone."""


class Held(NamedTuple):
    """A session at a revision."""

    session: Session
    revision: int


class Sessions:
    """Over a bucket."""

    def __init__(self, sessions: KeyValue, accounts: Accounts, limits: Limits) -> None:
        self._sessions = sessions
        self._accounts = accounts
        self._limits = limits
        self._held: dict[str, Held] = {}
        self._ended: dict[str, int] = {}
        """When sessions ended: a replica that is late may still have them for a moment, and they never come back."""

    async def run(self) -> None:
        """Keep what is known in memory up to date, for ever."""
        async for entry in self._sessions.watch():
            self._take(entry)

    async def begin(self, request: Asked, user: User) -> Cookie:
        """Sign *user* in at the browser of *request*, and end the session that it had; the cookie for the answer.

        For whoever has proven who they are, in any way.

        Raises:
            BrokerError: nobody is signed in.
        """
        now_ms = int(clock.now_ms())
        self._forget_ended(now_ms)
        secret = new_secret()
        key = digest(secret)
        session = Session(
            user=user.name,
            rights=user.rights,
            begun_ms=now_ms,
            seen_ms=now_ms,
            address=request.user.address,
            agent=request.headers.get("user-agent", "")[:MOST_AGENT_CHARACTERS],
        )
        revision = await self._sessions.put_if(key, encode_json(session), 0)
        self._held[key] = Held(session, revision)
        if request.user.kind == "session":
            await self.end(request.user.id)
        return self._cookie(secret, self._limits.longest_ms // 1000)

    async def caller(self, connection: Connection) -> Caller | None:
        """Who is signed in at the browser of a request; None if nobody is.

        Raises:
            BrokerError: nobody can tell.
        """
        secret = connection.cookies.get(self._limits.cookie, "")
        if not 0 < len(secret) <= _LONGEST_SECRET:
            return None
        key = digest(secret)
        held = self._held.get(key) or await self._fetch(key)
        now_ms = int(clock.now_ms())
        if held is None or not self._lasts(held.session, now_ms):
            return None
        user = await self._accounts.with_rights(held.session.user, held.session.rights)
        if user is None or not await self._is_seen(key, held, now_ms):
            return None
        return Caller(user.name, user.role, "session", key, _csrf(secret))

    async def of_user(self, user: User) -> list[tuple[str, Session]]:
        """The ids of the sessions of *user*, and what is known of them, newest first.

        Raises:
            BrokerError: nobody can tell.
        """
        for entry in await self._sessions.all():
            self._take(entry)
        now_ms = int(clock.now_ms())
        found = [
            (key, held.session)
            for key, held in self._held.items()
            if (held.session.user, held.session.rights) == (user.name, user.rights)
            and self._lasts(held.session, now_ms)
        ]
        return sorted(found, key=lambda each: -each[1].begun_ms)

    async def end(self, key: str) -> None:
        """End a session, wherever it is used.

        Raises:
            BrokerError: it is not known to have ended.
        """
        await self._sessions.delete(key)
        self._forget(key)

    def farewell(self) -> Cookie:
        """What takes the cookie from a browser."""
        return self._cookie("", 0)

    def _cookie(self, secret: str, lasts_s: int) -> Cookie:
        return Cookie(
            key=self._limits.cookie,
            value=secret,
            path="/",
            max_age=lasts_s,
            secure=self._limits.is_secure,
            httponly=True,
            samesite="strict",
        )

    def _lasts(self, session: Session, now_ms: int) -> bool:
        return (
            now_ms < session.seen_ms + self._limits.idle_ms
            and now_ms < session.begun_ms + self._limits.longest_ms
        )

    async def _is_seen(self, key: str, held: Held, now_ms: int) -> bool:
        """Whether the session goes on, now that it is used."""
        if now_ms - held.session.seen_ms < self._limits.idle_ms // _SEEN_AFTER:
            return True
        seen = msgspec.structs.replace(held.session, seen_ms=now_ms)
        try:
            revision = await self._sessions.put_if(key, encode_json(seen), held.revision)
        except FencedError:  # it was used at another process, or has ended
            self._held.pop(key, None)
            return await self._fetch(key) is not None
        self._held[key] = Held(seen, revision)
        return True

    async def _fetch(self, key: str) -> Held | None:
        """A session that was not heard of yet, as one that began at another process a moment ago."""
        entry = await self._sessions.get(key)
        if entry is not None:
            self._take(entry)
        return self._held.get(key)

    def _take(self, entry: Entry) -> None:
        if entry.value is None:
            self._forget(entry.key)
            return
        held = self._held.get(entry.key)
        is_news = held is None or held.revision < entry.revision
        if is_news and entry.key not in self._ended:
            self._held[entry.key] = Held(_decode(entry.value), entry.revision)

    def _forget(self, key: str) -> None:
        self._held.pop(key, None)
        self._ended[key] = int(clock.now_ms())

    def _forget_ended(self, now_ms: int) -> None:
        """The broker forgets old sessions without a word."""
        ended = [key for key, held in self._held.items() if not self._lasts(held.session, now_ms)]
        for key in ended:
            del self._held[key]
        late = [key for key, at_ms in self._ended.items() if now_ms - at_ms > _LATE_MS]
        for key in late:
            del self._ended[key]


def _csrf(secret: str) -> str:
    """What a page shows to prove that it is one of ours; from it nobody learns *secret*."""
    return hmac.new(secret.encode(), b"csrf", sha256).hexdigest()
