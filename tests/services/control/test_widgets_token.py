"""Tokens of the control plane at a real Widget Data Service: they let in, and end when they are taken back."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually
from mesh.tokens import unverified_claims
from schemas.account import Role
from schemas.naming import Bucket
from schemas.token_keys import JWKS_KEY
from schemas.widget import EXPIRED, REVOKED, UNAUTHENTICATED, Hello
from services.control.key_ring import Times
from tests.services.control.keeping import Control, controlling
from tests.services.widgets.serving import Running, Visitor, on_free_port, running, visiting


pytestmark = pytest.mark.broker


@pytest.fixture
async def control(settings: Settings, connection: Connection) -> AsyncIterator[Control]:
    """A process of the control plane."""
    del connection  # it has seen to the buckets
    async with controlling(settings) as process:
        yield process


@pytest.fixture
async def wds(settings: Settings, control: Control) -> AsyncIterator[Running]:
    """The Widget Data Service, which knows the keys of that control plane."""
    del control
    async with running(on_free_port(settings)) as program:
        yield program


async def _hello(visitor: Visitor) -> Hello:
    hello = await visitor.next()
    assert isinstance(hello, Hello)
    return hello


async def test_signed_in_user_is_let_in(control: Control, wds: Running) -> None:
    """A token of the control plane opens the service for a quarter of an hour at most; one of this machine still does."""
    token = await control.widgets_token("ann")

    async with visiting(wds, token=token) as visitor, visiting(wds) as local:
        hello = await _hello(visitor)
        assert hello.user == "ann"
        assert hello.expires_ms is not None
        assert hello.expires_ms - hello.server_ms <= 15 * 60 * 1000 + 1000
        assert (await _hello(local)).user == "tester"


async def test_rotation_disturbs_no_connection(
    control: Control, wds: Running, connection: Connection
) -> None:
    """Who is connected stays, an older token still opens, a new one is signed with the new key; all while keys change."""
    keys = control.credentials.keys
    keys._times = Times(30.0, lead_ms=0.0)
    old = await control.widgets_token("ann")
    async with visiting(wds, token=old) as first:
        await _hello(first)
        await keys.rotate()
        new = await control.widgets_token("ann")

        await eventually(lambda: _opens(wds, new))  # type: ignore[arg-type]  # T is what is awaited
        assert await _opens(wds, old)
        assert await first.is_served()
        await first.say(action="auth", token=new)
        assert (await first.hear(Hello)).user == "ann"
        await KeyValue(connection, Bucket.KEYS).put(JWKS_KEY, b"no set")
        assert await first.is_served()
        assert await _opens(wds, old)


async def test_keys_that_leaked_end_their_connections(control: Control, wds: Running) -> None:
    """When all keys are replaced at once, clients are told to come back, and only a new token lets them in."""
    old = await control.widgets_token("ann")
    async with visiting(wds, token=old) as visitor, control.as_user("root", Role.ADMIN) as admin:
        await _hello(visitor)
        answer = await admin.post("/v1/signing-keys", json={"compromised": True})
        assert answer.status_code == 201

        assert (await visitor.until_closed())[0] == EXPIRED.code
        assert not await _opens(wds, old)
        assert await _opens(wds, await control.widgets_token("ann"))


async def test_service_goes_on_with_the_keys_it_knows(
    control: Control, wds: Running, broker: RunningBroker
) -> None:
    """Without the broker, and so without news of keys, tokens are read as before, of both kinds."""
    token = await control.widgets_token("ann")
    await eventually(lambda: _opens(wds, token))  # type: ignore[arg-type]  # T is what is awaited
    await broker.kill()

    assert await _opens(wds, token)
    assert await _opens(wds, wds.token())
    await broker.start()


async def test_service_that_starts_later_knows_the_keys_at_once(
    control: Control, settings: Settings
) -> None:
    """The first client of a new process is let in: it need not come again when the keys have been heard of."""
    token = await control.widgets_token("ann")
    async with running(on_free_port(settings)) as fresh:
        assert await _opens(fresh, token)


async def test_one_token_is_revoked(control: Control, wds: Running) -> None:
    """The connections that it opened end, and another token of the same user goes on."""
    one, other = await control.widgets_token("ann"), await control.widgets_token("ann")
    async with visiting(wds, token=one) as first, visiting(wds, token=other) as second:
        await _hello(first)
        await _hello(second)
        async with control.as_user("op", Role.OPERATOR) as operator:
            path = f"/v1/widgets-tokens/{unverified_claims(one)['jti']}/revoke"
            assert (await operator.post(path, json={"reason": "lost"})).status_code == 204

        code, bye = await first.until_closed()
        assert code == REVOKED.code
        assert bye is not None
        assert bye.again_ms is None
        assert await second.is_served()
        assert not await _opens(wds, one)
    assert [each.target for each in await control.audit.read(9, action="token.revoke")] == [
        unverified_claims(one)["jti"]
    ]


async def test_all_tokens_of_a_user_are_revoked(control: Control, wds: Running) -> None:
    """Connections of the user end and nobody else's; who signs in again is let in at once, in the same second too."""
    mine, theirs = await control.widgets_token("ann"), await control.widgets_token("bob")
    local = wds.token(user="ann")
    async with (
        visiting(wds, token=mine) as first,
        visiting(wds, token=local) as second,
        visiting(wds, token=theirs) as other,
    ):
        for visitor in (first, second, other):
            await _hello(visitor)
        async with control.as_user("op", Role.OPERATOR) as operator:
            assert (await operator.post("/v1/users/ann/revoke-tokens")).status_code == 204

        assert (await first.until_closed())[0] == REVOKED.code
        assert (await second.until_closed())[0] == REVOKED.code
        assert await other.is_served()
        assert not await _opens(wds, mine)
        assert await _opens(wds, await control.widgets_token("ann"))


