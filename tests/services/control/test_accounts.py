"""Accounts: how the first admin comes to be, how others do, and what admins may do with them."""

import asyncio

import pytest

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.account import Role, User
from schemas.naming import Bucket
from services.control.accounts import Accounts
from services.control.audit import Audit
from services.control.links import FIRST_ADMIN, Links
from tests.services.control.people import PASSWORD, Person, first_admin, newcomer
from tests.services.control.serving import Running, running


pytestmark = pytest.mark.broker

WEAK, SHORT = "passwordpassword", "short"


async def test_first_link_makes_one_admin_and_no_second(
    program: Running, connection: Connection
) -> None:
    """The link is good once, for a password that is good; then nothing makes an admin but an admin."""
    links = Links(KeyValue(connection, Bucket.LINKS), "http://x/welcome")
    old = await links.issue(FIRST_ADMIN)
    link = await links.issue(FIRST_ADMIN)
    bob = Person(program)

    assert (await bob.use(old, "bob")).status_code == 403  # a newer link takes its place
    assert (await bob.use(link[:-1] + "?", "bob")).status_code == 403
    short = await bob.use(link, "bob", "too short")
    assert (short.status_code, "15 characters" in short.json()["message"]) == (400, True)
    assert (await bob.use(link, "bob")).json() == {"user": "bob", "role": "admin", "next": "/"}
    assert (await bob.look())["role"] == "admin"
    assert (await Person(program).use(link, "carl")).status_code == 403
    again = await links.issue(FIRST_ADMIN)
    assert "admin already" in (await Person(program).use(again, "carl")).json()["message"]


async def test_program_offers_a_link_while_there_is_no_admin(
    settings: Settings, connection: Connection
) -> None:
    """The link in the log works, nothing in the broker gives it away, and with an admin there is none."""
    async with running(settings) as program:
        link: str = program.lifecycle.said("admin.missing")[0]["open_once"]
        assert link.startswith(f"{program.origin}/welcome#")
        secret = link.rpartition(".")[2]
        kept = await KeyValue(connection, Bucket.LINKS).all()
        assert [secret.encode() in (entry.value or b"") for entry in kept] == [False]
        assert (await Person(program).use(link, "ann")).status_code == 200

    async with running(settings) as program:
        assert program.lifecycle.said("admin.missing") == []


async def test_admin_makes_accounts_whose_passwords_nobody_else_knows(
    program: Running, ann: Person, connection: Connection
) -> None:
    """A new user chooses the password with a link; until then nobody can sign in, and no link is good for another name."""
    link = await ann.invite("Bob@Desk.Example", Role.OPERATOR)
    bob = Person(program)

    assert (await bob.sign_in("bob@desk.example", "")).status_code == 401
    assert (await bob.use(link, "ann")).status_code == 403
    assert (await bob.use(link, "BOB@desk.example")).status_code == 200
    assert (await bob.look())["role"] == "operator"
    assert (await bob.use(link, "bob@desk.example")).status_code == 403
    taken = await ann.post("/v1/users", name="bob@desk.example", role="viewer")
    assert (taken.status_code, "already" in taken.json()["message"]) == (409, True)
    listed = (await ann.get("/v1/users")).json()["users"]
    assert [each["name"] for each in listed] == ["ann", "bob@desk.example"]
    assert "argon2" not in str(listed)
    stored = await KeyValue(connection, Bucket.USERS).all()
    assert all(b"$argon2id$" in (entry.value or b"") for entry in stored)


async def test_token_of_an_admin_gives_nobody_an_account(program: Running, ann: Person) -> None:
    """A token that leaked must not make what outlives it: accounts, roles and links are for people who are signed in."""
    made = await ann.post("/v1/api-tokens", name="script", role="admin", days=1)
    leaked = {"Authorization": f"Bearer {made.json()['token']}"}
    thief = Person(program)
    answers = [
        await thief.send("/v1/users", leaked, name="eve", role="admin"),
        await thief.send("/v1/users/ann", leaked, "PATCH", revision=1, role="viewer"),
        await thief.send("/v1/users/ann/reset", leaked),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert (await thief.http.get("/v1/users", headers=leaked)).status_code == 200
    assert [each["name"] for each in (await ann.get("/v1/users")).json()["users"]] == ["ann"]


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "../ann", "a\r\nb", "é", "x" * 65, "-a", "a\0b"]
)
async def test_names_that_could_be_mistaken_are_refused(ann: Person, name: str) -> None:
    """Names are plain words, so that nobody can look like somebody else, or like a path or a header."""
    answer = await ann.post("/v1/users", name=name, role="viewer")

    assert (answer.status_code, "a name must be" in answer.json()["message"]) == (409, True)


async def test_change_of_an_account_is_made_by_who_knows_it(program: Running, ann: Person) -> None:
    """A role changes at the revision that the admin has seen; who is late is told so; the user is signed out."""
    bob = await newcomer(ann, program, "bob", Role.VIEWER)
    seen = (await ann.get("/v1/users")).json()["users"][1]
    changed = await ann.post("/v1/users/bob", "PATCH", revision=seen["revision"], role="operator")
    late = await ann.post("/v1/users/bob", "PATCH", revision=seen["revision"], role="viewer")

    assert (changed.status_code, changed.json()["role"]) == (200, "operator")
    assert (late.status_code, "somebody else" in late.json()["message"]) == (409, True)
    assert (await bob.get("/v1/me")).status_code == 401
    assert (await bob.sign_in("bob")).json()["role"] == "operator"
    assert (await ann.post("/v1/users/carl", "PATCH", revision=1)).status_code == 404


