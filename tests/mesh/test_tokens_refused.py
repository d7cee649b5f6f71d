"""Tokens that are not ours, or not valid now: all are refused in the same way, and nothing is given away."""

import traceback

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import TokenError
from mesh.tokens import LEEWAY_S, LONGEST_S, MAX_SCOPES, MAX_TOKEN_CHARACTERS, unverified_claims
from tests.mesh.claims import CLAIMS, KEY, NOW_MS, NOW_S, TOKENS, signed


SIGNED_BUT_REFUSED: dict[str, str] = {
    "other algorithm": signed(algorithm="HS512"),
    "no algorithm": jwt.encode(CLAIMS, "", "none"),
    "other key": signed(key=KEY[::-1]),
    "other issuer": signed({"iss": "elsewhere"}),
    "other audience": signed({"aud": "control"}),
    "several audiences": signed({"aud": ["widgets", "control"]}),
    "expired": signed({"exp": NOW_S - LEEWAY_S, "iat": NOW_S - 60}),
    "not yet issued": signed({"iat": NOW_S + LEEWAY_S + 1, "exp": NOW_S + 60}),
    "not yet valid": signed({"nbf": NOW_S + LEEWAY_S + 1}),
    "too long": signed({"exp": NOW_S + LONGEST_S + 1}),
    "endless": signed({"exp": 1 << 60}),
    "beyond integers": signed({"exp": 10**400}),
    "not a number": signed({"exp": float("nan")}),
    "end as text": signed({"exp": str(NOW_S + 60)}),
    "end as switch": signed({"exp": True}),
    "fractional end": signed({"exp": NOW_S + 0.5}),
    "negative start": signed({"iat": -1}),
    "user is a number": signed({"sub": 5}),
    "user cannot be printed": signed({"sub": "an\x1bn"}),
    "user is empty": signed({"sub": ""}),
    "user is huge": signed({"sub": "a" * 101}),
    "scopes as list": signed({"scope": ["board/*"]}),
    "no scopes": signed({"scope": ""}),
    "scope is no pattern": signed({"scope": "board/* a//b"}),
    "too many scopes": signed({"scope": " ".join(["a"] * (MAX_SCOPES + 1))}),
    "id cannot be revoked": signed({"jti": "a.b"}),
    "id with wildcard": signed({"jti": ">"}),
    "id is empty": signed({"jti": ""}),
    **{f"without {claim}": signed({claim: None}) for claim in CLAIMS},
}
PARTS = signed().split(".")
MALFORMED = {
    "empty": "",
    "dots": "..",
    "many dots": "." * 5000,
    "no token": "hunter2",
    "not ASCII": "é" * 10,
    "surrogate": "\ud800",
    "null": "\0",
    "huge": "a" * (MAX_TOKEN_CHARACTERS + 1),
    "huge and dotted": ".".join(["eyJ" * 500_000] * 3),
    "without signature": f"{PARTS[0]}.{PARTS[1]}.",
    "without the last part": f"{PARTS[0]}.{PARTS[1]}",
    "four parts": f"{signed()}.{PARTS[2]}",
    "other content": ".".join([PARTS[0], signed({"sub": "eve"}).split(".")[1], PARTS[2]]),
    "spaces": f" {signed()}",
    "line feed": f"{signed()}\n",
    "algorithm as list": f"eyJhbGciOlsiSFMyNTYiXX0.{PARTS[1]}.{PARTS[2]}",
    "algorithm null": f"eyJhbGciOm51bGx9.{PARTS[1]}.{PARTS[2]}",
    "header is a list": f"W10.{PARTS[1]}.{PARTS[2]}",
    "unknown critical": jwt.encode(CLAIMS, KEY, "HS256", {"crit": ["x"], "x": 1}),
    "key id is a number": f"eyJhbGciOiJIUzI1NiIsImtpZCI6NX0.{PARTS[1]}.{PARTS[2]}",
    "content is a list": jwt.api_jws.encode(b"[]", KEY, "HS256"),
    "content is no JSON": jwt.api_jws.encode(b"\xff", KEY, "HS256"),
    "content is deep": jwt.api_jws.encode(b"[" * 5000, KEY, "HS256"),
    "content is detached": jwt.api_jws.encode(b"{}", KEY, "HS256", is_payload_detached=True),
}
REFUSED = SIGNED_BUT_REFUSED | MALFORMED


@pytest.mark.parametrize("name", REFUSED)
def test_other_token_is_refused_and_never_shown(name: str) -> None:
    """Whatever is not ours and valid now is refused; neither it nor the key is in anything that the error shows."""
    text = REFUSED[name]

    with pytest.raises(TokenError) as refusal:
        TOKENS.read(text, NOW_MS)
    error = refusal.value
    shown = "".join(traceback.format_exception(error)) + repr(error.__context__)
    parts = [part for part in [text, *text.split(".")] if len(part) > 6]
    assert not [part for part in parts if part in shown]
    assert KEY.decode() not in shown
    assert "hunter2" not in shown
    assert len(shown) < 5000


def test_usual_token_of_these_tests_is_read() -> None:
    """The claims that the refused tokens change are fine by themselves, and unknown ones do no harm."""
    assert TOKENS.read(signed(), NOW_MS).user == "ann"
    assert TOKENS.read(signed({"nbf": NOW_S, "name": "Ann"}), NOW_MS).scopes == (
        "board/*",
        "alert/>",
    )


@given(st.data())
def test_changed_token_is_refused(data: st.DataObject) -> None:
    """A token of which any one character is another is not read."""
    text = TOKENS.issue("ann", ["board/*"], 60, NOW_MS)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(max_codepoint=0x7F).filter(lambda each: each != text[place]))

    with pytest.raises(TokenError):
        TOKENS.read(text[:place] + other + text[place + 1 :], NOW_MS)


@given(st.text() | st.text("eyJ.-_=0aA", max_size=300))
def test_any_text_is_refused_in_one_way(text: str) -> None:
    """Reading and looking at arbitrary text ends in a refusal, and in no other error."""
    with pytest.raises(TokenError):
        TOKENS.read(text, NOW_MS)
    with pytest.raises(TokenError):
        unverified_claims(text)


@given(st.binary(max_size=100), st.binary(max_size=200))
def test_any_signed_content_is_refused_in_one_way(content: bytes, noise: bytes) -> None:
    """Not even a holder of the key can make reading fail in another way."""
    for payload in (content, b'{"iss":' + noise + b"}"):
        with pytest.raises(TokenError):
            TOKENS.read(jwt.api_jws.encode(payload, KEY, "HS256"), NOW_MS)


def test_claims_can_be_looked_at_without_the_key() -> None:
    """What a token says can be seen whoever signed it; what has not the form of one is not shown again."""
    assert unverified_claims(signed(key=KEY[::-1])) == CLAIMS
    assert unverified_claims(REFUSED["no algorithm"]) == CLAIMS
    for name in ("no token", "content is a list", "content is no JSON", "content is deep", "huge"):
        with pytest.raises(TokenError, match="has not the form of a token"):
            unverified_claims(REFUSED[name])
