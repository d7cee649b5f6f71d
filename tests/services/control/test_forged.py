"""Calls that a browser makes without its person having asked for them: each is refused."""

import pytest

from mesh.connection import Connection
from mesh.settings import Settings
from services.control.audit import Audit
from tests.services.control.people import PASSWORD, Person, first_admin
from tests.services.control.serving import Running, running


pytestmark = pytest.mark.broker

NEW = {"name": "eve", "role": "admin"}


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "http://evil.example",
        "{own}.evil.example",
        "https{secure}",
        "http://127.0.0.1",
        "http://user@{host}",
        "{own}/",
        "{upper}",
    ],
)
async def test_forged_origin_is_refused(ann: Person, origin: str | None) -> None:
    """Neither no origin, nor a foreign one, nor one that looks like ours, even with the right token."""
    host = ann.origin.removeprefix("http://")
    filled = {"own": ann.origin, "secure": ann.origin.removeprefix("http"), "host": host}
    headers = {"X-CSRF-Token": ann.csrf}
    if origin is not None:
        headers["Origin"] = origin.format(**filled, upper=ann.origin.upper())
    answer = await ann.send("/v1/users", headers, **NEW)

    assert (answer.status_code, "Origin" in answer.json()["message"]) == (403, True)
    assert len((await ann.get("/v1/users")).json()["users"]) == 1


async def test_call_without_the_token_of_its_session_is_refused(
    program: Running, ann: Person
) -> None:
    """None, a wrong one, one of another session, and what cannot be one; each is refused, the right one is taken."""
    other = Person(program)
    await other.sign_in("ann")
    for shown in (None, "", "0" * 64, other.csrf, ann.csrf[:-1], ann.csrf + "0", "é" * 64):
        headers = {"Origin": ann.origin} | ({} if shown is None else {"X-CSRF-Token": shown})
        answer = await ann.http.post(
            "/v1/users",
            json=NEW,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        )
        assert (answer.status_code, "X-CSRF-Token" in answer.json()["message"]) == (403, True)

    assert other.csrf != ann.csrf
    assert (await ann.post("/v1/users", **NEW)).status_code == 201


async def test_form_of_another_site_is_refused(ann: Person) -> None:
    """What a form can send without asking first, a JSON text as plain text, changes nothing."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = await ann.http.post(
            "/v1/users",
            content=b'{"name": "eve", "role": "admin"}',
            headers={"Content-Type": kind, "Origin": "http://evil.example"},
        )
        assert answer.status_code == 403
    assert len((await ann.get("/v1/users")).json()["users"]) == 1


async def test_nobody_is_signed_in_by_another_site(program: Running, ann: Person) -> None:
    """A foreign page cannot sign a browser in, to watch what its person then does under the wrong name."""
    del ann  # whose account it is
    victim = Person(program)
    answer = await victim.send(
        "/v1/sign-in", {"Origin": "http://evil.example"}, name="ann", password=PASSWORD
    )

    assert answer.status_code == 403
    assert (await victim.get("/v1/me")).status_code == 401


async def test_foreign_pages_read_nothing(program: Running, ann: Person) -> None:
    """A browser hands answers to pages of known origins alone, with the cookie; other origins are not named."""
    desk = "http://127.0.0.1:8080"
    known = await ann.http.get("/v1/me", headers={"Origin": desk})
    foreign = await ann.http.get("/v1/me", headers={"Origin": "http://evil.example"})
    asked = await ann.http.options(
        "/v1/sign-out",
        headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
    )

    assert known.headers["access-control-allow-origin"] == desk
    assert known.headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in foreign.headers
    assert "access-control-allow-origin" not in asked.headers
    assert program.origin != desk


async def test_other_desks_are_named_by_a_setting(
    settings: Settings, connection: Connection
) -> None:
    """With `MESH_CONTROL_ORIGINS` those pages may call, and the desk of this machine may not any more."""
    async with running(settings, control_origins="https://desk.example.com") as program:
        ann = await first_admin(program, connection)
        for origin, status in (("https://desk.example.com", 201), ("http://127.0.0.1:8080", 403)):
            headers = {"Origin": origin, "X-CSRF-Token": ann.csrf}
            answer = await ann.send("/v1/users", headers, name="bob", role="viewer")
            assert answer.status_code == status


async def test_unknown_api_token_is_refused_and_helps_no_session(
    ann: Person, connection: Connection
) -> None:
    """Whoever shows a token is that token's, or nobody: the cookie beside it counts for nothing."""
    for shown in ("Bearer x", "Bearer", "bearer a b"):
        answer = await ann.http.get("/v1/me", headers={"Authorization": shown})
        assert answer.status_code == 401
        answer = await ann.send("/v1/users", {"Authorization": shown}, **NEW)
        assert answer.status_code == 401
    assert await Audit(connection).read(9, action="user.create") == []
