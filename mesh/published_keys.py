"""Tokens of the control plane: signed by a key of its own (Ed25519), read by everybody who knows the published ones.

A token names in its header the key that signed it. That name is looked up among the published keys and is of no
other use; the key decides how the signature is proved, whatever the token says of its algorithm. A token that
names no key is one of this machine (`mesh.tokens`), so neither kind is ever proved in the other's way.
"""

from base64 import urlsafe_b64decode

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mesh.tokens import Token, Tokens, names_key, signed_content, unsigned, valid_token
from schemas.token_keys import KeySet, PublicKey


LONGEST_S = 15 * 60
"""How long a token of the control plane lives at most."""

_ALGORITHM = "EdDSA"


class TokenReader:
    """Reads the tokens of this machine's key, and those of the keys that were published last."""

    def __init__(self, local: Tokens) -> None:
        self._local = local
        self._jws = jwt.PyJWS(algorithms=[_ALGORITHM])
        self._keys: dict[str, Ed25519PublicKey] = {}

    @property
    def keys(self) -> frozenset[str]:
        """The ids of the published keys."""
        return frozenset(self._keys)

    def publish(self, published: KeySet) -> None:
        """Know *published*, and no other keys, from now on."""
        self._keys = {key.kid: _public(key) for key in published.keys}

    def read(self, text: str, now_ms: float) -> Token:
        """What the token *text* says, if it is one of ours and valid now.

        Raises:
            TokenError: it is not; the only exception, whatever *text* holds.
        """
        named = names_key(text)
        if named is None:
            return self._local.read(text, now_ms)
        key = self._keys.get(named) if isinstance(named, str) else None
        if key is None:
            raise unsigned()
        content = signed_content(self._jws, text, key, _ALGORITHM)
        return valid_token(content, now_ms, LONGEST_S, str(named))


def sign(content: bytes, kid: str, key: Ed25519PrivateKey) -> str:
    """The token of *content*, signed with *key*, which is published as *kid*."""
    return jwt.PyJWS(algorithms=[_ALGORITHM]).encode(content, key, _ALGORITHM, {"kid": kid})


def _public(key: PublicKey) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(f"{key.x}="))
