"""What an id token must say to be believed, and who it is about: pure functions of claims and the time.

Signatures are proved elsewhere (`oidc_provider`); whatever comes here was signed by the provider,
and may still be for somebody else, too old, or of another sign-in.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from mesh.errors import SignInError
from schemas.account import Role
from schemas.claims import RoleValues


LEEWAY_S = 60
"""By how much the provider's clock may differ from ours."""
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448",
)  # fmt: skip
"""With a key pair, all of them: with `HS256` whoever can check a token could write one, `none` is no signature."""
MAX_NAME_CHARACTERS = 100
MAX_SUBJECT_CHARACTERS = 255

Claims = Mapping[str, Any]


class Names(NamedTuple):
    """Where claims say what is asked of them."""

    name: str
    """The claim with the person's name."""
    roles: str
    """The claim with groups or roles, one or a list; empty: there is none."""
    values: RoleValues
    default: Role | None
    """What somebody is without any of these values; None: not let in."""


class Person(NamedTuple):
    """Whom the provider vouches for. Only issuer and subject together say who it is."""

    issuer: str
    subject: str
    name: str
    role: Role


def allowed_algorithms(announced: Sequence[str]) -> list[str]:
    """Those of the *announced* algorithms with which an id token may be signed.

    Raises:
        SignInError: there is none.
    """
    allowed = [name for name in announced if name in ALGORITHMS]
    if not allowed:
        raise SignInError(
            "the provider signs id tokens in no way that is safe here: it announces "
            f"{', '.join(announced) or 'nothing'}, and one of {', '.join(ALGORITHMS)} is needed"
        )
    return allowed


def check(claims: Claims, issuer: str, client_id: str, nonce: str, now_s: float) -> None:
    """Refuse *claims* that are not the provider's, not for us, not of this sign-in, or not of now.

    Raises:
        SignInError: with the claim that is wrong, and without its value.
    """
    registry = JWTClaimsRegistry(
        int(now_s),
        LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        registry.validate(dict(claims))
    except JoseError as error:
        raise SignInError(f"the provider's id token does not hold: {error.description}") from None
    if not _is_same(claims.get("nonce"), nonce):
        raise SignInError("the provider's id token is of another sign-in: its nonce is not ours")
    _check_party(claims, client_id)


def _check_party(claims: Claims, client_id: str) -> None:
    """For several audiences the token must say which of them asked for it, and that must be us."""
    audience, party = claims["aud"], claims.get("azp")
    is_for_several = isinstance(audience, list) and len(audience) > 1
    if party != client_id and (party is not None or is_for_several):
        raise SignInError("the provider's id token was made for another client: its azp is not us")


def _is_same(found: object, wanted: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(found.encode(), wanted.encode())


def lacks(claims: Claims, names: Names) -> bool:
    """Whether the provider must be asked for more: the name or the roles are not in *claims*."""
    return any(_claim(claims, name) is None for name in (names.name, names.roles) if name)


def person(claims: Claims, names: Names) -> Person:
    """Whom checked *claims* are about, and what they may do.

    Raises:
        SignInError: they have no usable name, or no role here.
    """
    role = _role(_claim(claims, names.roles) if names.roles else None, names)
    if role is None:
        raise SignInError(
            "the provider knows you, and nobody has given you a role here: ask for it, or for "
            "MESH_OIDC_DEFAULT_ROLE=viewer, which lets everybody in to look"
        )
    subject = str(claims["sub"])
    if not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS:
        raise SignInError(f"the provider's subject must be 1–{MAX_SUBJECT_CHARACTERS} characters")
    return Person(str(claims["iss"]), subject, _name(claims, names.name), role)


def _name(claims: Claims, claim: str) -> str:
    found = _claim(claims, claim)
    if not isinstance(found, str) or not _is_name(found):
        raise SignInError(
            f"the provider did not say your name in the claim {claim!r} (1–{MAX_NAME_CHARACTERS} printable "
            f"characters): MESH_OIDC_NAME_CLAIM may name another of {', '.join(sorted(claims))}, "
            "and MESH_OIDC_SCOPES ask for more"
        )
    if claim == "email" and claims.get("email_verified") is False:
        raise SignInError(
            "the provider has not verified your e-mail address, which is your name here"
        )
    return found


def _is_name(text: str) -> bool:
    return 0 < len(text) <= MAX_NAME_CHARACTERS and text.isprintable() and text == text.strip()


def _role(found: object, names: Names) -> Role | None:
    given = found if isinstance(found, list) else [found]
    if any(value in names.values.admin for value in given):
        return Role.ADMIN
    if any(value in names.values.operator for value in given):
        return Role.OPERATOR
    return names.default


def _claim(claims: Claims, name: str) -> object:
    """The claim *name*; else what it leads to as a path (`realm_access.roles`); None if there is none."""
    if name in claims:
        return claims[name]
    found: object = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
