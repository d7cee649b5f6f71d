"""The personal API tokens of everybody, by their hashes; each control process hears of every change at once."""

from secrets import token_hex

from msgspec.structs import replace

from mesh import clock
from mesh.connection import Connection
from mesh.errors import BrokerError, FencedError
from mesh.kv import KeyValue
from mesh.logs import Log
from schemas.account import Role
from schemas.naming import Bucket
from schemas.wire import DecodeError, encode_json, json_decoder
from services.control.accounts import Accounts
from services.control.api_token import ApiToken, hash_of, is_text, new_text
from services.control.caller import Caller


MOST_OF_USER = 50
LONGEST_DAYS = 366
_DAY_MS = 24 * 3600 * 1000
_COARSE_MS = 3600 * 1000
"""How exactly it is known when a token was used: a script that asks each second must not write each second."""

_decode = json_decoder(ApiToken).decode


class TooManyError(ValueError):
    """A user has as many tokens as one may have."""


class ApiTokens:
    """What KV `api_tokens` holds."""

    def __init__(self, connection: Connection, accounts: Accounts, log: Log) -> None:
        self._bucket = KeyValue(connection, Bucket.API_TOKENS)
        self._accounts = accounts
        self._log = log
        self._known: dict[str, ApiToken] = {}
        self._revisions: dict[str, int] = {}
        """Also of those that are gone: what is watched may come later than what was done here."""

    async def load(self) -> None:
        """Know what is there now.

        Raises:
            BrokerError: the broker does not answer.
        """
        for entry in await self._bucket.all():
            self._note(entry.key, entry.value, entry.revision)

    async def run(self) -> None:
        """Know each change, for ever."""
        async for entry in self._bucket.watch():
            self._note(entry.key, entry.value, entry.revision)

    async def create(
        self, user: str, name: str, role: Role, scopes: list[str], days: float
    ) -> tuple[str, ApiToken]:
        """A new token of *user*: its text, which is never seen again, and what is kept of it.

        Raises:
            TooManyError: the user has too many.
            BrokerError: not done, or not known to be.
        """
        if len(self.of_user(user)) >= MOST_OF_USER:
            raise TooManyError(f"a user may have {MOST_OF_USER} API tokens: revoke one first")
        now_ms = int(clock.now_ms())
        token = ApiToken(
            id=token_hex(8),
            user=user,
            name=name,
            role=role,
            scopes=scopes,
            created_ms=now_ms,
            expires_ms=now_ms + int(days * _DAY_MS),
        )
        text = new_text()
        await self._put(hash_of(text), token, 0)
        return text, token

    def of_user(self, user: str) -> list[ApiToken]:
        """The tokens of *user* that have not expired, oldest first."""
        now_ms = clock.now_ms()
        mine = [each for each in self._known.values() if each.user == user]
        return sorted(
            (each for each in mine if each.expires_ms > now_ms), key=lambda each: each.created_ms
        )

    def find(self, token_id: str) -> ApiToken | None:
        """The token with an id."""
        return next((each for each in self._known.values() if each.id == token_id), None)

    async def revoke(self, token: ApiToken) -> None:
        """Let nobody in with *token* any more.

        Raises:
            BrokerError: not done, or not known to be.
        """
        for key in [key for key, each in self._known.items() if each.id == token.id]:
            await self._bucket.delete(key)
            self._known.pop(key, None)

    async def caller(self, text: str) -> Caller | None:
        """Whose token *text* is, and what that lets them do; None if it is nobody's, or of no use any more."""
        if not is_text(text):
            return None
        key = hash_of(text)
        token = self._known.get(key)
        if token is None or token.expires_ms <= clock.now_ms():
            return None
        user = await self._accounts.find(token.user)
        if user is None:
            return None
        await self._used(key, token)
        role = token.role if user.role.covers(token.role) else user.role
        return Caller(token.user, role, "token", token.id, scopes=tuple(token.scopes))

    async def forget_old(self) -> None:
        """Delete tokens that have expired.

        Raises:
            BrokerError: not done, or not known to be.
        """
        now_ms = clock.now_ms()
        for token in [each for each in self._known.values() if each.expires_ms <= now_ms]:
            await self.revoke(token)

    async def _used(self, key: str, token: ApiToken) -> None:
        """Note that *token* is used now. What cannot be written now is not tried again for an hour."""
        now_ms = int(clock.now_ms())
        if now_ms - token.used_ms < _COARSE_MS:
            return
        used = replace(token, used_ms=now_ms)
        self._known[key] = used
        try:
            await self._put(key, used, self._revisions[key])
        except FencedError:
            pass  # it was used elsewhere, or revoked, in this moment
        except BrokerError as error:
            self._log.warning("api_token.unnoted", reason=str(error))

    async def _put(self, key: str, token: ApiToken, revision: int) -> None:
        value = encode_json(token)
        self._note(key, value, await self._bucket.put_if(key, value, revision))

    def _note(self, key: str, value: bytes | None, revision: int) -> None:
        if revision <= self._revisions.get(key, 0):
            return
        self._revisions[key] = revision
        self._known.pop(key, None)
        try:
            if value is not None:
                self._known[key] = _decode(value)
        except DecodeError as error:
            self._log.warning("api_token.rejected", reason=str(error))
