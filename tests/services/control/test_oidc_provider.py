"""Our side of OpenID Connect against a real provider: what it vouches for, and what is refused."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from mesh.errors import ProviderError, SignInError
from mesh.settings import Settings
from schemas.account import Role
from schemas.claims import parse_role_values
from services.control import oidc_pending
from services.control.oidc_claims import LEEWAY_S, Names, Person
from services.control.oidc_provider import Provider, SignedIn, open_provider
from tests.services.control.providing import CLIENT, SECRET, RunningProvider, running_provider
from tests.services.control.signing_in import answered


pytestmark = [pytest.mark.slow]

BACK = "http://127.0.0.1:1/sign-in/oidc/callback"
VALUES = parse_role_values('{"operator": ["desk"], "admin": ["heads"]}')
NAMES = Names("preferred_username", "groups", VALUES, None)
WELL_BEYOND_S = 300
"""So far that a slow machine does not bring it back within the leeway."""


def settings_for(running: RunningProvider, **other: Any) -> Settings:
    """Settings that name *running*."""
    settings = Settings(
        oidc_issuer=running.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_scopes="openid profile groups",
    )
    return msgspec.structs.replace(settings, **other)


@pytest.fixture
def running() -> Iterator[RunningProvider]:
    """A provider of this test's own."""
    with running_provider(BACK, goodbye="http://127.0.0.1:1/bye") as provider:
        yield provider


@pytest.fixture
async def provider(running: RunningProvider) -> AsyncIterator[Provider]:
    """Our side of it."""
    async with open_provider(settings_for(running), BACK) as opened:
        yield opened


async def signed_in(provider: Provider, login: str = "alice", names: Names = NAMES) -> SignedIn:
    """What comes of it when *login* signs in."""
    pending = oidc_pending.begun("/")
    answer = await answered(await provider.address(pending), login)
    assert answer.parameters["state"] == pending.state
    await provider.check_sender(answer.parameters.get("iss"))
    return await provider.sign_in(answer.parameters["code"], pending, names)


@pytest.mark.parametrize(
    ("login", "role"), [("alice", Role.ADMIN), ("bob", Role.OPERATOR), ("carol", Role.VIEWER)]
)
async def test_person_has_the_role_of_the_claims(
    running: RunningProvider, provider: Provider, login: str, role: Role
) -> None:
    """The provider's user info says who somebody is and in which groups, and the greatest role of them counts."""
    names = NAMES._replace(default=Role.VIEWER)

    assert (await signed_in(provider, login, names)).person == Person(
        running.issuer, login, login, role
    )


async def test_nobody_without_a_role_is_let_in(provider: Provider) -> None:
    """Whom the provider knows and nobody gave a role is refused, and told whom to ask."""
    with pytest.raises(SignInError, match="nobody has given you a role"):
        await signed_in(provider, "carol")


async def test_person_without_a_name_is_told_which_claims_there_are(provider: Provider) -> None:
    """A provider that says no name is answered with the setting that may name another claim."""
    with pytest.raises(SignInError, match=r"MESH_OIDC_NAME_CLAIM may name another of .*groups"):
        await signed_in(provider, "nameless")


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # for its name; providers still use it
@pytest.mark.parametrize("signs", ["PS256", "ES256", "EdDSA", "Ed25519"])
async def test_each_kind_of_key_is_understood(signs: str) -> None:
    """Id tokens signed with RSA and with both families of curves are proved, with all claims inside them."""
    with running_provider(BACK, in_id_token=True, signs=signs) as running:
        async with open_provider(settings_for(running), BACK) as provider:
            assert (await signed_in(provider)).person.role is Role.ADMIN


async def test_client_without_a_secret_signs_in() -> None:
    """A public client proves itself by PKCE alone."""
    with running_provider(BACK, public=True) as running:
        async with open_provider(settings_for(running, oidc_client_secret=""), BACK) as provider:
            assert (await signed_in(provider)).person.name == "alice"


async def test_wrong_secret_is_said_to_be_wrong(running: RunningProvider) -> None:
    """A secret that the provider does not take is named by its setting, and is not shown."""
    wrong = settings_for(running, oidc_client_secret="of somebody else")  # noqa: S106 (the wrong one)
    async with open_provider(wrong, BACK) as provider:
        with pytest.raises(SignInError, match="MESH_OIDC_CLIENT_SECRET") as refused:
            await signed_in(provider)

    assert "somebody" not in str(refused.value)


async def test_key_that_changed_is_found(running: RunningProvider, provider: Provider) -> None:
    """After the provider has changed its key, the next sign-in works, and needs no restart."""
    await signed_in(provider)

    running.rotate()

    assert (await signed_in(provider)).person.name == "alice"


