"""Signing in at a provider, over HTTP: who comes in as whom, and every way in which nobody does."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from schemas.account import Role
from schemas.audit import Record
from schemas.naming import Bucket
from services.control.audit import Audit
from services.control.oidc import CALLBACK, START
from tests.services.control.people import Person, first_admin
from tests.services.control.provided import (
    ROLES,
    Provided,
    agree,
    begin,
    come_back,
    enter,
    provided,
)
from tests.services.control.serving import running


pytestmark = [pytest.mark.broker, pytest.mark.slow]

URL = "https://control.example.com"


@pytest.fixture
async def both(settings: Settings, connection: Connection) -> AsyncIterator[Provided]:
    """The control plane and a provider."""
    del connection  # it has seen to the buckets
    async with provided(settings) as made:
        yield made


async def newest(connection: Connection) -> Record:
    """The last record of the audit."""
    return (await Audit(connection).read(1))[0]


async def test_person_signs_in_and_goes_where_they_wanted(
    both: Provided, connection: Connection
) -> None:
    """Alice comes back as an admin, with a session, without the cookie of the sign-in, and the audit knows."""
    alice = Person(both.program)

    answer = await enter(alice, "alice", "/operations?tab=feeds")

    assert (answer.status_code, answer.headers["location"]) == (303, "/operations?tab=feeds")
    assert [name.endswith("-oidc") for name in alice.http.cookies] == [False]
    me = await alice.look()
    assert (me["user"], me["role"], me["kind"]) == ("alice", Role.ADMIN, "session")
    told = await newest(connection)
    assert (told.who, told.action, told.outcome) == ("alice", "sign-in", "done")
    assert told.after == {"role": "admin", "provider": both.provider.issuer, "subject": "alice"}


async def test_start_keeps_nothing(both: Provided, connection: Connection) -> None:
    """Going to the provider sets one cookie, for this browser and some minutes, and writes nothing anywhere."""
    before = await Audit(connection).read(10)

    answer = await Person(both.program).http.get(START)

    (cookie,) = answer.headers.get_list("set-cookie")
    for part in ("HttpOnly", "SameSite=lax", "Max-Age=600", "Path=/"):
        assert part in cookie
    for bucket in (Bucket.SESSIONS, Bucket.SIGN_INS, Bucket.USERS, Bucket.ATTEMPTS):
        assert await KeyValue(connection, bucket).all() == []
    assert await Audit(connection).read(10) == before


async def test_provider_is_asked_for_a_code_bound_to_this_sign_in(both: Provided) -> None:
    """Code flow with PKCE by S256, a state and a nonce, each new for each sign-in."""
    alice = Person(both.program)
    first, second = [dict(parse_qsl(urlsplit(await begin(alice)).query)) for _ in range(2)]

    assert (first["response_type"], first["code_challenge_method"]) == ("code", "S256")
    assert first["redirect_uri"] == both.program.origin + CALLBACK
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


@pytest.mark.parametrize(
    "then", ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "javascript:alert(1)", "/x\r\nSet-Cookie: a=b"]
)  # fmt: skip
async def test_nobody_is_sent_elsewhere(both: Provided, then: str) -> None:
    """A link that would end at a stranger's page ends where everybody begins, once the person is signed in."""
    answer = await enter(Person(both.program), "alice", then)

    assert answer.headers["location"] == "/"


async def test_page_offers_the_provider(both: Provided) -> None:
    """The page of sign-in learns the provider's name and where to begin."""
    ways = (await Person(both.program).get("/v1/ways")).json()

    assert ways["providers"] == [{"name": urlsplit(both.provider.issuer).netloc, "start": START}]


async def test_answer_is_good_once(both: Provided, connection: Connection) -> None:
    """Who replays the whole answer, cookie and all, is not signed in."""
    alice = Person(both.program)
    path = await agree(await begin(alice))
    held = dict(alice.http.cookies)
    assert (await come_back(alice, path)).status_code == 303
    thief = Person(both.program)
    thief.http.cookies.update(held)

    answer = await come_back(thief, path)

    assert (answer.status_code, "used before" in answer.text) == (403, True)
    assert (await thief.get("/v1/me")).status_code == 401
    assert (await newest(connection)).outcome.startswith("refused: ")


