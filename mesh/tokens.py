"""Who a client is and what it may see, in a text that only a holder of the key can write.

A token is a JWT: issuer `tickmesh`, audience `widgets`, a user, scopes (see `mesh.scopes`), an id by
which it can be revoked, and an end. Here are those of one machine, signed with HMAC-SHA-256 and good for a
day at most; those of the control plane are in `mesh.published_keys`. No other algorithm is read, whatever a
token says of itself. Signatures are compared in constant time (by PyJWT, with `hmac.compare_digest`);
nothing else here is compared with a secret.

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
_HOUR_S = 3600
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
    issued_ms: int
    """Epoch milliseconds UTC, a whole second."""
    key: str = ""
    """Id of the published key that signed it; empty: the key of this machine."""


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
        issued_s = int(now_ms // 1000)
        content = new_content(user, scopes, lasts_s, issued_s, LONGEST_S)
        return self._jws.encode(content, self._key, _ALGORITHM)

    def read(self, text: str, now_ms: float) -> Token:
        """What the token *text* says, if it is ours and valid now.

        Whether it was revoked is for the caller to ask, by its id.

        Raises:
            TokenError: it is not; the only exception, whatever *text* holds.
        """
        content = signed_content(self._jws, text, self._key, _ALGORITHM)
        return valid_token(content, now_ms, LONGEST_S)

    def _is_usable(self) -> bool:
        try:
            self._jws.encode(b"", self._key, _ALGORITHM)
        except jwt.PyJWTError:
            return False
        return True


def new_content(
    user: str, scopes: Sequence[str], lasts_s: float, issued_s: int, longest_s: int
) -> bytes:
    """What a new token says, to be signed.

    Raises:
        ValueError: with a sentence for people: the user, a scope or the time cannot be had.
    """
    if not is_user(user):
        raise ValueError(f"a user must be 1–{MAX_USER_CHARACTERS} printable characters")
    if not are_scopes(scopes):
        raise ValueError(
            f"scopes must be 1–{MAX_SCOPES} patterns of feeds, like board/* or alert/> or row/AAPL"
        )
    if not 0 < lasts_s <= longest_s:
        raise ValueError(f"a token must last more than 0 and at most {_long(longest_s)}")
    return encode_json(
        _Claims(
            iss=ISSUER,
            aud=AUDIENCE,
            sub=user,
            exp=issued_s + math.ceil(lasts_s),
            iat=issued_s,
            jti=secrets.token_hex(16),
            scope=" ".join(scopes),
        )
    )


def valid_token(content: bytes, now_ms: float, longest_s: int, key: str = "") -> Token:
    """What the *content* of a token says, whose signature by *key* was proved, if it is valid now.

    Raises:
        TokenError: it is not.
    """
    claims = _claims(content)
    scopes = tuple(claims.scope.split(" "))
    now_s = now_ms / 1000
    if (claims.iss, claims.aud) != (ISSUER, AUDIENCE):
        raise TokenError("the token is for something else: its issuer or audience is not ours")
    if not (is_user(claims.sub) and are_scopes(scopes) and is_token_id(claims.jti)):
        raise TokenError("the token's user, scopes or id are not of the right form")
    if claims.exp - claims.iat > longest_s:
        raise TokenError(f"the token is for longer than {_long(longest_s)}")
    if max(claims.iat, claims.nbf) > now_s + LEEWAY_S:
        raise TokenError("the token is not valid yet")
    if claims.exp <= now_s - LEEWAY_S:
        raise TokenError("the token has expired")
    return Token(claims.sub, scopes, claims.exp * 1000, claims.jti, claims.iat * 1000, key)


def signed_content(jws: jwt.PyJWS, text: str, key: Any, algorithm: str) -> bytes:
    """The content of the token *text*, if *key* signed it by exactly this *algorithm*.

    Raises:
        TokenError: it did not.
    """
    content = None
    if _may_be_token(text):
        # Not raised from PyJWT's error, which carries parts of the token.
        with suppress(jwt.PyJWTError):
            content = jws.decode(text, key, [algorithm])
    if not isinstance(content, bytes):
        raise unsigned()
    return content


def names_key(text: str) -> object:
    """What *text* names as the id of its key, whoever wrote it; None if it names none.

    Raises:
        TokenError: it has not the form of a token.
    """
    header = None
    if _may_be_token(text):
        with suppress(jwt.PyJWTError):
            header = jwt.get_unverified_header(text)
    if header is None:
        raise unsigned()
    return header.get("kid")


def unsigned() -> TokenError:
    """The same refusal for whatever nobody signed whom we know."""
    return TokenError("it is no token that was signed with this service's key")


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


def is_user(text: str) -> bool:
    """Whether *text* can name a user."""
    return 0 < len(text) <= MAX_USER_CHARACTERS and text.isprintable() and text == text.strip()


def are_scopes(scopes: Sequence[str]) -> bool:
    """Whether *scopes* can be those of a token."""
    return 0 < len(scopes) <= MAX_SCOPES and all(map(is_pattern, scopes))


def _long(seconds: int) -> str:
    return f"{seconds // _HOUR_S} hours" if seconds >= _HOUR_S else f"{seconds // 60} minutes"
