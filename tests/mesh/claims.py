"""Tokens of all kinds, for tests: signed with a key of theirs, with any claims."""

from typing import Any

import jwt

from mesh.tokens import Tokens


KEY = b"a key of tests, as long as the longest signature needs: 64 bytes or more"
NOW_MS = 1_767_623_400_045.0
NOW_S = int(NOW_MS // 1000)
TOKENS = Tokens(KEY)
CLAIMS = {
    "iss": "tickmesh", "aud": "widgets", "sub": "ann", "iat": NOW_S, "exp": NOW_S + 60, "jti": "0a1b2c",
    "scope": "board/* alert/>",
}  # fmt: skip


def signed(
    changes: dict[str, Any] | None = None, key: bytes = KEY, algorithm: str = "HS256"
) -> str:
    """A token of the usual claims with *changes*; a claim that is None is left out."""
    claims = {**CLAIMS, **(changes or {})}
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, algorithm)