async def test_state_is_good_once_at_all_processes_together(
    settings: Settings, connection: Connection
) -> None:
    """Another process finishes what the first began; a new code for the same state then lets nobody in at either."""
    async with (
        provided(settings, control_url=URL) as both,
        running(settings, **ROLES, control_url=URL, oidc_issuer=both.provider.issuer) as other,
    ):
        started = await both.program.client().get(START)
        held = {"Cookie": started.headers["set-cookie"].partition(";")[0]}
        assert held["Cookie"].startswith("__Host-")
        assert "Secure" in started.headers["set-cookie"]
        address = started.headers["location"]

        first = await other.client().get(await agree(address), headers=held)
        again = [
            await program.client().get(await agree(address), headers=held)
            for program in (both.program, other)
        ]

        assert first.status_code == 303
        assert [(each.status_code, "finished before" in each.text) for each in again] == [
            (403, True),
            (403, True),
        ]
        assert len(await KeyValue(connection, Bucket.SESSIONS).all()) == 1


async def test_answer_of_another_browser_is_refused(both: Provided) -> None:
    """Nobody can be made to work in somebody else's name by a link: the browser must have begun that sign-in itself."""
    mallory, victim = Person(both.program), Person(both.program)
    path = await agree(await begin(mallory), "bob")

    without = await come_back(victim, path)
    await begin(victim)
    with_own = await come_back(victim, path)

    assert [without.status_code, with_own.status_code] == [403, 403]
    assert "has begun no such sign-in" in with_own.text
    assert (await victim.get("/v1/me")).status_code == 401
    assert (await come_back(mallory, path)).status_code == 303


async def test_provider_that_is_away_is_said_to_be(both: Provided, connection: Connection) -> None:
    """Who cannot sign in because of the provider reads so, before and after having been there."""
    alice = Person(both.program)
    path = await agree(await begin(alice))
    both.provider.kill()

    answers = [await come_back(alice, path), await alice.get(START)]

    assert answers[0].status_code == 503
    assert "does not answer" in answers[0].text
    assert answers[1].status_code in (303, 503)  # 303 while its addresses are remembered
    assert (await newest(connection)).outcome.startswith("refused: the provider")


async def test_provider_that_never_was_there_is_said_to_be_away(
    settings: Settings, connection: Connection
) -> None:
    """The first who wants to sign in while the provider is away reads so, in words and as a status."""
    del connection  # it has seen to the buckets
    async with provided(settings) as both:
        both.provider.kill()

        answer = await Person(both.program).get(START)

    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert "does not answer" in answer.text


@pytest.mark.parametrize("error", ["access_denied", "<script>alert(1)</script>"])
async def test_error_of_the_provider_is_told_as_text(both: Provided, error: str) -> None:
    """A person who declined reads so, and what an address line says is never part of a page."""
    alice = Person(both.program)
    state = dict(parse_qsl(urlsplit(await begin(alice)).query))["state"]

    answer = await alice.http.get(
        CALLBACK, params={"state": state, "error": error, "iss": both.provider.issuer}
    )

    assert answer.status_code == 403
    assert "the provider did not let you in" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "query", ["", "state=%ff%ed%a0%80", "state=" + "x" * 5000, "state=&code=&iss=&error=", "state=a&state=b"]
)  # fmt: skip
async def test_anything_may_be_in_the_address_line(both: Provided, query: str) -> None:
    """What nobody's provider ever sends is refused like any other answer that is not ours."""
    alice = Person(both.program)
    await begin(alice)

    assert (await alice.http.get(f"{CALLBACK}?{query}")).status_code == 403


@pytest.mark.parametrize("cookie", ["x", "\xff" * 43 + ".Lw", "x" * 43 + ".\xff", "x" * 43 + ".gA"])
async def test_anything_may_be_in_the_cookie(both: Provided, cookie: str) -> None:
    """A browser that holds something else is told that it has begun nothing."""
    held = {b"Cookie": f"tickmesh-{both.program.port}-oidc={cookie}".encode("latin-1")}

    answer = await both.program.client().get(f"{CALLBACK}?state=x&code=y", headers=held)

    assert answer.status_code == 403


async def test_answer_of_another_provider_is_refused(both: Provided) -> None:
    """A genuine code that came with another sender's name, or with none, is not even looked at (mix-up)."""
    alice = Person(both.program)
    path = await agree(await begin(alice))

    for mixed_up in (path.partition("&iss=")[0], path.replace("127.0.0.2", "127.0.0.3")):
        answer = await come_back(alice, mixed_up)
        assert (answer.status_code, "not from the provider" in answer.text) == (403, True)


