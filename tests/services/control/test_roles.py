"""Every route, asked by everybody: what the code declares is what happens."""

import msgspec
import pytest

from mesh import topology
from mesh.connection import Connection
from mesh.logs import set_up
from mesh.readiness import Report
from mesh.settings import Settings
from schemas.account import Role
from services.control import oidc
from services.control.access import SAFE_METHODS, declared
from services.control.app import build
from services.control.service import Parts
from tests.services.control.people import Person, newcomer
from tests.services.control.serving import Running


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(180)]

Route = tuple[str, str, Role | None]

NO_ROLE = "this needs the role"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a provider, which is away: its routes are there all the same."""
    return msgspec.structs.replace(settings, oidc_issuer="http://127.0.0.1:9/nobody")


@pytest.fixture
async def routes(settings: Settings, connection: Connection) -> list[Route]:
    """What the program serves: path, method, needed role."""
    log = set_up("test", "error")
    async with oidc.opened(settings, "http://127.0.0.1:8081") as provider:
        parts = Parts(settings, 8081, connection, log, provider)
        app = build(parts.access, parts.routes(), lambda: Report(True, {}, {}), log)
        return declared(app)


def _place(path: str) -> str:
    """*path* with names of nothing for its parameters."""
    return "/".join("nothing" if part.startswith("{") else part for part in path.split("/"))


def _expected(needed: Role | None, role: Role | None) -> str:
    if needed is None or (role is not None and role.covers(needed)):
        return "allowed"
    return "who are you?" if role is None else "not your role"


async def _asked(person: Person, name: str, method: str, path: str) -> str:
    """What becomes of a call; whoever was signed out by an earlier one signs in again first."""
    if name and (await person.get("/v1/me")).status_code == 401:
        assert (await person.sign_in(name)).status_code == 200
    answer = await (person.get(path) if method == "GET" else person.post(path, method))
    if answer.status_code == 403 and NO_ROLE in answer.text:
        return "not your role"
    # Sign-in itself answers 401 to whoever is let through to it, but not without a name.
    return "who are you?" if answer.status_code == 401 else "allowed"


async def test_every_route_lets_in_whom_it_declares_and_nobody_else(
    program: Running, ann: Person, routes: list[Route]
) -> None:
    """Each route × nobody, viewer, operator, admin, asked in truth; nothing is served that declares nothing."""
    people: dict[Role | None, tuple[str, Person]] = {
        None: ("", Person(program)),
        Role.VIEWER: ("vic", await newcomer(ann, program, "vic", Role.VIEWER)),
        Role.OPERATOR: ("otto", await newcomer(ann, program, "otto", Role.OPERATOR)),
        Role.ADMIN: ("ann", ann),
    }
    found, expected = {}, {}
    for path, method, needed in routes:
        for role, (name, person) in people.items():
            case = f"{method} {path} by {role or 'nobody'}"
            expected[case] = _expected(needed, role)
            found[case] = await _asked(person, name, method, _place(path))

    assert found == expected
    assert {"allowed", "who are you?", "not your role"} == {*found.values()}
    assert len(found) >= 4 * 20


async def test_no_get_changes_anything(
    ann: Person, routes: list[Route], connection: Connection
) -> None:
    """After every GET, by somebody who may do all, each stream and bucket of the broker is where it was.

    But for a sign-in at a provider, which OpenID Connect has as two: the second begins a session, and what fails is in the audit.
    """

    async def ends() -> dict[str, int]:
        return {
            definition["name"]: (await connection.api(f"$JS.API.STREAM.INFO.{definition['name']}"))[
                "state"
            ]["last_seq"]
            for definition in topology.definitions()
        }

    before = await ends()
    of_provider = (oidc.START, oidc.CALLBACK)
    paths = [path for path, method, _ in routes if method in SAFE_METHODS]
    safe = [path for path in paths if path not in of_provider]
    for path in safe:
        await ann.get(_place(path))
        await ann.get(f"{_place(path)}?link=x&name=ann&role=viewer&revision=1&_method=POST")

    assert len(safe) > 10
    assert await ends() == before
    assert len(safe) == len(paths) - len(of_provider)
    assert (await ann.get(oidc.START)).status_code == 503
    assert (await ann.get(oidc.CALLBACK)).is_client_error
    after = await ends()
    assert {name for name in after if after[name] != before[name]} == {"AUDIT"}
    assert (await ann.get("/v1/me")).status_code == 200
