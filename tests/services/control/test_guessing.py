"""Guessing passwords: slowed, by user and by address, however it is done, and nothing is learnt from the answers."""

import asyncio
import time

import pytest

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from schemas.account import Tried
from schemas.audit import Record
from schemas.control_naming import attempts_key
from schemas.naming import Bucket
from schemas.wire import encode_json
from services.control.attempts import (
    FREE_OF_ADDRESS,
    FREE_OF_USER,
    LONGEST_S,
    Attempts,
    wait_s,
)
from services.control.audit import Audit
from tests.services.control.people import Person, first_admin
from tests.services.control.serving import Running, running


pytestmark = pytest.mark.broker

GUESS = "guess after guess after guess"


def test_waits_grow_up_to_five_minutes() -> None:
    """After the free failures 1 s, 2 s, 4 s, and never more than five minutes."""
    waits = [wait_s(failures, 5) for failures in range(40)]

    assert waits[:9] == [0, 0, 0, 0, 0, 1, 2, 4, 8]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_S


async def test_waits_count_for_user_and_address(connection: Connection) -> None:
    """One user is tried from many places, or many users from one place: both must wait; others need not."""
    attempts = Attempts(KeyValue(connection, Bucket.ATTEMPTS))
    for number in range(FREE_OF_USER):
        assert await attempts.enter("ann", f"10.0.0.{number}", 0) == 0
    assert await attempts.enter("ann", "10.0.0.99", 0) == 1
    assert await attempts.enter("bob", "10.0.0.99", 0) == 0
    assert await attempts.enter("ann", "10.0.0.99", 1000) == 0
    assert await attempts.enter("ann", "10.0.0.99", 1000) == 2

    for number in range(FREE_OF_ADDRESS):
        assert await attempts.enter(f"u{number}", "2001:db8::1", 0) == 0
    assert await attempts.enter("fay", "2001:db8::2", 0) == 1  # the same network
    assert await attempts.enter("fay", "2001:db8:0:1::2", 0) == 0
    await attempts.succeeded("u1", "2001:db8::1")
    assert await attempts.enter("fay", "2001:db8::2", 0) == 0
    assert await attempts.enter("fay", "2001:db8::2", 0) == 1


async def _tried_often(connection: Connection) -> None:
    """As if somebody had tried Ann's password for a while: the next failure is followed by five minutes."""
    tried = encode_json(Tried(FREE_OF_USER + 9, 0))
    await KeyValue(connection, Bucket.ATTEMPTS).put(attempts_key("user", "ann"), tried)


async def test_guesser_waits_at_every_process(settings: Settings, connection: Connection) -> None:
    """What was tried at one process counts at the other, and the right password does not help while one must wait."""
    async with running(settings) as one, running(settings) as other:
        await first_admin(one, connection)
        await _tried_often(connection)
        guessed = await Person(one).sign_in("ann", GUESS)
        answers = [await Person(each).sign_in("ann") for each in (one, other)]

        assert guessed.status_code == 401
        assert [answer.status_code for answer in answers] == [429, 429]
        assert all(0 < int(answer.headers["Retry-After"]) <= LONGEST_S for answer in answers)


async def test_guesses_at_the_same_moment_are_no_more(
    program: Running, ann: Person, connection: Connection
) -> None:
    """Of forty tries at once one has its password looked at, as of forty in a row; the audit counts the rest."""
    await _tried_often(connection)
    guessers = [Person(program) for _ in range(40)]
    answers = await asyncio.gather(*(each.sign_in("ann", GUESS) for each in guessers))
    statuses = [answer.status_code for answer in answers]

    assert sorted(statuses) == [401] + [429] * 39
    told = await Audit(connection).read(100, action="sign-in")
    assert 2 <= len(told) <= len(answers)
    assert (await ann.get("/v1/me")).status_code == 200, "who is signed in is not troubled"


async def test_unknown_name_and_wrong_password_are_not_told_apart(
    program: Running, ann: Person
) -> None:
    """The same answer, for the same work: of the processor, which a busy machine does not lengthen."""
    link = await ann.invite("idle", "viewer")  # type: ignore[arg-type]  # as JSON has it
    assert link
    people = [Person(program) for _ in range(3)]
    names = ("ann", "nobody", "idle")
    answers, costs_s = [], []
    for person, name in zip(people, names, strict=True):
        began_s = time.process_time()
        answers.append(await person.sign_in(name, GUESS))
        costs_s.append(time.process_time() - began_s)

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert min(costs_s) > max(costs_s) / 4, costs_s


async def test_every_attempt_is_in_the_audit(
    program: Running, ann: Person, connection: Connection
) -> None:
    """Whose account was tried, from where, and what came of it; what is no name is not written down, for it may be a password."""
    await Person(program).sign_in("ann", GUESS)
    await Person(program).sign_in(GUESS, "")
    await Person(program).sign_in("ann")
    await ann.post("/v1/sign-out")

    def shown(record: Record) -> tuple[str, str, bool]:
        return record.who, record.target, record.outcome == "done"

    records = await Audit(connection).read(9, action="sign-in")
    assert [shown(each) for each in records] == [
        ("ann", "ann", True), ("", "", False), ("", "ann", False)
    ]  # fmt: skip
    assert {each.address for each in records} == {"127.0.0.1"}
    assert [each.who for each in await Audit(connection).read(9, action="sign-out")] == ["ann"]