async def test_last_admin_stays(program: Running, ann: Person) -> None:
    """Nobody can leave the mesh without somebody who may decide who may what."""
    (own,) = (await ann.get("/v1/users")).json()["users"]
    for change in ({"role": "viewer"}, {"is_disabled": True}):
        answer = await ann.post("/v1/users/ann", "PATCH", revision=own["revision"], **change)
        assert (answer.status_code, "only admin" in answer.json()["message"]) == (409, True)
    assert (await ann.post("/v1/users/ann/reset")).status_code == 409

    await newcomer(ann, program, "bob", Role.ADMIN)
    answer = await ann.post("/v1/users/ann", "PATCH", revision=own["revision"], role="viewer")
    assert answer.status_code == 200


async def test_reset_takes_the_password_and_the_sessions(program: Running, ann: Person) -> None:
    """Who forgot a password gets a link; the old password and the sessions are good for nothing any more."""
    bob = await newcomer(ann, program, "bob", Role.VIEWER)
    link = (await ann.post("/v1/users/bob/reset")).json()["link"]

    assert (await bob.get("/v1/me")).status_code == 401
    assert (await bob.sign_in("bob")).status_code == 401
    assert (await bob.use(link, "bob", "other lamps hum loudly")).status_code == 200
    assert (await Person(program).sign_in("bob", "other lamps hum loudly")).status_code == 200


async def test_nobody_registers_unless_it_is_switched_on(
    settings: Settings, program: Running, connection: Connection
) -> None:
    """Without the switch it is refused; with it somebody becomes a viewer, once a name, and not without end."""
    refused = await Person(program).post("/v1/register", name="eve", password=PASSWORD)
    assert (refused.status_code, "MESH_SELF_REGISTRATION" in refused.text) == (403, True)

    async with running(settings, self_registration=True) as opened:
        eve = Person(opened)
        made = await eve.post("/v1/register", name="eve", password=PASSWORD)
        assert (made.status_code, made.json()["role"]) == (201, "viewer")
        assert (await eve.look())["user"] == "eve"
        again = await Person(opened).post("/v1/register", name="Eve", password=PASSWORD)
        assert (again.status_code, "already" in again.json()["message"]) == (400, True)
        weak = await Person(opened).post("/v1/register", name="fay", password=WEAK)
        assert weak.status_code == 400

        async def more() -> int:
            answer = await Person(opened).post("/v1/register", name="fay", password=SHORT)
            return answer.status_code

        await eventually(more, lambda status: status == 429)  # type: ignore[arg-type]  # T is what is awaited
    assert [each.who for each in await Audit(connection).read(9, action="user.register")] == ["eve"]


async def test_password_is_changed_by_who_knows_the_old_one(
    program: Running, ann: Person, connection: Connection
) -> None:
    """The old one must be right; then the browser goes on with a new session, and all others have ended."""
    other = Person(program)
    await other.sign_in("ann")
    before = ann.cookie()
    new = "slow lamps blink twice"

    assert (await ann.post("/v1/password", old="wrong", new=new)).status_code == 403
    assert (await ann.post("/v1/password", old=PASSWORD, new="short")).status_code == 400
    assert (await ann.post("/v1/password", old=PASSWORD, new=new)).status_code == 200
    assert ann.cookie() != before
    assert (await ann.look())["user"] == "ann"
    assert (await other.get("/v1/me")).status_code == 401
    assert (await Person(program).sign_in("ann")).status_code == 401
    assert (await Person(program).sign_in("ann", new)).status_code == 200
    outcomes = [each.outcome for each in await Audit(connection).read(9, action="password.change")]
    assert outcomes == ["done", "refused: the old password is wrong"]


async def test_audit_holds_no_secret(program: Running, connection: Connection) -> None:
    """Whatever is done with passwords and links, none of it is in the audit."""
    ann = await first_admin(program, connection)
    link = await ann.invite("bob", Role.VIEWER)
    await Person(program).use(link, "bob")
    await Person(program).sign_in("bob", "wrong lamps hum quietly")
    await Person(program).use(link, "bob")
    answer = await ann.get("/v1/audit?most=100")

    assert len(answer.json()["records"]) >= 5
    for secret in (PASSWORD, "wrong lamps", link.rpartition(".")[2], ann.cookie(), ann.csrf):
        assert secret not in answer.text


async def test_two_admins_who_step_down_at_once_leave_one(connection: Connection) -> None:
    """Each is the other's last admin, at two processes: whoever looks sees another admin, and one is left all the same."""
    users = KeyValue(connection, Bucket.USERS)
    processes = [Accounts(users), Accounts(users)]
    made = [
        await accounts.create(User(name=name, role=Role.ADMIN, password="hash", created_ms=1))  # noqa: S106 (none)
        for accounts, name in zip(processes, ("ann", "bob"), strict=True)
    ]
    await asyncio.gather(
        *(
            each.change(account, role=Role.VIEWER)
            for each, account in zip(processes, made, strict=True)
        ),
        return_exceptions=True,
    )

    assert await Accounts(users).has_admin()
