"""The public keys of the tokens that the control plane issues, as a JSON Web Key Set (RFC 7517, RFC 8037).

Stored in KV `keys` under `JWKS_KEY`, and served as `/.well-known/jwks.json`. Whoever reads it takes the keys
that it understands and leaves the others: a newer control plane may sign in another way.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, convert

from schemas.wire import DecodeError, Wire, json_decoder


JWKS_KEY = "jwks"
MOST_KEYS = 16
"""No set that we make has half as many."""

_X = r"\A[A-Za-z0-9_-]{43}\Z"


class PublicKey(Wire, frozen=True):
    """An Ed25519 key that proves signatures, and is of use for nothing else."""

    kid: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
    """Which a token names in its header."""
    x: Annotated[str, Meta(pattern=_X)]
    """The key: 32 bytes in base64url."""
    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    alg: Literal["EdDSA"] = "EdDSA"
    use: Literal["sig"] = "sig"


class KeySet(Wire, frozen=True):
    """All keys that tokens may be signed with now, soon, or were lately."""

    keys: list[PublicKey]


class _AnySet(Wire, frozen=True):
    keys: list[dict[str, Any]]


_decode = json_decoder(_AnySet).decode


def parse_key_set(content: bytes) -> KeySet:
    """The keys of a set that are of our kind.

    Raises:
        DecodeError: it is no set, or one with too many keys.
    """
    found = _decode(content)
    if len(found.keys) > MOST_KEYS:
        raise DecodeError(f"a set must have {MOST_KEYS} keys at most, has {len(found.keys)}")
    keys = [key for each in found.keys if (key := _ours(each)) is not None]
    return KeySet(keys)


def _ours(found: dict[str, Any]) -> PublicKey | None:
    if not {"kid", "x", "kty", "crv", "alg", "use"} <= found.keys():
        return None
    try:
        return convert(found, PublicKey)
    except DecodeError:
        return None
