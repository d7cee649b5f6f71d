"""The table of who may publish and subscribe to what, by itself."""

from itertools import permutations

import pytest

from mesh import topology
from mesh.permissions import (
    ADMIN,
    INBOX,
    MEMORY_STREAMS,
    PROGRAMS,
    PUBLIC_SUBJECTS,
    external,
    inbox,
    readable,
)


def _meet(one: str, other: str) -> bool:
    """Whether a subject could match both patterns."""
    ones, others = one.split("."), other.split(".")
    for mine, yours in zip(ones, others, strict=False):
        if ">" in (mine, yours):
            return True
        if mine != yours and "*" not in (mine, yours):
            return False
    return len(ones) == len(others)


def _may(patterns: tuple[str, ...], subject: str) -> bool:
    return any(_meet(pattern, subject) for pattern in patterns)


@pytest.mark.parametrize(("one", "other"), [*permutations([*PROGRAMS, "claims", "reader"], 2)])
def test_nobody_hears_the_answers_of_others(one: str, other: str) -> None:
    """No program may subscribe to where another one's answers come."""
    allowed = PROGRAMS[one].subscribe if one in PROGRAMS else external(inbox(one)).subscribe
    if {one, other} == {ADMIN, "reader"}:
        return  # they are in different accounts

    assert not _may(allowed, f"{inbox(other)}.x.y")


def test_programs_create_streams_of_memory_alone() -> None:
    """Those, and no others, are what a broker loses when it restarts."""
    lost = {each["name"] for each in topology.definitions() if each["storage"] == "memory"}

    assert {*MEMORY_STREAMS} == lost


@pytest.mark.parametrize("program", [name for name in PROGRAMS if name != ADMIN])
@pytest.mark.parametrize(
    "subject",
    [
        "$JS.API.STREAM.DELETE.KV_boards",
        "$JS.API.STREAM.PURGE.KV_boards",
        "$JS.API.STREAM.UPDATE.KV_boards",
        "$JS.API.STREAM.CREATE.KV_boards",
        "$JS.API.STREAM.MSG.DELETE.ALERTS",
        "$JS.API.CONSUMER.DELETE.TAPE_NEWS.news",
        "$SYS.REQ.SERVER.PING",
        ">",
        "*",
    ],
)
def test_programs_take_nothing_away(program: str, subject: str) -> None:
    """No program may delete, purge or change a stream, or ask servers of themselves; none may everything."""
    if subject in (">", "*"):
        assert subject not in (*PROGRAMS[program].publish, *PROGRAMS[program].subscribe)
    else:
        assert not _may(PROGRAMS[program].publish, subject)


def test_readers_change_nothing() -> None:
    """What a reader may ask for is named: direct gets, descriptions, and what programs tell of themselves."""
    asked = {
        ".".join(subject.split(".")[:4]) for subject in readable() if subject.startswith("$JS")
    }
    told = {subject.split(".")[1] for subject in readable() if subject.startswith("$SRV")}
    may = external(f"{INBOX}_U")

    assert all(each.startswith(("$JS.API.DIRECT.GET", "$JS.API.STREAM.INFO")) for each in asked)
    assert told == {"PING", "INFO", "STATS"}
    assert all(each.startswith(("$JS.mesh.API.", "$SRV.")) for each in may.publish)
    assert {*may.subscribe} == {*PUBLIC_SUBJECTS, f"{INBOX}_U.>"}