async def test_scopes_of_a_viewer_are_the_settings(settings: Settings, wds: Running) -> None:
    """A viewer gets what MESH_VIEWER_SCOPES names and no more, an operator everything."""
    few = msgspec.structs.replace(settings, viewer_scopes="board/*,alert/high/*")
    async with controlling(few) as control:
        viewer = await control.widgets_token("ann")
        operator = await control.widgets_token("op", Role.OPERATOR)

        assert unverified_claims(viewer)["scope"] == "board/* alert/high/*"
        assert unverified_claims(operator)["scope"] == ">"
        narrowed = await control.widgets_token("ann", scopes=["board/gainers", "row/*"], minutes=1)
        assert unverified_claims(narrowed)["scope"] == "board/gainers"
        assert unverified_claims(narrowed)["exp"] - unverified_claims(narrowed)["iat"] == 60
        async with control.as_user("ann") as client:
            answer = await client.post("/v1/widgets-token", json={"scopes": ["row/*"]})
        assert answer.status_code == 403
        assert "nothing that you may see" in answer.json()["message"]


async def test_operator_narrows_what_a_user_sees(control: Control, wds: Running) -> None:
    """The user's connections come back and see what is left; other processes of the control plane know of it too."""
    token = await control.widgets_token("ann")
    async with visiting(wds, token=token) as visitor, control.as_user("op", Role.OPERATOR) as op:
        await _hello(visitor)
        path = "/v1/users/ann/scopes"
        assert (await op.get(path)).json() == {"scopes": None}
        assert (await op.post(path, json={"scopes": ["halt/*"]})).json() == {"scopes": ["halt/*"]}

        code, bye = await visitor.until_closed()
        assert code == EXPIRED.code
        assert bye is not None
        assert bye.again_ms is not None
        after = await control.widgets_token("ann")
        async with visiting(wds, token=after) as again:
            assert all(feed.startswith("halt/") for feed in (await _hello(again)).feeds)
        assert (await op.post(path, json={"scopes": []})).status_code == 400
        assert (await op.post(path, json={"scopes": ["a b"]})).status_code == 400
        assert (await op.post(path, json={"scopes": None})).status_code == 200
    assert unverified_claims(await control.widgets_token("ann"))["scope"] == ">"


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("POST", "/v1/widgets-token", None),
        ("POST", "/v1/widgets-tokens/abc/revoke", Role.VIEWER),
        ("POST", "/v1/users/ann/revoke-tokens", Role.VIEWER),
        ("POST", "/v1/users/ann/scopes", Role.VIEWER),
        ("GET", "/v1/users/ann/scopes", Role.VIEWER),
        ("GET", "/v1/signing-keys", Role.OPERATOR),
        ("POST", "/v1/signing-keys", Role.OPERATOR),
    ],
)
async def test_route_is_refused_below_its_role(
    control: Control, method: str, path: str, role: Role | None
) -> None:
    """Who may not do it is refused, and nothing has happened."""
    client = control.with_token(None) if role is None else control.as_user("ann", role)
    async with client:
        answer = await client.request(method, path, json=None if method == "GET" else {})

    assert answer.status_code == (401 if role is None else 403)
    assert await control.audit.read(9) == []


