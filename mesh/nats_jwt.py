"""The claims that a nats-server believes: who signs for whom, what an account shares, what a user may do.

A chain of Ed25519 keys: the *operator*, whom servers trust by their configuration, signs *accounts*
(separate worlds of subjects), and an account signs its *users*. A server is asked to know accounts
only, so a user is made without telling any server, and taken back by a line in its account.

A claim is a JWT with an algorithm of the server's own, `ed25519-nkey`, and its payload a JSON object;
field names are those of the server's library for claims, version 2. Keys are written in base 32: public ones begin with `O`,
`A` or `U` for operator, account and user, secret ones (seeds) with `SO`, `SA`, `SU`. Claims are no
secret: whoever shows one must sign with its seed as well.
"""

import hashlib
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any

import nkeys
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from mesh.errors import TokenError
from schemas.wire import DecodeError, encode_json, json_decoder


Claims = dict[str, Any]

NO_LIMIT = -1
VERSION = 2
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_KEY_BYTES = 32
_JWT_MARK = "NATS USER JWT"
_SEED_MARK = "USER NKEY SEED"

_decode = json_decoder(Claims).decode


class Kind(IntEnum):
    """Whose a key is; the value is the byte before it, which makes its first letter."""

    OPERATOR = nkeys.PREFIX_BYTE_OPERATOR
    ACCOUNT = nkeys.PREFIX_BYTE_ACCOUNT
    USER = nkeys.PREFIX_BYTE_USER


def seed_of(kind: Kind, secret: bytes) -> str:
    """The seed that 32 random bytes make."""
    return str(nkeys.encode_seed(secret, kind), "ascii")


def public_key(seed: str) -> str:
    """The public key of a seed.

    Raises:
        TokenError: it is no seed.
    """
    return str(_pair(seed).public_key, "ascii")


def is_public_key(text: str, kind: Kind) -> bool:
    """Whether *text* is written as a public key of *kind*."""
    try:
        raw = b32decode(text)
    except ValueError:
        return False
    body, crc = raw[:-2], raw[-2:]
    return len(raw) == _KEY_BYTES + 3 and raw[0] == kind and nkeys.crc16_checksum(body) == crc


def signed(claims: Claims, seed: str, issued_s: int) -> str:
    """*claims* as a JWT of the key with this *seed*, issued at *issued_s* (epoch seconds)."""
    pair = _pair(seed)
    whole = {**claims, "iss": str(pair.public_key, "ascii"), "iat": issued_s, "jti": ""}
    whole["jti"] = str(b32encode(hashlib.sha256(encode_json(whole)).digest()), "ascii").rstrip("=")
    text = f"{_written(encode_json(_HEADER))}.{_written(encode_json(whole))}"
    return f"{text}.{_written(pair.sign(text.encode()))}"


def unverified(token: str) -> Claims:
    """What a JWT says, whoever signed it: for who holds it and shows it himself.

    Raises:
        TokenError: it is no JWT.
    """
    try:
        return _decode(_bytes(token.split(".")[1]))
    except (IndexError, ValueError, DecodeError):
        raise TokenError("not a JWT of a nats-server") from None


def verified(token: str, issuers: Iterable[str]) -> Claims:
    """What a JWT says that one of *issuers* (public keys) has signed.

    Raises:
        TokenError: it is none, or somebody else's.
    """
    claims = unverified(token)
    text, _, signature = token.rpartition(".")
    issuer = claims.get("iss")
    try:
        if issuer not in {*issuers} or _decode(_bytes(text.split(".")[0])) != _HEADER:
            raise TokenError("a JWT of a nats-server must be signed by one of our own keys")
        VerifyKey(b32decode(issuer)[1:-2]).verify(text.encode(), _bytes(signature))
    except (ValueError, DecodeError, BadSignatureError):
        raise TokenError("a JWT of a nats-server must bear the signature of its issuer") from None
    return claims


def operator(name: str, key: str, signing_key: str, system_account: str) -> Claims:
    """The claims of the operator *key*, for whom *signing_key* may sign accounts as well."""
    about = {"signing_keys": [signing_key], "system_account": system_account}
    return _claims("operator", name, key, about)


def account(name: str, key: str, **about: Any) -> Claims:
    """The claims of an account without JetStream; *about* adds fields, and limits in place of the usual ones."""
    limits = {
        **dict.fromkeys(
            ("subs", "data", "payload", "imports", "exports", "conn", "leaf"), NO_LIMIT
        ),
        "wildcards": True,
        **about.pop("limits", {}),
    }
    return _claims("account", name, key, {**about, "limits": limits})


def user(
    name: str,
    key: str,
    publish: Sequence[str],
    subscribe: Sequence[str],
    *,
    expires_s: int | None = None,
    limits: dict[str, int] | None = None,
) -> Claims:
    """The claims of a user that may publish and subscribe to these subjects and no others."""
    about = {
        "pub": {"allow": [*publish]},
        "sub": {"allow": [*subscribe]},
        **dict.fromkeys(("subs", "data", "payload"), NO_LIMIT),
        **(limits or {}),
    }
    claims = _claims("user", name, key, about)
    return claims if expires_s is None else {**claims, "exp": expires_s}


def with_revoked(claims: Claims, revoked: dict[str, int], since_s: int) -> Claims:
    """The *claims* of an account that also takes back users (public keys) issued up to a moment (epoch seconds).

    Those that were taken back before *since_s* are forgotten: whatever they were given has ended by then.
    """
    before = revoked_in(claims)
    latest = before | {key: max(at_s, before.get(key, 0)) for key, at_s in revoked.items()}
    after = {key: at_s for key, at_s in latest.items() if at_s >= since_s}
    return {**claims, "nats": {**claims["nats"], "revocations": after}}


def revoked_in(claims: Claims) -> dict[str, int]:
    """The users that an account takes back, with the moment up to which."""
    found: dict[str, int] = claims["nats"].get("revocations", {})
    return found


def creds(token: str, seed: str) -> str:
    """The text of a `.creds` file, as every client of NATS reads it."""
    return (
        f"-----BEGIN {_JWT_MARK}-----\n{token}\n------END {_JWT_MARK}------\n\n"
        "The seed is a secret: whoever has it is this user.\n\n"
        f"-----BEGIN {_SEED_MARK}-----\n{seed}\n------END {_SEED_MARK}------\n"
    )


def claims_in(text: str) -> Claims:
    """What the JWT in the text of a `.creds` file says.

    Raises:
        TokenError: there is none, or no seed with it.
    """
    lines = text.splitlines()
    marked = [number for number, line in enumerate(lines) if f"BEGIN {_JWT_MARK}" in line]
    if not marked or f"BEGIN {_SEED_MARK}" not in text or marked[0] + 1 >= len(lines):
        raise TokenError("credentials must hold a JWT of a user and its seed")
    return unverified(lines[marked[0] + 1].strip())


def _claims(kind: str, name: str, key: str, about: dict[str, Any]) -> Claims:
    return {"sub": key, "name": name, "nats": {**about, "type": kind, "version": VERSION}}


def _pair(seed: str) -> Any:
    try:
        return nkeys.from_seed(bytearray(seed, "ascii"))
    except (nkeys.NkeysError, ValueError, TypeError):
        raise TokenError("not the seed of a key") from None


def _written(data: bytes) -> str:
    return str(urlsafe_b64encode(data), "ascii").rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
