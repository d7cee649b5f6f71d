"""Which tokens were taken back, one by one or all of a user: what this process has heard of it."""

from mesh import clock
from mesh.tokens import LEEWAY_S, LONGEST_S, Token
from schemas.signed_out import SignedOut, decode_signed_out, parse_signed_out_key
from schemas.widget import EXPIRED, REVOKED, Close
from schemas.wire import DecodeError


_KEPT_S = LONGEST_S + 2 * LEEWAY_S
"""Whatever was issued before has expired since."""


class Revoked:
    """What KV `revoked` holds."""

    def __init__(self) -> None:
        self._ids: dict[str, float] = {}
        """When it was heard of, in seconds of the monotonic clock; oldest first."""
        self._users: dict[str, float] = {}
        self._since: dict[str, SignedOut] = {}

    def put(self, key: str, value: bytes) -> bool:
        """Take an entry of the bucket; whether it says something new: after a reconnect all are said again.

        Raises:
            ValueError: it is not one that we know.
        """
        user = parse_signed_out_key(key)
        if user is None:
            is_new = key not in self._ids
            _note(self._ids, key)
            return is_new
        try:
            since = decode_signed_out(value)
        except DecodeError as error:
            raise ValueError(f"an entry of a user must say since when: {error}") from error
        is_new = self._since.get(user) != since
        self._since[user] = since
        for old in _note(self._users, user):
            del self._since[old]
        return is_new

    def why(self, token: Token) -> Close | None:
        """Why *token* lets nobody in any more; None: it does."""
        if token.id in self._ids:
            return REVOKED
        since = self._since.get(token.user)
        if since is None or token.issued_ms >= since.before_ms:
            return None
        return EXPIRED if since.may_return else REVOKED


def _note(heard: dict[str, float], key: str) -> list[str]:
    """Remember when *key* was heard of last; those that need not be remembered any more, which are forgotten."""
    now_s = clock.monotonic_s()
    heard.pop(key, None)
    heard[key] = now_s
    old = []
    for each, heard_s in heard.items():
        if now_s - heard_s <= _KEPT_S:
            break
        old.append(each)
    for each in old:
        del heard[each]
    return old