@pytest.mark.parametrize(
    "body",
    [b"[]", b'{"scopes":5}', b'{"scopes":["a b"]}', b'{"minutes":16}', b'{"minutes":0}', b'{"user":"root"}', b"\xff"],
)  # fmt: skip
async def test_token_that_cannot_be_had_is_refused(control: Control, body: bytes) -> None:
    """A body that asks for what there is not is refused with a sentence."""
    async with control.as_user("ann") as client:
        answer = await client.post("/v1/widgets-token", content=body)

    assert answer.status_code == 400
    assert answer.json()["message"]


async def test_foreign_page_gets_no_token(control: Control) -> None:
    """A page of another origin, or one that does not show the CSRF token, cannot have a token made with the cookie."""
    async with control.as_user("ann") as client:
        for headers in (
            {"Origin": "https://evil.example.com"},
            {"Origin": "null"},
            {"X-CSRF-Token": "x"},
            {"X-CSRF-Token": ""},
        ):
            answer = await client.post("/v1/widgets-token", headers=headers)
            assert answer.status_code == 403
            assert "token" not in answer.json()
            assert answer.headers.get("access-control-allow-origin") in (None, client.headers["Origin"])  # fmt: skip


async def test_keys_are_published_for_everybody(control: Control, wds: Running) -> None:
    """The set is standard, has no private half, and an admin sees when each key takes over."""
    async with control.with_token(None) as anybody, control.as_user("root", Role.ADMIN) as admin:
        found = (await anybody.get("/.well-known/jwks.json")).json()["keys"]
        made = (await admin.post("/v1/signing-keys")).json()
        listed = (await admin.get("/v1/signing-keys")).json()["keys"]

    assert [set(key) for key in found] == [{"kid", "x", "kty", "crv", "alg", "use"}]
    assert [key["kid"] for key in listed] == [found[0]["kid"], made["kid"]]
    assert await control.audit.read(9, action="signing-key.rotate")


async def test_tokens_of_all_control_processes_are_read(
    settings: Settings, control: Control, wds: Running
) -> None:
    """A second process signs what the first would, and what one takes back the other does not give again as older."""
    async with controlling(settings) as second:
        async with second.as_user("op", Role.OPERATOR) as operator:
            assert (await operator.post("/v1/users/ann/revoke-tokens")).status_code == 204
        for process in (control, second):
            await eventually(lambda process=process: _issues(process, wds))  # type: ignore[arg-type]  # T is what is awaited


async def _issues(process: Control, wds: Running) -> bool:
    return await _opens(wds, await process.widgets_token("ann"))


async def _opens(wds: Running, token: str) -> bool:
    """Whether *token* lets somebody in."""
    async with visiting(wds, token=token) as visitor:
        first = await visitor.next()
        if isinstance(first, Hello):
            return True
        assert (await visitor.until_closed())[0] in (
            UNAUTHENTICATED.code,
            REVOKED.code,
            EXPIRED.code,
        )
        return False
