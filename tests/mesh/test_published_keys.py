"""Tokens of the control plane: read with exactly the key that was published, and in no other way."""

from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import TokenError
from mesh.published_keys import LONGEST_S, TokenReader, sign
from mesh.tokens import LEEWAY_S, MAX_TOKEN_CHARACTERS, new_content
from schemas.token_keys import MOST_KEYS, KeySet, PublicKey, parse_key_set
from schemas.wire import DecodeError, encode_json
from tests.mesh.claims import CLAIMS, KEY, NOW_MS, NOW_S, TOKENS


def _x(key: Ed25519PrivateKey) -> str:
    return urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()


PRIVATE = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"2" * 32)
KID = "key-1"
PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
RAW = PRIVATE.public_key().public_bytes_raw()


@pytest.fixture
def reader() -> TokenReader:
    """Knows the key of this machine, and one that is published."""
    made = TokenReader(TOKENS)
    made.publish(KeySet([PublicKey(kid=KID, x=_x(PRIVATE))]))
    return made


def _signed(
    changes: dict[str, Any] | None = None,
    key: Any = PRIVATE,
    headers: dict[str, Any] | None = None,
    algorithm: str = "EdDSA",
) -> str:
    claims = {**CLAIMS, **(changes or {})}
    return jwt.encode(claims, key, algorithm, {"kid": KID} if headers is None else headers)


def _by_hand(header: dict[str, Any], key: bytes) -> str:
    """Signed with HMAC, whatever PyJWT thinks of *key*."""
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    parts = [encode_json(header), encode_json(CLAIMS)]
    head = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return b".".join([head, urlsafe_b64encode(hmac.sign(head, key)).rstrip(b"=")]).decode()


def test_token_of_a_published_key_is_read(reader: TokenReader) -> None:
    """It says whose it is and which key signed it; one of this machine is read beside it."""
    content = new_content("ann", ["board/*"], 600, NOW_S, LONGEST_S)

    token = reader.read(sign(content, KID, PRIVATE), NOW_MS)
    assert (token.user, token.scopes, token.key) == ("ann", ("board/*",), KID)
    assert token.expires_ms == (NOW_S + 600) * 1000
    assert token.issued_ms == NOW_S * 1000
    assert reader.read(TOKENS.issue("bob", [">"], 60, NOW_MS), NOW_MS).key == ""


