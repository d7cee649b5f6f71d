"""Personal API tokens: made once, kept as hashes, good for what their user may do, and revoked at once everywhere."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh import clock
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually
from mesh.tokens import unverified_claims
from schemas.account import Role, User
from schemas.naming import Bucket
from schemas.widget import EXPIRED, Hello
from services.control.api_token import ApiToken, hash_of, is_text, new_text
from services.control.api_tokens import MOST_OF_USER
from tests.services.control.keeping import Control, controlling
from tests.services.widgets.serving import on_free_port, running, visiting


@pytest.fixture
async def control(settings: Settings, connection: Connection) -> AsyncIterator[Control]:
    """A process of the control plane."""
    del connection  # it has seen to the buckets
    async with controlling(settings) as process:
        yield process


async def _made(
    control: Control, user: str = "ann", as_role: Role = Role.VIEWER, **wanted: Any
) -> tuple[str, str]:
    """The text and the id of a new token of a user who has an account."""
    if await control.accounts.find(user) is None:
        await control.accounts.create(User(name=user, role=as_role))
    async with control.as_user(user, as_role) as client:
        answer = await client.post("/v1/api-tokens", json={"name": "nightly job", **wanted})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return made["token"], made["api_token"]["id"]


async def _me(control: Control, token: str) -> httpx.Response:
    async with control.with_token(token) as script:
        return await script.get("/v1/me")


def test_token_is_what_scanners_look_for() -> None:
    """A prefix, as many letters and digits as 256 bits need, and a checksum; no two are the same."""
    texts = {new_text() for _ in range(200)}

    assert len(texts) == 200
    assert all(is_text(text) and len(text) == 52 and text.startswith("tm_") for text in texts)


@given(st.data())
def test_token_with_a_wrong_character_is_known_as_none(data: st.DataObject) -> None:
    """The checksum tells a token from a text of its form: one that was typed wrongly is not even looked up."""
    text = new_text()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda each: each != text[place]))

    assert not is_text(text[:place] + other + text[place + 1 :])
    assert not is_text(f"{text}\n")
    assert not is_text(data.draw(st.text()))


@pytest.mark.broker
async def test_token_is_shown_once_and_kept_as_a_hash(
    control: Control, connection: Connection
) -> None:
    """Its text is in the answer that made it, and neither in the list, the bucket nor the audit."""
    text, token_id = await _made(control, days=1)
    async with control.as_user("ann") as client:
        listed = await client.get("/v1/api-tokens")

    [shown] = listed.json()["api_tokens"]
    assert (shown["id"], shown["name"], shown["role"]) == (token_id, "nightly job", "viewer")
    assert shown["expires_ms"] - shown["created_ms"] == 24 * 3600 * 1000
    [entry] = await KeyValue(connection, Bucket.API_TOKENS).all()
    assert entry.key == hash_of(text)
    audited = await control.audit.read(9)
    assert [(each.who, each.action, each.target) for each in audited] == [
        ("ann", "api-token.create", token_id)
    ]
    for place in (listed.content, entry.value or b"", msgspec.json.encode(audited)):
        assert text.encode() not in place
        assert text[3:-6].encode() not in place


@pytest.mark.broker
async def test_script_exchanges_its_token_for_one_of_the_service(
    control: Control, settings: Settings
) -> None:
    """With no cookie, origin or CSRF token; the service itself takes only what it was exchanged for."""
    text, _ = await _made(control, scopes=["board/*"])
    async with control.with_token(text) as script:
        issued = (await script.post("/v1/widgets-token")).json()

    assert issued["user"] == "ann"
    assert issued["scopes"] == ["board/*"]
    async with running(on_free_port(settings)) as wds:
        async with visiting(wds, token=issued["token"]) as visitor:
            hello = await visitor.hear(Hello)
            assert hello.user == "ann"
            assert all(feed.startswith("board/") for feed in hello.feeds)
        async with visiting(wds, token=text) as visitor:
            assert not isinstance(await visitor.next(), Hello)


@pytest.mark.broker
async def test_revoked_token_ends_what_it_opened(control: Control, settings: Settings) -> None:
    """Within a moment no process of the control plane knows it, and connections of its user come back with other tokens."""
    text, token_id = await _made(control)
    async with (
        controlling(settings) as other,
        running(on_free_port(settings)) as wds,
        control.with_token(text) as script,
    ):
        await eventually(lambda: _is_known(other, text))  # type: ignore[arg-type]  # T is what is awaited
        issued = (await script.post("/v1/widgets-token")).json()["token"]
        async with visiting(wds, token=issued) as visitor:
            await visitor.hear(Hello)
            async with other.as_user("ann") as client:
                answer = await client.post(f"/v1/api-tokens/{token_id}/revoke")
                assert answer.status_code == 204
                assert (await client.get("/v1/api-tokens")).json() == {"api_tokens": []}

            assert (await visitor.until_closed())[0] == EXPIRED.code
        await eventually(lambda: _is_unknown(control, text))  # type: ignore[arg-type]  # T is what is awaited
        assert (await _me(other, text)).status_code == 401
        assert (await script.post("/v1/widgets-token")).status_code == 401
    assert await control.audit.read(9, action="api-token.revoke")


@pytest.mark.broker
async def test_token_does_no_more_than_its_user_may(control: Control) -> None:
    """Neither its role nor its feeds can be more than those of who makes it, and it acts with its own role."""
    async with control.as_user("ann", Role.OPERATOR) as client:
        refused = await client.post("/v1/api-tokens", json={"name": "x", "role": "admin"})
    assert refused.status_code == 403
    assert "more than its user" in refused.json()["message"]
    async with control.as_user("op", Role.OPERATOR) as operator:
        await operator.post("/v1/users/ann/scopes", json={"scopes": ["board/*"]})
    async with control.as_user("ann") as client:
        refused = await client.post("/v1/api-tokens", json={"name": "x", "scopes": [">"]})
    assert refused.status_code == 403
    assert "you may not see >" in refused.json()["message"]

    text, _ = await _made(control, user="op", as_role=Role.OPERATOR, role="viewer")
    assert (await _me(control, text)).json()["role"] == "viewer"
    async with control.with_token(text) as script:
        assert (await script.post("/v1/users/ann/revoke-tokens")).status_code == 403


@pytest.mark.broker
async def test_token_follows_the_rights_of_its_user(control: Control, settings: Settings) -> None:
    """Whose role was lowered has tokens that do less, in every process; those of a disabled account do nothing."""
    text, _ = await _made(control, user="op", as_role=Role.OPERATOR, role="operator")
    assert (await _me(control, text)).json()["role"] == "operator"
    async with controlling(settings) as other:
        await eventually(lambda: _is_known(other, text))  # type: ignore[arg-type]  # T is what is awaited
        account = await control.accounts.get("op")
        assert account is not None
        account = await control.accounts.change(account, role=Role.VIEWER)
        await eventually(lambda: _role(other, text), lambda role: role == "viewer")  # type: ignore[arg-type]  # T is what is awaited
        assert await _role(control, text) == "viewer"

        await control.accounts.change(account, is_disabled=True)
        await eventually(lambda: _is_unknown(other, text))  # type: ignore[arg-type]  # T is what is awaited
        assert (await _me(control, text)).status_code == 401


@pytest.mark.broker
async def test_token_that_was_made_before_scopes_were_narrowed_sees_no_more(
    control: Control,
) -> None:
    """What an operator takes from a user is taken from the user's tokens too."""
    text, _ = await _made(control, scopes=["board/*", "alert/>"])
    async with control.as_user("op", Role.OPERATOR) as operator:
        await operator.post("/v1/users/ann/scopes", json={"scopes": ["board/gainers"]})

    async with control.with_token(text) as script:
        issued = (await script.post("/v1/widgets-token")).json()
    assert unverified_claims(issued["token"])["scope"] == "board/gainers"


