"""A sign-in that is under way: what the provider sees of it, and what a browser holds."""

from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.control import oidc_pending


@given(st.text(max_size=200).filter(str.isprintable))
def test_cookie_brings_all_of_it_back(then: str) -> None:
    """Any process finishes what another began: the cookie is all that it needs."""
    pending = oidc_pending.begun(then)

    assert oidc_pending.held(pending.cookie()) == pending


def test_no_part_tells_another() -> None:
    """What the provider and the address line show is not what is kept, and is never the same twice."""
    parts = [
        part
        for pending in (oidc_pending.begun("/"), oidc_pending.begun("/"))
        for part in (pending.secret, pending.state, pending.nonce, pending.verifier, pending.challenge)
    ]  # fmt: skip

    assert len(set(parts)) == len(parts)
    assert {len(part) for part in parts} == {43}


def test_challenge_is_the_hash_of_the_verifier() -> None:
    """PKCE by S256, as RFC 7636 has it."""
    pending = oidc_pending.begun("/")
    digest = urlsafe_b64encode(sha256(pending.verifier.encode()).digest()).decode()

    assert pending.challenge == digest.rstrip("=")


def test_answer_is_known_by_its_state() -> None:
    """The state of another sign-in, or none, is not ours."""
    pending = oidc_pending.begun("/")

    assert pending.is_answered_by(pending.state)
    for other in (oidc_pending.begun("/").state, "", pending.state + "=", "ü"):
        assert not pending.is_answered_by(other)


@pytest.mark.parametrize("cookie", ["", ".", "x", "x" * 43 + ".Lw=", "short.Lw", "x" * 43 + ".-", "x" * 43 + "." + "L" * 4000])  # fmt: skip
def test_what_is_no_cookie_of_ours_is_none(cookie: str) -> None:
    """A browser may send anything."""
    held = oidc_pending.held(cookie)

    assert held is None or held.next == "/"