REFUSED: dict[str, str] = {
    "HMAC with the public key as PEM": _by_hand({"alg": "HS256", "kid": KID}, PEM),
    "HMAC with the public key as bytes": _by_hand({"alg": "HS256", "kid": KID}, RAW),
    "HMAC with the public key as text": _by_hand({"alg": "HS256", "kid": KID}, _x(PRIVATE).encode()),
    "HMAC with the public key, no kid": _by_hand({"alg": "HS256"}, PEM),
    "EdDSA in name, HMAC in truth": _by_hand({"alg": "EdDSA", "kid": KID}, RAW),
    "key of this machine, with a kid": jwt.encode(CLAIMS, KEY, "HS256", {"kid": KID}),
    "key of this machine, with an unknown kid": jwt.encode(CLAIMS, KEY, "HS256", {"kid": "x"}),
    "key of this machine, with an empty kid": jwt.encode(CLAIMS, KEY, "HS256", {"kid": ""}),
    "published key, without a kid": _signed(headers={}),
    "no algorithm": jwt.encode(CLAIMS, "", "none", {"kid": KID}),
    "other curve": _signed(key=generate_private_key(SECP256R1()), algorithm="ES256"),
    "other key under this kid": _signed(key=OTHER),
    "kid of nobody": _signed(headers={"kid": "key-2"}),
    "kid is a path": _signed(headers={"kid": "../../../dev/null"}),
    "kid is a URL": _signed(headers={"kid": "https://evil.example.com/jwks.json"}),
    "kid is a wildcard": _signed(headers={"kid": ">"}),
    "kid is empty": _signed(headers={"kid": ""}),
    "kid is long": _signed(headers={"kid": "k" * 5000}),
    "kid is longer than any token": _signed(headers={"kid": "k" * MAX_TOKEN_CHARACTERS}),
    "kid is SQL": _signed(headers={"kid": "' or 1=1 --"}),
    "kid is nearly it": _signed(headers={"kid": f"{KID}\0"}),
    "kid is a list": _by_hand({"alg": "EdDSA", "kid": [KID]}, RAW),
    "kid is null": _by_hand({"alg": "HS256", "kid": None}, KEY),
    "key in the header": _signed(
        key=OTHER,
        headers={"kid": "mine", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": _x(OTHER)}},
    ),
    "address of a key in the header": _signed(
        key=OTHER, headers={"kid": KID, "jku": "https://evil.example.com/jwks.json"}
    ),
    "other audience": _signed({"aud": "control"}),
    "several audiences": _signed({"aud": ["widgets", "control"]}),
    "other issuer": _signed({"iss": "elsewhere"}),
    "expired": _signed({"exp": NOW_S - LEEWAY_S, "iat": NOW_S - 60}),
    "not yet issued": _signed({"iat": NOW_S + LEEWAY_S + 1, "exp": NOW_S + 60}),
    "longer than a quarter of an hour": _signed({"exp": NOW_S + LONGEST_S + 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_token_that_no_published_key_signed_is_refused(name: str, reader: TokenReader) -> None:
    """Neither another algorithm nor another way to name a key lets anybody in; all are refused as tokens are."""
    with pytest.raises(TokenError):
        reader.read(REFUSED[name], NOW_MS)


def test_token_of_a_retired_key_is_refused(reader: TokenReader) -> None:
    """What is not published any more proves nothing, and what is published anew does at once."""
    text = _signed()
    assert reader.read(text, NOW_MS)

    reader.publish(KeySet([PublicKey(kid="key-2", x=_x(OTHER))]))
    with pytest.raises(TokenError, match="signed with"):
        reader.read(text, NOW_MS)
    assert reader.read(_signed(key=OTHER, headers={"kid": "key-2"}), NOW_MS)


@given(st.data())
def test_changed_token_of_a_published_key_is_refused(data: st.DataObject) -> None:
    """A token of which any one character is another is not read; of the last one not all bits mean something."""
    reader = TokenReader(TOKENS)
    reader.publish(KeySet([PublicKey(kid=KID, x=_x(PRIVATE))]))
    text = _signed()
    place = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(st.characters(max_codepoint=0x7F).filter(lambda each: each != text[place]))

    with pytest.raises(TokenError):
        reader.read(text[:place] + other + text[place + 1 :], NOW_MS)


@given(st.text() | st.text("eyJ.-_=0aA", max_size=300))
def test_any_text_is_refused_in_one_way_by_all_keys(text: str) -> None:
    """Reading arbitrary text ends in a refusal, and in no other error."""
    with pytest.raises(TokenError):
        TokenReader(TOKENS).read(text, NOW_MS)


def test_set_gives_only_keys_of_our_kind() -> None:
    """A set of others' keys has none of ours: no secret one, no other curve, none for encryption."""
    ours = {"kid": KID, "x": _x(PRIVATE), "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"}  # fmt: skip
    others = [
        {"kid": "a", "kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "use": "sig"},
        *({**ours, **change} for change in (
            {"alg": "HS256"}, {"crv": "Ed448"}, {"kty": "oct"}, {"use": "enc"}, {"kid": ""}, {"kid": "../x"},
            {"kid": 5}, {"x": ""}, {"x": f"{_x(PRIVATE)}\n"}, {"x": "a" * 44},
        )),
        {name: value for name, value in ours.items() if name != "alg"},
    ]  # fmt: skip

    found = parse_key_set(encode_json({"keys": [*others, {**ours, "newer": 1}], "newer": 2}))
    assert found == KeySet([PublicKey(kid=KID, x=_x(PRIVATE))])


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"keys":5}', b'{"keys":[5]}', b"\xff", b"[" * 5000]
)
def test_what_is_no_set_is_refused(content: bytes) -> None:
    """Whatever is stored where the set should be is refused in one way."""
    with pytest.raises(DecodeError):
        parse_key_set(content)


def test_set_of_too_many_keys_is_refused() -> None:
    """Nobody can have each token tried with, or memory filled by, keys without end."""
    keys = [PublicKey(kid=str(number), x=_x(PRIVATE)) for number in range(MOST_KEYS + 1)]

    assert len(parse_key_set(encode_json(KeySet(keys[1:]))).keys) == MOST_KEYS
    with pytest.raises(DecodeError, match="at most"):
        parse_key_set(encode_json(KeySet(keys)))