@pytest.mark.broker
async def test_tokens_are_managed_in_person(control: Control) -> None:
    """A token that leaked can neither list, make nor revoke tokens; nor can one user revoke another's."""
    text, token_id = await _made(control, user="root", as_role=Role.ADMIN, role="admin")
    async with control.with_token(text) as script, control.as_user("eve") as other:
        for refused in (
            await script.get("/v1/api-tokens"),
            await script.post("/v1/api-tokens", json={"name": "another"}),
            await script.post(f"/v1/api-tokens/{token_id}/revoke"),
        ):
            assert refused.status_code == 403
        assert (await other.post(f"/v1/api-tokens/{token_id}/revoke")).status_code == 404
        assert (await other.get("/v1/api-tokens")).json() == {"api_tokens": []}
        assert (await script.get("/v1/me")).status_code == 200
    async with control.as_user("boss", Role.ADMIN) as admin:
        assert (await admin.post(f"/v1/api-tokens/{token_id}/revoke")).status_code == 204
    assert (await _me(control, text)).status_code == 401


@pytest.mark.broker
async def test_expired_token_is_refused_and_forgotten(
    control: Control, connection: Connection
) -> None:
    """After its end a token is nobody's, is not listed, and goes when old ones are forgotten."""
    text = new_text()
    old = ApiToken(
        id="old", user="ann", name="x", role=Role.VIEWER, scopes=[], created_ms=0,
        expires_ms=int(clock.now_ms()) - 1,
    )  # fmt: skip
    bucket = KeyValue(connection, Bucket.API_TOKENS)
    await bucket.put(hash_of(text), msgspec.json.encode(old))
    await eventually(lambda: control.credentials.api_tokens.find("old"))

    assert (await _me(control, text)).status_code == 401
    assert control.credentials.api_tokens.of_user("ann") == []
    await control.credentials.api_tokens.forget_old()
    assert await bucket.all() == []