async def test_role_is_that_of_the_claims_at_each_sign_in(both: Provided) -> None:
    """Who loses a group loses the role with the next sign-in, and the sessions that were begun with it."""
    before, after = Person(both.program), Person(both.program)
    await enter(before, "alice")
    both.provider.forge(groups=["desk"])

    await enter(after, "alice")

    assert (await after.look())["role"] == Role.OPERATOR
    assert (await before.get("/v1/me")).status_code == 401


async def test_who_has_no_role_stays_out(both: Provided) -> None:
    """The provider knows Carol, and nobody has given her a role here."""
    answer = await enter(Person(both.program), "carol")

    assert (answer.status_code, "given you a role" in answer.text) == (403, True)


async def test_same_name_is_not_the_same_person(both: Provided, connection: Connection) -> None:
    """A local account and one of the provider that are called the same are two, and the second stays out."""
    ann = await first_admin(both.program, connection)
    await ann.invite("bob", Role.VIEWER)
    bob = Person(both.program)

    answer = await enter(bob, "bob")

    assert (answer.status_code, "belongs to another account" in answer.text) == (403, True)
    assert (await bob.get("/v1/me")).status_code == 401


async def test_person_is_known_by_issuer_and_subject(
    both: Provided, connection: Connection
) -> None:
    """Who changes their name at the provider is still the same here, and cannot shed being disabled."""
    ann = await first_admin(both.program, connection)
    alice = Person(both.program)
    await enter(alice, "alice")
    both.provider.forge(preferred_username="allie")
    await enter(alice, "alice")
    assert (await alice.look())["user"] == "alice"
    [shown] = [
        each for each in (await ann.get("/v1/users")).json()["users"] if each["name"] == "alice"
    ]
    await ann.post("/v1/users/alice", "PATCH", revision=shown["revision"], is_disabled=True)

    answer = await enter(Person(both.program), "alice")

    assert (answer.status_code, "is disabled" in answer.text) == (403, True)
    assert (await alice.get("/v1/me")).status_code == 401


async def test_key_changes_while_the_program_runs(both: Provided) -> None:
    """After the provider has changed its key the next person signs in as before."""
    await enter(Person(both.program), "alice")
    both.provider.rotate()

    assert (await enter(Person(both.program), "bob")).status_code == 303


async def test_guessing_is_slowed(both: Provided) -> None:
    """Codes that the provider does not take may not be tried as often as one likes."""
    mallory = Person(both.program)
    state = dict(parse_qsl(urlsplit(await begin(mallory)).query))["state"]
    sent = {"state": state, "code": "guessed", "iss": both.provider.issuer}

    statuses: list[int] = []
    while 429 not in statuses and len(statuses) < 20:  # each wait is longer than the one before
        statuses.append((await mallory.http.get(CALLBACK, params=sent)).status_code)

    assert {*statuses} == {403, 429}


async def test_sign_out_goes_on_to_the_provider(both: Provided) -> None:
    """Signing out ends the session here, and says where the provider ends its own and sends people back."""
    alice = Person(both.program)
    await enter(alice, "alice")

    further = (await alice.post("/v1/sign-out")).json()["next"]

    told = dict(parse_qsl(urlsplit(further).query))
    assert further.startswith(f"{both.provider.issuer}/session/end?")
    assert told["post_logout_redirect_uri"] == f"{both.program.origin}/sign-in"
    assert told["id_token_hint"].count(".") == 2
    assert (await alice.get("/v1/me")).status_code == 401


async def test_local_sign_out_goes_nowhere(both: Provided, connection: Connection) -> None:
    """Whom no provider has let in is sent to none."""
    ann = await first_admin(both.program, connection)

    assert (await ann.post("/v1/sign-out")).json()["next"] == "/sign-in"


async def test_without_a_provider_there_is_no_such_way(
    settings: Settings, connection: Connection
) -> None:
    """Without the setting nothing of this is there."""
    del connection  # it has seen to the buckets
    async with running(settings) as program:
        person = Person(program)

        assert (await person.get("/v1/ways")).json()["providers"] == []
        assert [(await person.get(path)).status_code for path in (START, CALLBACK)] == [404, 404]
