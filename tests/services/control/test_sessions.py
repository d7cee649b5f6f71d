"""Sessions: nobody can be given one, each ends when it must, and all processes know the same."""

import httpx
import pytest

from mesh import clock
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.account import Role
from schemas.naming import Bucket
from services.control import service
from services.control.audit import Audit
from services.control.sessions import Limits
from tests.services.control.people import PASSWORD, Person, first_admin, newcomer
from tests.services.control.serving import Running, running


pytestmark = pytest.mark.broker

PUBLIC = "https://control.example.com"
COOKIE = "__Host-tickmesh"


async def test_planted_session_is_nobodys(program: Running, ann: Person) -> None:
    """What was in the browser before somebody signs in is no session after: neither made up, nor somebody's own."""
    eve = await newcomer(ann, program, "eve", Role.VIEWER)
    name = next(iter(eve.http.cookies))
    for planted in ("a" * 43, eve.cookie()):
        victim = Person(program)
        victim.http.cookies.set(name, planted, domain="127.0.0.1")
        await victim.look()
        assert (await victim.sign_in("ann")).status_code == 200
        thief = Person(program)
        thief.http.cookies.set(name, planted, domain="127.0.0.1")
        assert (await thief.get("/v1/me")).status_code == 401
        assert planted not in {victim.http.cookies.get(name), ""}


@pytest.mark.parametrize("cookie", ["", "a", "x" * 5000, "../../x", "a.b.>", '"quoted"', "%0d%0a"])
async def test_cookie_that_is_none_is_nobodys(program: Running, cookie: str) -> None:
    """Whatever stands in the cookie, the answer is that nobody is signed in."""
    client = program.client()
    answer = await client.get("/v1/me", headers={"Cookie": f"tickmesh-{program.port}={cookie}"})

    assert answer.status_code == 401


async def test_cookie_is_kept_from_scripts_and_other_sites(
    program: Running, ann: Person, settings: Settings, connection: Connection
) -> None:
    """On this machine and behind TLS: never for scripts or other sites, and behind TLS for nothing else."""
    here = (await Person(program).sign_in("ann")).headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= _parts(here)
    assert "Domain" not in here
    assert len(ann.cookie()) == 43, "256 bits"
    async with running(settings, control_url=PUBLIC) as behind:
        answer = await Person(behind).http.post(
            "/v1/sign-in", json={"name": "ann", "password": PASSWORD}, headers={"Origin": PUBLIC}
        )
        there = answer.headers["set-cookie"]
        assert there.startswith(f"{COOKIE}=")
        assert {"HttpOnly", "Path=/", "SameSite=strict", "Secure"} <= _parts(there)
    stored = [
        entry.key + str(entry.value) for entry in await KeyValue(connection, Bucket.SESSIONS).all()
    ]
    assert stored
    assert ann.cookie() not in "".join(stored)


def _parts(cookie: str) -> set[str]:
    return {part.strip() for part in cookie.split(";")}