@pytest.mark.broker
async def test_last_use_is_noted_coarsely(control: Control, connection: Connection) -> None:
    """The first use is written down; those that follow within the hour cost no write."""
    text, _ = await _made(control)
    bucket = KeyValue(connection, Bucket.API_TOKENS)
    assert (await _me(control, text)).status_code == 200
    [first] = await bucket.all()

    for _ in range(5):
        assert (await _me(control, text)).status_code == 200
    [last] = await bucket.all()
    assert last.revision == first.revision == 2
    [shown] = control.credentials.api_tokens.of_user("ann")
    assert shown.created_ms <= shown.used_ms <= clock.now_ms()


@pytest.mark.broker
async def test_tokens_are_known_while_the_broker_is_away(
    control: Control, broker: RunningBroker
) -> None:
    """A script goes on; that it did cannot be noted, and is not waited for a second time."""
    text, _ = await _made(control)
    await broker.kill()

    for _ in range(2):
        assert (await _me(control, text)).status_code == 200
    async with control.with_token(text) as script:
        assert (await script.post("/v1/widgets-token")).status_code == 200
    await broker.start()


@pytest.mark.broker
async def test_user_has_so_many_tokens_at_most(control: Control) -> None:
    """Nobody fills the bucket; what is revoked makes room."""
    async with control.as_user("ann") as client:
        made = [
            await client.post("/v1/api-tokens", json={"name": "x"}) for _ in range(MOST_OF_USER)
        ]
        assert (await client.post("/v1/api-tokens", json={"name": "x"})).status_code == 409
        await client.post(f"/v1/api-tokens/{made[-1].json()['api_token']['id']}/revoke")
        assert (await client.post("/v1/api-tokens", json={"name": "x"})).status_code == 201


@pytest.mark.broker
@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"name": ""},
        {"name": "a\nb"},
        {"name": "x" * 101},
        {"name": "x", "days": 0},
        {"name": "x", "days": 367},
        {"name": "x", "role": "root"},
        {"name": "x", "scopes": ["a b"]},
        {"name": "x", "user": "root"},
    ],
)
async def test_token_that_cannot_be_had_is_not_made(
    control: Control, wanted: dict[str, Any]
) -> None:
    """What is asked for wrongly is refused with a sentence, and nothing is kept."""
    async with control.as_user("ann") as client:
        answer = await client.post("/v1/api-tokens", json=wanted)
        assert answer.status_code == 400
        assert answer.json()["message"]
        assert (await client.get("/v1/api-tokens")).json() == {"api_tokens": []}


@pytest.mark.broker
@pytest.mark.parametrize("text", ["tm_", "tm_" + "0" * 49, "x", "eyJ.eyJ.x", "tm_" + "A" * 60])
async def test_what_is_no_token_of_ours_is_refused(control: Control, text: str) -> None:
    """A text that nobody was given lets nobody in, whatever its form."""
    assert (await _me(control, text)).status_code == 401
    assert (await _me(control, new_text())).status_code == 401


async def _is_known(control: Control, text: str) -> bool:
    return (await _me(control, text)).status_code == 200


async def _role(control: Control, text: str) -> str:
    role: str = (await _me(control, text)).json()["role"]
    return role


async def _is_unknown(control: Control, text: str) -> bool:
    return (await _me(control, text)).status_code == 401
