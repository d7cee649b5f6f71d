"""What an id token must say, at which time, and what it makes of somebody: without any provider."""

from typing import Any

import pytest

from mesh.errors import SignInError
from schemas.claims import parse_role_values
from services.control.oidc_claims import (
    LEEWAY_S,
    MAX_NAME_CHARACTERS,
    Names,
    allowed_algorithms,
    check,
    lacks,
    person,
)


NOW_S = 1_800_000_000
ISSUER = "https://login.example.com/realm"
CLIENT = "tickmesh"
NONCE = "the nonce"
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": CLIENT, "sub": "s-1", "exp": NOW_S + 300, "iat": NOW_S, "nonce": NONCE,
    "preferred_username": "alice",
}  # fmt: skip
VALUES = parse_role_values('{"operator": ["desk"], "admin": ["it", "heads"]}')
NAMES = Names("preferred_username", "groups", VALUES, None)


def checked(now_s: float = NOW_S, **claims: Any) -> None:
    """Check claims with some changed; None takes one away."""
    changed = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    check(changed, ISSUER, CLIENT, NONCE, now_s)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "account"], "azp": CLIENT},
        {"azp": CLIENT},
        {"nbf": NOW_S + LEEWAY_S},
        {"iat": NOW_S + LEEWAY_S, "exp": NOW_S + 600},
        {"exp": NOW_S - LEEWAY_S + 1, "iat": NOW_S - 600},
    ],
)
def test_claims_for_us_and_of_now_hold(claims: dict[str, Any]) -> None:
    """One audience or several of which we asked, and times up to the leeway on both sides, are believed."""
    checked(**claims)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": None}, {"iss": ISSUER + "/"}, {"iss": [ISSUER]},
        {"aud": None}, {"aud": "account"}, {"aud": []}, {"aud": [CLIENT, "account"]}, {"aud": {CLIENT: 1}},
        {"azp": "account"}, {"azp": ""}, {"azp": [CLIENT]},
        {"sub": None}, {"sub": ""}, {"sub": 7},
        {"nonce": None}, {"nonce": ""}, {"nonce": NONCE + "x"}, {"nonce": [NONCE]}, {"nonce": True},
        {"exp": None}, {"exp": NOW_S - LEEWAY_S}, {"exp": "never"}, {"exp": True},
        {"iat": None}, {"iat": NOW_S + LEEWAY_S + 1}, {"iat": "now"},
        {"nbf": NOW_S + LEEWAY_S + 1}, {"nbf": "soon"},
    ],
    ids=str,
)  # fmt: skip
def test_claims_that_are_wrong_are_refused(claims: dict[str, Any]) -> None:
    """Each claim that is missing, of the wrong kind, of somebody else or of another time lets nobody in."""
    with pytest.raises(SignInError):
        checked(**claims)


@pytest.mark.parametrize(
    ("groups", "default", "role"),
    [
        (["it"], None, "admin"),
        (["desk", "heads"], None, "admin"),
        ("desk", None, "operator"),
        (["guests"], "viewer", "viewer"),
        (None, "viewer", "viewer"),
        ([["it"], {"it": 1}, 1], "viewer", "viewer"),
        ("it heads", "viewer", "viewer"),
    ],
)
def test_role_is_the_greatest_of_the_values(groups: Any, default: Any, role: str) -> None:
    """A claim that is a value or a list of them gives the greatest role of those that are named, else the default one."""
    names = NAMES._replace(default=default)

    assert person({**CLAIMS, "groups": groups}, names).role == role


@pytest.mark.parametrize("groups", [["guests"], None, "", {}, ["it "], ["IT"]])
def test_without_a_role_nobody_comes_in(groups: Any) -> None:
    """Values are compared exactly, and whoever has none of them is refused."""
    with pytest.raises(SignInError, match="nobody has given you a role"):
        person({**CLAIMS, "groups": groups}, NAMES)


def test_claim_may_be_inside_another() -> None:
    """A path leads to a claim in a claim; a claim whose name has dots itself comes first."""
    nested = {**CLAIMS, "realm_access": {"roles": ["desk"]}}
    dotted = {**nested, "realm_access.roles": ["it"]}
    names = NAMES._replace(roles="realm_access.roles")

    assert person(nested, names).role == "operator"
    assert person(dotted, names).role == "admin"
    with pytest.raises(SignInError, match="role"):
        person({**CLAIMS, "realm_access": ["desk"]}, names)


@pytest.mark.parametrize(
    "name", [None, "", " alice", "a\nb", "x" * (MAX_NAME_CHARACTERS + 1), 7, ["alice"]]
)
def test_name_must_be_a_name(name: Any) -> None:
    """What is no printable text of some length is nobody's name, and the claims that there are are told."""
    with pytest.raises(SignInError, match="preferred_username"):
        person({**CLAIMS, "preferred_username": name, "groups": ["it"]}, NAMES)


def test_address_that_nobody_verified_is_no_name() -> None:
    """Whoever may write any e-mail address into an account must not become its owner here."""
    names = NAMES._replace(name="email")
    claims = {**CLAIMS, "groups": ["it"], "email": "alice@example.com"}

    assert person({**claims, "email_verified": True}, names).name == "alice@example.com"
    with pytest.raises(SignInError, match="not verified"):
        person({**claims, "email_verified": False}, names)


def test_more_is_asked_for_only_when_something_is_missing() -> None:
    """The user info is needed if the name or the roles are not in the id token, and only then."""
    whole = {**CLAIMS, "groups": []}

    assert lacks(CLAIMS, NAMES)
    assert not lacks(CLAIMS, NAMES._replace(roles=""))
    assert not lacks(whole, NAMES)


@pytest.mark.parametrize(
    "announced", [[], ["none"], ["HS256", "HS384", "HS512"], ["none", "HS256"], ["rs256"]]
)
def test_provider_without_a_safe_algorithm_is_refused(announced: list[str]) -> None:
    """What whoever can check it could also write is no proof, and nothing else is tried instead."""
    with pytest.raises(SignInError, match="in no way that is safe"):
        allowed_algorithms(announced)


def test_only_safe_algorithms_are_left() -> None:
    """Of what a provider announces the kinds with a key pair are read."""
    assert allowed_algorithms(["none", "RS256", "HS256", "ES256"]) == ["RS256", "ES256"]
