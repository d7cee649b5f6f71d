"""Tokens: what is issued is read, by whom, and for how long; what is refused is in `test_tokens_refused`."""

import traceback
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh import topology
from mesh.errors import FatalError, TokenError
from mesh.scopes import is_pattern
from mesh.settings import Settings
from mesh.tokens import (
    LEEWAY_S,
    LONGEST_S,
    MAX_SCOPES,
    MAX_TOKEN_CHARACTERS,
    Token,
    Tokens,
    key_from,
    random_key,
)
from schemas.control_naming import revoked_key
from tests.mesh.claims import CLAIMS, KEY, NOW_MS, NOW_S, TOKENS


users = st.text(
    st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=100
)  # what can be printed
some_scopes = st.lists(
    st.text("abZ.:_-*>/", min_size=1, max_size=20).filter(is_pattern), min_size=1, max_size=MAX_SCOPES
)  # fmt: skip


@given(users, some_scopes, st.floats(0.1, LONGEST_S))
def test_issued_token_is_read(user: str, scopes: list[str], lasts_s: float) -> None:
    """User and scopes come back, with an end that is as asked and an id that can be revoked."""
    text = TOKENS.issue(user, scopes, lasts_s, NOW_MS)

    token = TOKENS.read(text, NOW_MS)
    assert token == Token(user, tuple(scopes), token.expires_ms, token.id, NOW_S * 1000)
    assert lasts_s <= token.expires_ms / 1000 - NOW_S < lasts_s + 1
    assert revoked_key(token.id) == token.id
    assert len(text) <= MAX_TOKEN_CHARACTERS
    assert text.isascii()


def test_token_is_what_others_understand() -> None:
    """Any JWT library with the key reads issuer, audience, user, times and scope, and no two ids are the same."""
    texts = [TOKENS.issue("ann", ["board/*", "alert/>"], 60, NOW_MS) for _ in range(50)]

    claims = [
        jwt.decode(
            text, KEY, ["HS256"], {"verify_exp": False}, audience="widgets", issuer="tickmesh"
        )
        for text in texts
    ]
    assert {**claims[0], "jti": ""} == {**CLAIMS, "jti": ""}
    assert len({each["jti"] for each in claims}) == len(texts)
    assert jwt.get_unverified_header(texts[0])["alg"] == "HS256"


@pytest.mark.parametrize(
    ("user", "scopes", "lasts_s"),
    [
        ("", [">"], 60.0),
        (" ann", [">"], 60.0),
        ("an\nn", [">"], 60.0),
        ("a" * 101, [">"], 60.0),
        ("\ud800", [">"], 60.0),
        ("ann", [], 60.0),
        ("ann", ["board/"], 60.0),
        ("ann", ["board/* alert/*"], 60.0),
        ("ann", ["a"] * (MAX_SCOPES + 1), 60.0),
        ("ann", [">"], 0.0),
        ("ann", [">"], -1.0),
        ("ann", [">"], LONGEST_S + 1.0),
        ("ann", [">"], float("nan")),
        ("ann", [">"], float("inf")),
    ],
)
def test_token_that_would_not_be_read_is_not_issued(
    user: str, scopes: list[str], lasts_s: float
) -> None:
    """A user, a scope or a time that cannot be had is refused with a sentence."""
    with pytest.raises(ValueError, match="must"):
        TOKENS.issue(user, scopes, lasts_s, NOW_MS)


def test_clocks_may_differ_by_the_leeway() -> None:
    """A token is read from 5 s before it was issued until 5 s after its end, and not a moment longer."""
    text = TOKENS.issue("ann", [">"], 60, NOW_S * 1000)
    first_s, last_s = NOW_S - LEEWAY_S, NOW_S + 60 + LEEWAY_S

    assert TOKENS.read(text, first_s * 1000.0)
    assert TOKENS.read(text, last_s * 1000.0 - 1)
    for now_ms in (first_s * 1000.0 - 1, last_s * 1000.0):
        with pytest.raises(TokenError):
            TOKENS.read(text, now_ms)


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"hunter2",
        b"k" * 31,
        b"ssh-rsa hunter2" + b"A" * 40,
        b"-----BEGIN PUBLIC KEY-----\nhunter2\n-----END PUBLIC KEY-----\n",
    ],
)
def test_unfit_key_is_refused_and_not_shown(key: bytes) -> None:
    """A key that is short, or is one of another kind, stops the program at its start without being shown."""
    with pytest.raises(FatalError, match="the key of tokens must be") as refusal:
        Tokens(key)

    assert "hunter2" not in "".join(traceback.format_exception(refusal.value))


def test_nothing_prints_the_key() -> None:
    """Neither the issuer nor the settings show the key when they are printed."""
    settings = Settings(token_key=KEY.decode())

    assert KEY.decode() not in f"{TOKENS!r} {TOKENS} {settings!r} {settings}"


def test_key_comes_from_the_settings() -> None:
    """A key is the text's bytes, also of text that was no UTF-8; without a setting there is none."""
    assert key_from(Settings()) is None
    assert key_from(Settings(token_key="é" * 32)) == "é".encode() * 32
    assert key_from(Settings(token_key="\udcff" * 32)) == b"\xff" * 32


def test_key_made_up_lets_nobody_in() -> None:
    """Two keys that were made up differ, fit as a setting, and do not read each other's tokens."""
    keys = {random_key() for _ in range(20)}
    assert len(keys) == 20
    mine, other = (key_from(Settings(token_key=key)) for key in sorted(keys)[:2])
    assert mine is not None
    assert other is not None

    text = Tokens(mine).issue("ann", [">"], 60, NOW_MS)
    assert Tokens(mine).read(text, NOW_MS)
    with pytest.raises(TokenError):
        Tokens(other).read(text, NOW_MS)


def test_revoked_ids_are_remembered_longer_than_tokens_live() -> None:
    """A token that was taken back the moment it was issued stays so until it has expired, whatever the clocks say."""
    [bucket] = [each for each in topology.definitions() if each["name"] == "KV_revoked"]

    assert bucket["max_age"] / 1e9 > LONGEST_S + 2 * LEEWAY_S
    assert bucket["storage"] == "file"


@pytest.mark.parametrize("text", ["", "a.b", ">", "*", "a b", "a\n", "hunter2.hunter2", "a" * 65])
def test_what_is_no_id_is_no_key_and_not_shown(text: str) -> None:
    """What cannot be an id never becomes a subject, and, because it may be a token, is not repeated."""
    with pytest.raises(ValueError, match="the id of a token must be") as refusal:
        revoked_key(text)

    assert "hunter2" not in str(refusal.value)


def test_sources_of_tokens_write_no_log() -> None:
    """The modules that hold tokens and keys have no logger at all, so none can end in a log line."""
    root = Path(__file__).parents[2]
    for name in (
        "mesh/tokens.py",
        "mesh/published_keys.py",
        "mesh/scopes.py",
        "services/widgets/credentials.py",
    ):
        source = (root / name).read_text()

        assert not [word for word in ("mesh.logs", "logging", "print(", "log.") if word in source]
