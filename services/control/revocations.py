"""Taking tokens of the Widget Data Service back: one by its id, or all that a user has."""

import math

from mesh import clock
from mesh.connection import Connection
from mesh.kv import Entry, KeyValue
from schemas.control_naming import revoked_key
from schemas.naming import Bucket
from schemas.signed_out import (
    SignedOut,
    decode_signed_out,
    parse_signed_out_key,
    signed_out_key,
)
from schemas.wire import DecodeError, encode_json


class Revocations:
    """What is in KV `revoked`; every process of the Widget Data Service hears of it at once."""

    def __init__(self, connection: Connection) -> None:
        self._bucket = KeyValue(connection, Bucket.REVOKED)
        self._since_ms: dict[str, int] = {}

    async def load(self) -> None:
        """Know who was signed out: a new token must not look older than that.

        Raises:
            BrokerError: the broker does not answer.
        """
        for entry in await self._bucket.all():
            self._take(entry)

    async def run(self) -> None:
        """Know each change, for ever."""
        async for entry in self._bucket.watch():
            self._take(entry)

    async def revoke(self, token_id: str, reason: str) -> None:
        """Let nobody in with this token any more, and end the connections that it opened.

        Raises:
            ValueError: that is no id of a token.
            BrokerError: not done, or not known to be.
        """
        await self._bucket.put(revoked_key(token_id), reason.encode(errors="replace"))

    async def sign_out(self, user: str, *, may_return: bool = False) -> None:
        """Have no token of *user* be good that was issued up to now, and end the connections that they opened.

        Args:
            user: whose.
            may_return: whether clients are told to come back at once, because what the user may see has changed.

        Raises:
            BrokerError: not done, or not known to be.
        """
        since = SignedOut(int(clock.now_ms()) + 1, may_return)
        await self._bucket.put(signed_out_key(user), encode_json(since))
        self._note(user, since)

    def issued_s(self, user: str, now_ms: float) -> int:
        """When a new token of *user* is to say that it was issued: a whole second, and not before the last sign-out."""
        return max(int(now_ms // 1000), math.ceil(self._since_ms.get(user, 0) / 1000))

    def _take(self, entry: Entry) -> None:
        try:
            user = parse_signed_out_key(entry.key)
            if user is not None and entry.value is not None:
                self._note(user, decode_signed_out(entry.value))
        except (ValueError, DecodeError):
            pass  # somebody else's

    def _note(self, user: str, since: SignedOut) -> None:
        self._since_ms[user] = max(self._since_ms.get(user, 0), since.before_ms)
