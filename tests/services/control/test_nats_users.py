"""NATS credentials through the control plane: who may make them, list them and take them back."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.connection import ASGIConnection

from mesh.connection import open_connection
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.readiness import Report
from mesh.testing import eventually
from schemas.account import Role
from schemas.naming import Bucket
from services.control.access import Access
from services.control.app import build
from services.control.audit import Audit
from services.control.caller import Caller
from services.control.nats_users import NatsUsers, nats_user_routes
from tests.mesh.keys import Secured, is_let_in, secured, signed_in


pytestmark = [pytest.mark.broker, pytest.mark.slow]

LOG = set_up("test", "error")
PATH = "/v1/nats-users"


async def _by_session(_: ASGIConnection[Any, Any, Any, Any]) -> Caller | None:
    return None


async def _by_token(token: str) -> Caller | None:
    """A token is the name of a role, and so is its user."""
    return Caller(token, Role(token), "token", token) if token in {*Role} else None


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Secured]:
    """A server with keys, users and the topology."""
    async with secured(tmp_path) as server:
        yield server


@pytest.fixture
async def audit(mesh: Secured) -> AsyncIterator[Audit]:
    """The audit, with what the program `control` may do and nothing more."""
    async with open_connection(mesh.settings("control"), "control", LOG) as connection:
        yield Audit(connection)


@pytest.fixture
async def control(mesh: Secured, audit: Audit) -> AsyncIterator[httpx.AsyncClient]:
    """The routes, with a user for each role."""
    settings = mesh.settings("control")
    async with open_connection(settings, "control", LOG) as connection:
        users = NatsUsers(settings, KeyValue(connection, Bucket.NATS_USERS), mesh.issuer, LOG)
        access = Access(frozenset(), _by_session, [_by_token])
        app = build(access, nats_user_routes(users, audit), lambda: Report(True, {}, {}), LOG)
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # the two describe ASGI in different words
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
            yield client


def _as(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {role}"}


async def _make(control: httpx.AsyncClient, name: str = "ann") -> dict[str, Any]:
    answer = await control.post(PATH, json={"name": name}, headers=_as("admin"))
    assert answer.status_code == 201, answer.text
    given: dict[str, Any] = answer.json()
    return given


async def test_credentials_are_shown_once_and_let_in(
    mesh: Secured, control: httpx.AsyncClient, audit: Audit
) -> None:
    """They work, they are listed without themselves, and neither the list nor the audit nor KV holds a seed."""
    given = await _make(control)
    own = mesh.keys / "ann.creds"
    own.write_text(given["creds"])
    listed = await control.get(PATH, headers=_as("operator"))
    written = await audit.read(10)

    assert await is_let_in(mesh.broker.url, own)
    assert [each["key"] for each in listed.json()["users"]] == [given["user"]["key"]]
    assert (given["user"]["by"], given["user"]["revoked_ms"]) == ("admin", None)
    assert [(each.who, each.action, each.target) for each in written] == [
        ("admin", "nats-user.issue", given["user"]["key"])
    ]
    for text in (listed.text, str(written)):
        assert "SEED" not in text
        assert "eyJ" not in text


async def test_taken_back_credentials_end_at_once(
    mesh: Secured, control: httpx.AsyncClient, audit: Audit
) -> None:
    """A connection with them ends, the list says who did it, and to do it again changes nothing."""
    given = await _make(control)
    own = mesh.keys / "ann.creds"
    own.write_text(given["creds"])
    path = f"{PATH}/{given['user']['key']}/revoke"
    async with signed_in(mesh.broker.url, own) as reader:
        first = await control.post(path, headers=_as("operator"))
        await eventually(lambda: reader.client.is_closed, timeout_s=5)
    again = await control.post(path, headers=_as("admin"))

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert first.json()["revoked_by"] == "operator"
    assert not await is_let_in(mesh.broker.url, own)
    assert [each.action for each in await audit.read(2, who="operator")] == ["nats-user.revoke"]


async def test_servers_that_forgot_are_told_again(
    mesh: Secured, control: httpx.AsyncClient
) -> None:
    """Whoever takes back one takes back all that the list has, also after servers lost what they were told."""
    first, second = await _make(control, "ann"), await _make(control, "bob")
    own = mesh.keys / "ann.creds"
    own.write_text(first["creds"])
    await control.post(f"{PATH}/{first['user']['key']}/revoke", headers=_as("admin"))
    await mesh.broker.kill()
    for account in (mesh.keys.parent / "jetstream" / "accounts").iterdir():
        account.unlink()
    await mesh.broker.start()
    forgotten = await is_let_in(mesh.broker.url, own)

    async def revoked() -> bool:
        path = f"{PATH}/{second['user']['key']}/revoke"
        return (await control.post(path, headers=_as("admin"))).status_code == 200

    await eventually(revoked)  # type: ignore[arg-type]  # T is what is awaited
    assert forgotten
    assert not await is_let_in(mesh.broker.url, own)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "../x"}, "name of a NATS user"),
        ({"name": ""}, "name of a NATS user"),
        ({"name": "ann", "days": 0}, "days"),
        ({"name": "ann", "days": 400}, "days"),
        ({"name": "ann", "admin": True}, "unknown field"),
    ],
)
async def test_wrong_wishes_are_explained(
    control: httpx.AsyncClient, body: dict[str, Any], said: str
) -> None:
    """Nothing is made, and the answer says what was expected."""
    answer = await control.post(PATH, json=body, headers=_as("admin"))

    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert (await control.get(PATH, headers=_as("admin"))).json()["users"] == []


async def test_roles_limit_who_gives_access(control: httpx.AsyncClient) -> None:
    """An admin makes, an operator lists and takes back, a viewer does nothing of it; a key that nobody has is not found."""
    unknown = f"{PATH}/U{'A' * 55}/revoke"

    for role, statuses in {"viewer": (403, 403, 403), "operator": (403, 200, 404)}.items():
        made = await control.post(PATH, json={"name": "ann"}, headers=_as(role))
        listed = await control.get(PATH, headers=_as(role))
        taken = await control.post(unknown, headers=_as(role))
        assert (made.status_code, listed.status_code, taken.status_code) == statuses
    assert (await control.post(PATH, json={"name": "ann"})).status_code == 401


async def test_control_plane_without_keys_says_so(audit: Audit) -> None:
    """Where nobody gave it an issuer it cannot, and says which setting does."""
    access = Access(frozenset(), _by_session, [_by_token])
    app = build(access, nats_user_routes(None, audit), lambda: Report(True, {}, {}), LOG)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # the two describe ASGI in different words
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        answer = await client.get(PATH, headers=_as("admin"))

    assert answer.status_code == 409
    assert "MESH_NATS_ISSUER" in answer.json()["message"]
