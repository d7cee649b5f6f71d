"""The token in a request's `Authorization: Bearer`.

Pure. Nothing here compares secrets, and no error holds what a client sent.
"""

import re
from collections.abc import Iterable

from mesh.errors import TokenError


_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_SCHEME = re.compile(r"bearer\b", re.IGNORECASE)


def bearer_of(headers: Iterable[tuple[bytes | str, bytes | str]]) -> str | None:
    """The token that *headers* bring, unread; None without one.

    `Authorization` of another scheme than Bearer is not for us (a proxy's, say) and counts as none.

    Raises:
        TokenError: there is more than one, or it is not in the right form.
    """
    values = [
        _text(value).strip(" \t")
        for name, value in headers
        if _text(name).lower() == "authorization"
    ]
    if len(values) > 1:
        raise TokenError("there must be one Authorization header")
    if not values or not _SCHEME.match(values[0]):
        return None
    bearer = _BEARER.fullmatch(values[0])
    if bearer is None:
        raise TokenError("the Authorization header must be `Bearer` and one token")
    return bearer[1]


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
