"""Passwords as argon2id hashes them, off the event loop, a few at a time: each takes 64 MB for some tens of milliseconds."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.control.password_rules import LONGEST, normal
from services.control.secret import new_secret


_AT_ONCE = 2
_WAITING = 32
"""More would wait for seconds, and are told to come again instead."""


class BusyError(Exception):
    """Too many passwords are being looked at."""


class Passwords:
    """Hashes and proves passwords; of one program."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()  # RFC 9106, the second recommendation
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._asked = 0
        self._of_nobody = self._hasher.hash(new_secret())

    async def hash(self, password: str) -> str:
        """What is kept of *password*.

        Raises:
            BusyError: come again.
        """
        return await self._run(password, None)

    async def agrees(self, password: str, hashed: str) -> bool:
        """Whether *hashed* was made of *password*.

        It takes the same time if *hashed* is empty, because there is no such user or no password:
        who waits for the answer learns nothing from that.

        Raises:
            BusyError: come again.
        """
        return bool(await self._run(password, hashed or self._of_nobody)) and bool(hashed)

    async def _run(self, password: str, hashed: str | None) -> str:
        if self._asked >= _WAITING:
            raise BusyError("too many people sign in at this moment: try again in some seconds")
        self._asked += 1
        try:
            async with self._room:
                return await asyncio.to_thread(
                    self._compute, normal(password[: 2 * LONGEST]), hashed
                )
        finally:
            self._asked -= 1

    def _compute(self, password: str, hashed: str | None) -> str:
        """The hash of *password*; or, if it agrees with *hashed*, that; else nothing."""
        if hashed is None:
            return self._hasher.hash(password)
        try:
            self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return ""
        return hashed
