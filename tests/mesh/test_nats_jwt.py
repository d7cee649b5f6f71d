"""Claims as a nats-server believes them: signed by whom, changed by nobody."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import TokenError
from mesh.nats_jwt import (
    Kind,
    account,
    claims_in,
    creds,
    is_public_key,
    public_key,
    revoked_in,
    seed_of,
    signed,
    unverified,
    user,
    verified,
    with_revoked,
)


ISSUER = seed_of(Kind.OPERATOR, b"i" * 32)
OTHER = seed_of(Kind.OPERATOR, b"o" * 32)
READER = seed_of(Kind.USER, b"r" * 32)
CLAIMS = account("EXTERNAL", public_key(seed_of(Kind.ACCOUNT, b"a" * 32)))
TOKEN = signed(CLAIMS, ISSUER, 1000)


def test_claims_are_read_back_by_who_knows_the_issuer() -> None:
    """What was signed says what was given, who signed it and when."""
    read = verified(TOKEN, [public_key(OTHER), public_key(ISSUER)])

    assert read["sub"] == CLAIMS["sub"]
    assert read["nats"] == CLAIMS["nats"]
    assert (read["iss"], read["iat"]) == (public_key(ISSUER), 1000)


def _with_header(header: bytes) -> str:
    first = urlsafe_b64encode(header).decode().rstrip("=")
    return ".".join([first, *TOKEN.split(".")[1:]])


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "ä.ö.ü",
        TOKEN.rpartition(".")[0] + ".",
        TOKEN.rpartition(".")[0] + "." + signed(CLAIMS, ISSUER, 1001).rpartition(".")[2],
        signed(CLAIMS, OTHER, 1000),
        _with_header(b'{"typ":"JWT","alg":"none"}'),
        _with_header(b'{"typ":"JWT","alg":"HS256"}'),
        ".".join([*TOKEN.split(".")[:1], "W10", TOKEN.split(".")[2]]),
    ],
)
def test_claims_of_others_are_refused(token: str) -> None:
    """Another issuer, no signature, that of other claims, another algorithm, or no JWT at all: and the text is not in the error."""
    with pytest.raises(TokenError) as refused:
        verified(token, [public_key(ISSUER)])

    assert not token or token not in str(refused.value)


@given(st.binary(min_size=32, max_size=32), st.sampled_from(Kind))
def test_public_keys_are_told_by_their_kind(secret: bytes, kind: Kind) -> None:
    """A key is one of its kind and of no other, and with a letter changed of none."""
    key = public_key(seed_of(kind, secret))

    assert [is_public_key(key, each) for each in Kind] == [each is kind for each in Kind]
    assert not is_public_key(key[:-1] + ("A" if key[-1] != "A" else "B"), kind)
    assert not is_public_key(seed_of(kind, secret), kind)


def test_credentials_hold_the_user_and_its_seed() -> None:
    """The text of a file gives the claims back; without a seed it is none."""
    token = signed(user("ann", public_key(READER), ["a"], ["b"], expires_s=9), ISSUER, 1)
    text = creds(token, READER)

    assert claims_in(text) == unverified(token)
    assert claims_in(text)["exp"] == 9
    for broken in ("", token, text.partition("-----BEGIN USER")[0]):
        with pytest.raises(TokenError):
            claims_in(broken)


def test_seeds_are_refused_without_being_shown() -> None:
    """What is no seed may be nearly one: it is in no error."""
    with pytest.raises(TokenError) as refused:
        public_key(READER[:-1] + "!")

    assert READER[:20] not in str(refused.value)


def test_revocations_add_up_and_are_forgotten_in_the_end() -> None:
    """The latest moment counts, whoever comes first; what is older than asked for is dropped."""
    once = with_revoked(CLAIMS, {"a": 10, "b": 20}, 0)
    twice = with_revoked(once, {"a": 5, "c": 30}, 15)

    assert revoked_in(CLAIMS) == {}
    assert revoked_in(once) == {"a": 10, "b": 20}
    assert revoked_in(twice) == {"b": 20, "c": 30}