async def test_code_is_good_for_one_sign_in(provider: Provider) -> None:
    """A code that was used is refused by the provider, and the person is told to begin again."""
    pending = oidc_pending.begun("/")
    answer = await answered(await provider.address(pending), "alice")
    await provider.sign_in(answer.parameters["code"], pending, NAMES)

    with pytest.raises(SignInError, match="used before"):
        await provider.sign_in(answer.parameters["code"], pending, NAMES)


async def test_code_of_another_sign_in_is_refused(provider: Provider) -> None:
    """A code that was stolen from one browser is worth nothing in another: the verifier is not the same (PKCE)."""
    answer = await answered(await provider.address(oidc_pending.begun("/")), "alice")

    with pytest.raises(SignInError, match="does not take the code"):
        await provider.sign_in(answer.parameters["code"], oidc_pending.begun("/"), NAMES)


@pytest.mark.parametrize("skew_s", [LEEWAY_S / 2, -LEEWAY_S / 2])
async def test_clock_that_is_a_little_wrong_does_no_harm(
    running: RunningProvider, provider: Provider, skew_s: float
) -> None:
    """A provider whose clock is half a minute before or behind ours is believed."""
    running.skew(skew_s)

    assert (await signed_in(provider)).person.name == "alice"


@pytest.mark.parametrize(("skew_s", "why"), [(WELL_BEYOND_S, "in the future"), (-3600, "expired")])
async def test_clock_that_is_quite_wrong_is_refused(
    running: RunningProvider, provider: Provider, skew_s: float, why: str
) -> None:
    """A token of the future, or one that has ended, is refused, and what is wrong with it is said."""
    running.skew(skew_s)

    with pytest.raises(SignInError, match=why):
        await signed_in(provider)


FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "another audience": ({"aud": "somebody"}, "aud"),
    "another issuer": ({"iss": "https://elsewhere.example"}, "iss"),
    "another nonce": ({"nonce": "of yesterday"}, "nonce"),
    "no nonce": ({"nonce": None}, "nonce"),
    "made for another": ({"azp": "somebody"}, "azp"),
    "several audiences": ({"aud": [CLIENT, "somebody"]}, "azp"),
    "no subject": ({"sub": ""}, "sub"),
    "not yet valid": ({"nbf": 1 << 40}, "not yet valid"),
    "no signature": ({"algorithm": "none"}, "no signature that holds"),
    "signed with the public key": ({"algorithm": "HS256"}, "no signature that holds"),
}


@pytest.mark.parametrize(("wrong", "why"), FORGED.values(), ids=FORGED.keys())
async def test_forged_token_is_refused(
    running: RunningProvider, provider: Provider, wrong: dict[str, Any], why: str
) -> None:
    """A token that is not for us, not of this sign-in, or not signed by a key pair lets nobody in."""
    running.forge(**wrong)

    with pytest.raises(SignInError, match=why):
        await signed_in(provider)


async def test_user_info_about_somebody_else_is_refused(
    running: RunningProvider, provider: Provider
) -> None:
    """The name and groups of one person are never taken for those of another."""
    running.forge(sub="somebody")

    with pytest.raises(SignInError, match="about somebody else"):
        await signed_in(provider)


@pytest.mark.parametrize("sender", ["https://elsewhere.example", None])
async def test_answer_of_another_provider_is_refused(
    provider: Provider, sender: str | None
) -> None:
    """An answer must name the provider that the person was sent to, once that has said that it does (mix-up)."""
    with pytest.raises(SignInError, match="not from the provider"):
        await provider.check_sender(sender)


async def test_provider_that_is_gone_is_said_to_be_gone(
    running: RunningProvider, provider: Provider
) -> None:
    """Who cannot sign in because the provider does not answer is told so, and to try again."""
    running.kill()

    with pytest.raises(ProviderError, match=r"does not answer .* try again"):
        await provider.address(oidc_pending.begun("/"))


async def test_provider_must_be_the_one_that_is_named(running: RunningProvider) -> None:
    """A provider that calls itself otherwise than the setting does is not used."""
    async with open_provider(
        settings_for(running, oidc_issuer=running.issuer + "/"), BACK
    ) as provider:
        with pytest.raises(ProviderError, match="calls itself"):
            await provider.address(oidc_pending.begun("/"))


async def test_sign_out_is_told_to_the_provider(
    running: RunningProvider, provider: Provider
) -> None:
    """The address for signing out names the session by its token and the page to come back to."""
    token = (await signed_in(provider)).id_token

    address = await provider.goodbye(token, "http://127.0.0.1:1/bye")

    assert address.startswith(f"{running.issuer}/session/end?")
    assert "127.0.0.1%3A1%2Fbye" in address
