"""Who a client is and what it may see, in a text that only a holder of the key can write.

A token is a JWT, signed with HMAC-SHA-256: issuer `tickmesh`, audience `widgets`, a user, scopes
(see `mesh.scopes`), an id by which it can be revoked, and an end that is a day away at most. No other
algorithm is read, whatever a token says of itself. Signatures are compared in constant time (by
PyJWT, with `hmac.compare_digest`); nothing else here is compared with a secret.

Neither a token nor the key is ever part of an error or of what an object prints.
"""

import math
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, NamedTuple

import jwt
from msgspec import Meta

from mesh.errors import FatalError, TokenError
from mesh.scopes import is_pattern
from mesh.settings import KEY_CHARACTERS, Settings
from schemas.naming import is_token_id
from schemas.wire import DecodeError, Wire, encode_json, json_decoder


ISSUER = "tickmesh"
AUDIENCE = "widgets"
LONGEST_S = 24 * 3600
"""How long a token lives at most: no longer than KV `revoked` remembers those that were taken back."""
LEEWAY_S = 5
"""By how much the clock that issued a token may differ from the one that reads it."""
MAX_TOKEN_CHARACTERS = 8192
MAX_USER_CHARACTERS = 100
MAX_SCOPES = 32

_ALGORITHM = "HS256"
_Seconds = Annotated[int, Meta(ge=0, le=1 << 53)]


class Token(NamedTuple):
    """What a valid token says."""

    user: str
    scopes: tuple[str, ...]
    """Patterns of the feeds that the user may see."""
    expires_ms: int
    """Epoch milliseconds UTC, without the leeway."""
    id: str
    """By which it can be revoked; no secret."""


class _Claims(Wire, frozen=True, omit_defaults=True):
    iss: str
    aud: str
    sub: str
    exp: _Seconds
    iat: _Seconds
    jti: str
    scope: str
    nbf: _Seconds = 0


_decode_claims = json_decoder(_Claims).decode
_decode_object = json_decoder(dict[str, Any]).decode


class Tokens:
    """Issues and reads the tokens of one key."""

    def __init__(self, key: bytes) -> None:
        """Use *key*, of 32 bytes at least.

        Raises:
            FatalError: it is too short, or is one for signatures of another kind (PEM, SSH).
        """
        if len(key) < KEY_CHARACTERS:
            raise FatalError(
                f"the key of tokens must be {KEY_CHARACTERS} bytes at least, was {len(key)}"
            )
        self._key = key
        self._jws = jwt.PyJWS(algorithms=[_ALGORITHM])
        if not self._is_usable():
            raise FatalError("the key of tokens must be random bytes, was one in PEM or SSH form")

    def issue(self, user: str, scopes: Sequence[str], lasts_s: float, now_ms: float) -> str:
        """A token for *user*, valid from now on for *lasts_s* seconds (rounded up).

        Raises:
            ValueError: with a sentence for people: the user, a scope or the time cannot be had.
        """
        if not _is_user(user):
            raise ValueError(f"a user must be 1–{MAX_USER_CHARACTERS} printable characters")
        if not _are_scopes(scopes):
            raise ValueError(
                f"scopes must be 1–{MAX_SCOPES} patterns of feeds, like board/* or alert/> or row/AAPL"
            )
        if not 0 < lasts_s <= LONGEST_S:
            raise ValueError(f"a token must last more than 0 and at most {LONGEST_S // 3600} hours")
        issued_s = int(now_ms // 1000)
        claims = _Claims(
            iss=ISSUER,
            aud=AUDIENCE,
            sub=user,
            exp=issued_s + math.ceil(lasts_s),
            iat=issued_s,
            jti=secrets.token_hex(16),
            scope=" ".join(scopes),
        )
        return self._jws.encode(encode_json(claims), self._key, _ALGORITHM)

    def read(self, text: str, now_ms: float) -> Token:
        """What the token *text* says, if it is ours and valid now.

        Whether it was revoked is for the caller to ask, by its id.

        Raises:
            TokenError: it is not; the only exception, whatever *text* holds.
        """
        claims = _claims(self._signed(text))
        scopes = tuple(claims.scope.split(" "))
        now_s = now_ms / 1000
        if (claims.iss, claims.aud) != (ISSUER, AUDIENCE):
            raise TokenError("the token is for something else: its issuer or audience is not ours")
        if not (_is_user(claims.sub) and _are_scopes(scopes) and is_token_id(claims.jti)):
            raise TokenError("the token's user, scopes or id are not of the right form")
        if claims.exp - claims.iat > LONGEST_S:
            raise TokenError(f"the token is for longer than {LONGEST_S // 3600} hours")
        if max(claims.iat, claims.nbf) > now_s + LEEWAY_S:
            raise TokenError("the token is not valid yet")
        if claims.exp <= now_s - LEEWAY_S:
            raise TokenError("the token has expired")
        return Token(claims.sub, scopes, claims.exp * 1000, claims.jti)

    def _signed(self, text: str) -> bytes:
        """The content of *text*, if its signature is ours."""
        content = None
        if _may_be_token(text):
            # Not raised from PyJWT's error, which carries parts of the token.
            with suppress(jwt.PyJWTError):
                content = self._jws.decode(text, self._key, [_ALGORITHM])
        if not isinstance(content, bytes):
            raise TokenError("it is no token that was signed with this service's key")
        return content

    def _is_usable(self) -> bool:
        try:
            self._jws.encode(b"", self._key, _ALGORITHM)
        except jwt.PyJWTError:
            return False
        return True


def key_from(settings: Settings) -> bytes | None:
    """The key that the settings give, in a variable or in a file; None without one."""
    # What was no UTF-8 in the environment becomes the bytes again that it was.
    return settings.token_key.encode("utf-8", "surrogateescape") or None


def random_key() -> str:
    """A new key, as `MESH_TOKEN_KEY` takes it.

    A service without a key uses one that nobody knows: so it is closed, and not open, by default.
    """
    return secrets.token_urlsafe(32)


def unverified_claims(text: str) -> dict[str, Any]:
    """What *text* claims, whoever wrote it: to be looked at, and never to be believed.

    Raises:
        TokenError: it has not the form of a token.
    """
    claims = None
    if _may_be_token(text):
        with suppress(jwt.PyJWTError, DecodeError):
            content = jwt.PyJWS().decode(text, options={"verify_signature": False})
            claims = _decode_object(content)
    if claims is None:
        raise TokenError("it has not the form of a token")
    return claims


def _may_be_token(text: str) -> bool:
    return len(text) <= MAX_TOKEN_CHARACTERS and text.isascii()


def _claims(content: bytes) -> _Claims:
    try:
        return _decode_claims(content)
    except DecodeError as error:  # names a claim and a kind, never a value
        raise TokenError(f"the token's claims are not as they must be: {error}") from None


def _is_user(text: str) -> bool:
    return 0 < len(text) <= MAX_USER_CHARACTERS and text.isprintable() and text == text.strip()


def _are_scopes(scopes: Sequence[str]) -> bool:
    return 0 < len(scopes) <= MAX_SCOPES and all(map(is_pattern, scopes))
