"""The keys that sign tokens, one after the other: which signs now, when the next one is due, when an old one goes.

Pure, except for new keys, which are drawn. A ring is stored where others could read it, so the private part of each key is sealed
(AES-256-GCM) with a key that is made from `MESH_TOKEN_KEY`, and bound to its public part. A process that cannot
open a key never signs with it, and makes one of its own when there is none left that it can open: so a
new `MESH_TOKEN_KEY` takes over by itself, while tokens of the last one go on being good.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from secrets import token_bytes, token_hex
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mesh.published_keys import LONGEST_S
from mesh.tokens import LEEWAY_S
from schemas.token_keys import MOST_KEYS, KeySet, PublicKey
from schemas.wire import Wire, encode_json, json_decoder


_DAY_MS = 24 * 3600 * 1000.0
_NONCE_BYTES = 12
_INFO = b"tickmesh: private keys of tokens, version 1"


class StoredKey(Wire, frozen=True):
    """A key of a ring."""

    public: PublicKey
    sealed: bytes
    """Its private part, as only holders of `MESH_TOKEN_KEY` can read it."""
    signs_from_ms: float
    """When it takes over from the one before it."""


class Ring(Wire, frozen=True):
    """Keys, by when they take over."""

    keys: tuple[StoredKey, ...] = ()

    @property
    def published(self) -> KeySet:
        """What everybody may know."""
        return KeySet([key.public for key in self.keys])


class Times(NamedTuple):
    """How long things last."""

    signs_days: float
    """After so long a key is followed by another."""
    lead_ms: float = 5 * 60 * 1000.0
    """So long before it signs a key is published: everybody who reads tokens knows it by then."""
    stays_ms: float = (LONGEST_S + 2 * LEEWAY_S + 60) * 1000.0
    """So long after it has signed a key stays published: its last token has expired, also by slower clocks."""


class Seal:
    """Closes and opens private keys, for holders of one `MESH_TOKEN_KEY`."""

    def __init__(self, token_key: bytes) -> None:
        derived = HKDF(SHA256(), 32, None, _INFO).derive(token_key)
        self._cipher = AESGCM(derived)

    def close(self, key: Ed25519PrivateKey, public: PublicKey) -> bytes:
        """*key*, sealed and bound to *public*."""
        nonce = token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key.private_bytes_raw(), encode_json(public))

    def open(self, stored: StoredKey) -> Ed25519PrivateKey | None:
        """The private key; None if another seal closed it, or somebody changed it."""
        nonce, closed = stored.sealed[:_NONCE_BYTES], stored.sealed[_NONCE_BYTES:]
        try:
            raw = self._cipher.decrypt(nonce, closed, encode_json(stored.public))
        except (InvalidTag, ValueError):
            return None
        return Ed25519PrivateKey.from_private_bytes(raw)


Opens = Callable[[StoredKey], bool]
"""Whether this process can open a key."""

decode_ring = json_decoder(Ring).decode


def new_key(seal: Seal, signs_from_ms: float) -> StoredKey:
    """A key that nobody has had before."""
    key = Ed25519PrivateKey.generate()
    x = urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    public = PublicKey(kid=token_hex(16), x=x)
    return StoredKey(public, seal.close(key, public), signs_from_ms)


def tended(ring: Ring, seal: Seal, times: Times, now_ms: float, opens: Opens) -> Ring:
    """*ring* without keys that are of no use any more, and with a new one if it is due."""
    kept = Ring(_useful(ring.keys, times, now_ms))
    if not any(map(opens, kept.keys)):
        return _with(kept, new_key(seal, now_ms))
    newest = kept.keys[-1]
    due_ms = newest.signs_from_ms + times.signs_days * _DAY_MS - times.lead_ms
    return _with(kept, new_key(seal, now_ms + times.lead_ms)) if now_ms >= due_ms else kept


def rotated(ring: Ring, seal: Seal, times: Times, now_ms: float) -> Ring:
    """*ring* with a key that takes over soon; as it is, if there is one already."""
    if ring.keys and ring.keys[-1].signs_from_ms > now_ms:
        return ring
    return _with(ring, new_key(seal, now_ms + times.lead_ms))


def renewed(seal: Seal, now_ms: float) -> Ring:
    """A ring of one new key: all others are known to somebody who must not, and their tokens are of no use any more."""
    return Ring((new_key(seal, now_ms),))


def signing(ring: Ring, now_ms: float, opens: Opens) -> StoredKey | None:
    """The key that signs now: the newest that has taken over, or the first that will. None: there is none to open."""
    usable = [key for key in ring.keys if opens(key)]
    begun = [key for key in usable if key.signs_from_ms <= now_ms]
    return begun[-1] if begun else next(iter(usable), None)


def _with(ring: Ring, key: StoredKey) -> Ring:
    ordered = sorted([*ring.keys, key], key=lambda each: each.signs_from_ms)
    return Ring(tuple(ordered[-MOST_KEYS:]))


def _useful(keys: tuple[StoredKey, ...], times: Times, now_ms: float) -> tuple[StoredKey, ...]:
    """Those that sign, will sign, or have signed what may not have expired yet."""
    followers = keys[1:]
    old = sum(follower.signs_from_ms + times.stays_ms <= now_ms for follower in followers)
    return keys[old:]
