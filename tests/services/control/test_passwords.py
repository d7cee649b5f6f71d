"""Passwords: which may be chosen, and how they are kept."""

import asyncio

import pytest

from services.control.password_rules import LONGEST, problem
from services.control.passwords import BusyError, Passwords


@pytest.mark.parametrize(
    "password",
    [
        "short", "fourteen chars", "x" * (LONGEST + 1), "aaaaaaaaaaaaaaaaaaaa", "abababababababab",
        "passwordpassword", "PasswordPassword1", "password123456789", "123456789012345678", "qwertyuiopasdfghjkl",
        "correct horse battery staple", "tickmeshtickmesh", "annmarie@desk.example", "annmarie annmarie!", "administrator1234",
    ],
)  # fmt: skip
def test_password_that_is_tried_first_is_refused(password: str) -> None:
    """Short ones, those of the lists, rows of the keyboard, repetitions and the user's own name; it is said why."""
    said = problem(password, "annmarie@desk.example")

    assert said is not None
    assert password not in said


@pytest.mark.parametrize(
    "password",
    [
        "tall lamps hum quietly",
        "пять слов через пробел",
        "wG7-qLx2!fRt9zK",
        "x" * 3 + "yzab cdef ghij",
    ],
)
def test_password_of_any_kind_that_is_long_is_taken(password: str) -> None:
    """Words, other scripts, spaces, no digits: nothing is asked of it but that it is hard to guess."""
    assert problem(password, "ann") is None


async def test_password_is_proven_by_its_hash_alone() -> None:
    """It agrees with its own hash, however its letters are composed, and with no other; none agrees with nothing."""
    passwords = Passwords()
    hashed = await passwords.hash("tall lämps hum quietly")

    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await passwords.agrees("tall la\u0308mps hum quietly", hashed)
    assert not await passwords.agrees("tall lamps hum quietly", hashed)
    assert not await passwords.agrees("", "")
    assert not await passwords.agrees("tall lamps hum quietly", "no hash")
    assert await passwords.hash("tall lämps hum quietly") != hashed


async def test_crowd_at_the_door_is_told_to_come_again() -> None:
    """A hundred at once do not take 6 GB: a few are looked at, some wait, the rest are told so."""
    passwords = Passwords()
    asked = (passwords.agrees("tall lamps hum quietly", "") for _ in range(100))
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert sum(isinstance(answer, BusyError) for answer in answers) == 100 - 32
    assert not await passwords.agrees("tall lamps hum quietly", "")
