"""Personal API tokens: what they look like, and what is kept of them.

A token is `tm_`, 256 random bits and a checksum, in letters and digits: scanners for secrets find it by
`tm_[0-9A-Za-z]{49}` and by the checksum know that it is one. Only its SHA-256 is kept: of so many random bits a slow hash would
protect no better.
"""

import re
from hashlib import sha256
from secrets import randbits
from string import ascii_lowercase, ascii_uppercase, digits
from zlib import crc32

from schemas.account import Role
from schemas.wire import Wire


PREFIX = "tm_"

_ALPHABET = digits + ascii_uppercase + ascii_lowercase
_SECRET_BITS = 256
_SECRET_CHARACTERS = 43
_CHECK_CHARACTERS = 6
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_SECRET_CHARACTERS + _CHECK_CHARACTERS}}}")


class ApiToken(Wire, frozen=True, kw_only=True):
    """What is kept of a token."""

    id: str
    """By which it is revoked; no secret."""
    user: str
    name: str
    """What the user calls it."""
    role: Role
    """What it may do, at most: never more than its user may."""
    scopes: list[str]
    """Feeds that it may see, at most; empty: what its user may."""
    created_ms: int
    expires_ms: int
    used_ms: int = 0
    """When it was used last, to about an hour; 0: never."""


def new_text() -> str:
    """A token that nobody has had before."""
    body = PREFIX + _written(randbits(_SECRET_BITS), _SECRET_CHARACTERS)
    return body + _check(body)


def is_text(text: str) -> bool:
    """Whether *text* is a token, ours or another mesh's: whether its form and checksum are right."""
    return (
        _FORM.fullmatch(text) is not None
        and _check(text[:-_CHECK_CHARACTERS]) == text[-_CHECK_CHARACTERS:]
    )


def hash_of(text: str) -> str:
    """What of a token is kept, in hexadecimal."""
    return sha256(text.encode()).hexdigest()


def _check(text: str) -> str:
    return _written(crc32(text.encode()), _CHECK_CHARACTERS)


def _written(number: int, characters: int) -> str:
    found = ""
    for _ in range(characters):
        number, digit = divmod(number, len(_ALPHABET))
        found = _ALPHABET[digit] + found
    return found