async def test_session_ends_when_it_is_idle(
    settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a request for as long as is set, and not before."""
    limits = Limits(idle_ms=3000, longest_ms=3_600_000, cookie="tickmesh", is_secure=False)
    monkeypatch.setattr(service, "_limits", lambda *_: limits)
    async with running(settings) as program:
        ann = await first_admin(program, connection)

        async def is_in() -> bool:
            await ann.sign_in("ann")
            return (await ann.get("/v1/me")).is_success

        await eventually(is_in)  # type: ignore[arg-type]  # T is what is awaited
        until_ms = clock.now_ms() + limits.idle_ms
        await eventually(lambda: clock.now_ms() > until_ms)
        assert (await ann.get("/v1/me")).status_code == 401


async def test_session_ends_at_its_latest_moment(
    settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever goes on asking has it longer than an idle one, and not longer than is set."""
    limits = Limits(idle_ms=2000, longest_ms=6000, cookie="tickmesh", is_secure=False)
    monkeypatch.setattr(service, "_limits", lambda *_: limits)
    async with running(settings) as program:
        began_ms = clock.now_ms()
        ann = await first_admin(program, connection)

        async def status() -> int:
            return (await ann.get("/v1/me")).status_code

        await eventually(status, lambda found: found == 401)  # type: ignore[arg-type]  # T is what is awaited
        assert clock.now_ms() - began_ms > limits.idle_ms


async def test_own_sessions_are_listed_and_ended(program: Running, ann: Person) -> None:
    """People see their own browsers and end one; of others they see nothing, and end nothing."""
    bob = await newcomer(ann, program, "bob", Role.VIEWER)
    second = Person(program)
    await second.sign_in("ann")
    listed = (await ann.get("/v1/sessions")).json()["sessions"]
    (of_bob,) = (await bob.get("/v1/sessions")).json()["sessions"]

    assert [each["is_this"] for each in listed] == [False, True]
    assert (await bob.post(f"/v1/sessions/{listed[0]['id']}/end")).status_code == 404
    assert (await ann.post(f"/v1/sessions/{of_bob['id']}/end")).status_code == 404
    assert (await ann.post(f"/v1/sessions/{listed[0]['id']}/end")).status_code == 200
    assert (await second.get("/v1/me")).status_code == 401
    assert (await ann.get("/v1/me")).status_code == 200
    assert (await bob.get("/v1/me")).status_code == 200


async def test_sign_out_ends_the_session_and_not_only_the_cookie(
    program: Running, ann: Person
) -> None:
    """A copy of the cookie is good for nothing after, with one browser and with all."""
    copy, second = Person(program), Person(program)
    name = next(iter(ann.http.cookies))
    copy.http.cookies.set(name, ann.cookie(), domain="127.0.0.1")
    await second.sign_in("ann")
    assert (await ann.post("/v1/sign-out")).status_code == 200
    assert not [*ann.http.cookies]
    assert (await copy.get("/v1/me")).status_code == 401

    await ann.sign_in("ann")
    assert (await second.post("/v1/sign-out-everywhere")).status_code == 200
    assert (await ann.get("/v1/me")).status_code == 401


class Visit:
    """A browser with a session, which asks whichever process it likes, as behind a proxy."""

    def __init__(self, cookie: str, csrf: str) -> None:
        self._headers = {"Cookie": f"{COOKIE}={cookie}", "Origin": PUBLIC, "X-CSRF-Token": csrf}

    async def get(self, program: Running, path: str) -> httpx.Response:
        """Ask for something."""
        return await program.client().get(path, headers=self._headers)

    async def post(
        self, program: Running, path: str, method: str = "POST", **body: object
    ) -> httpx.Response:
        """Have something done."""
        return await program.client().request(method, path, json=body, headers=self._headers)


async def visit(program: Running, path: str, **body: object) -> Visit:
    """Sign in by *path* at one process."""
    answer = await program.client().post(path, json=body, headers={"Origin": PUBLIC})
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    me = (await Visit(cookie, "").get(program, "/v1/me")).json()
    return Visit(cookie, me["csrf"])


async def test_processes_share_sessions_and_their_ends(
    settings: Settings, connection: Connection
) -> None:
    """Who signs in at one process is signed in at the other; who is disabled or changed at one is out at the other."""
    async with (
        running(settings, control_url=PUBLIC) as one,
        running(settings, control_url=PUBLIC) as other,
    ):
        links = one.lifecycle.said("admin.missing") + other.lifecycle.said("admin.missing")
        link = links[-1]["open_once"].partition("#")[2]
        assert links[-1]["open_once"].startswith(f"{PUBLIC}/welcome#")
        ann = await visit(other, "/v1/welcome", link=link, name="ann", password=PASSWORD)
        invited = await ann.post(one, "/v1/users", name="bob", role="operator")
        bob = await visit(
            one, "/v1/welcome", link=invited.json()["link"].partition("#")[2], name="bob", password=PASSWORD
        )  # fmt: skip
        for program in (one, other):
            assert (await bob.get(program, "/v1/me")).json()["role"] == "operator"
            assert (await bob.post(program, "/v1/users", name="x", role="admin")).status_code == 403

        (seen,) = [
            each
            for each in (await ann.get(one, "/v1/users")).json()["users"]
            if each["name"] == "bob"
        ]
        answer = await ann.post(
            one, "/v1/users/bob", "PATCH", revision=seen["revision"], is_disabled=True
        )
        assert answer.status_code == 200

        async def at_other() -> int:
            return (await bob.get(other, "/v1/me")).status_code

        await eventually(at_other, lambda status: status == 401)  # type: ignore[arg-type]  # T is what is awaited
        again = await one.client().post(
            "/v1/sign-in", json={"name": "bob", "password": PASSWORD}, headers={"Origin": PUBLIC}
        )
        assert again.status_code == 401


async def test_address_behind_a_proxy_is_what_the_proxy_says(
    settings: Settings, connection: Connection
) -> None:
    """The last address of `X-Forwarded-For` counts, which the proxy wrote; without a proxy nobody is believed."""
    body = {"name": "a", "password": "b"}
    forged = [("X-Forwarded-For", "10.9.9.9, 10.8.8.8"), ("X-Forwarded-For", "203.0.113.7")]
    async with running(settings, control_url=PUBLIC) as behind:
        await behind.client().post("/v1/sign-in", json=body, headers=forged)
    async with running(settings) as bare:
        await bare.client().post("/v1/sign-in", json=body, headers=forged)

    records = await Audit(connection).read(2)
    assert [each.address for each in records] == ["127.0.0.1", "203.0.113.7"]
