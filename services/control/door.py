"""The door: who has a name and its password is let through, and who tries many waits ever longer."""

from litestar.exceptions import HTTPException

from mesh import clock
from schemas.account import LOCAL, User
from services.control.accounts import AccountError, Accounts, name_of
from services.control.attempts import Attempts
from services.control.passwords import BusyError, Passwords


_TELL_MS = 1000


class Door:
    """Proves who somebody is by a password."""

    def __init__(self, accounts: Accounts, passwords: Passwords, attempts: Attempts) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._attempts = attempts

    async def prove(self, name: str, password: str, address: str) -> User | None:
        """The user *name*, if the password is theirs; None: it is not, or nobody is called so, and nobody can tell which.

        Raises:
            HTTPException: 429, too many tries failed; 503, too many people come at this moment.
            BrokerError: nobody can tell.
        """
        known = await self.enter(name, address)
        account = await self._accounts.get(known) if known else None
        user = None if account is None else account.user
        can = user is not None and user.provider == LOCAL and not user.is_disabled
        try:
            agrees = await self._passwords.agrees(password, user.password if user and can else "")
        except BusyError as error:
            raise _later(503, str(error), 2) from error
        if user is None or not agrees:
            return None
        await self.forgive(known, address)
        return user

    def spoken_of(self, name: str) -> str:
        """The name of an account for the audit; empty if *name* is none, for it may be a secret."""
        return self._accounts.spoken_of(name)

    async def enter(self, name: str, address: str) -> str:
        """Count a try of *name*, which may be anything; its one form, empty if nobody can be called so.

        Raises:
            HTTPException: 429, too many tries failed.
            BrokerError: nobody can tell.
        """
        try:
            known = name_of(name)
        except AccountError:
            known = ""
        wait_s = await self._attempts.enter(known or name, address, clock.now_ms())
        if wait_s:
            raise _later(429, f"too many tries failed: try again in {wait_s} s", wait_s)
        return known

    async def forgive(self, name: str, address: str) -> None:
        """The last try of *name* was none of those that are counted.

        Raises:
            BrokerError: it is not known to be forgotten.
        """
        await self._attempts.succeeded(name, address)


class Unseen:
    """Tries that were not even looked at: one record a second says how many.

    Whoever tries a thousand times a second must not fill the audit, and push out what it did before.
    """

    def __init__(self) -> None:
        self._tries = 0
        self._told_ms = 0.0

    def count(self, now_ms: float) -> int:
        """Count one; how many there were since they were last told, if they are to be told now, else 0."""
        self._tries += 1
        if now_ms - self._told_ms < _TELL_MS:
            return 0
        tries, self._tries, self._told_ms = self._tries, 0, now_ms
        return tries


def _later(status: int, message: str, wait_s: int) -> HTTPException:
    return HTTPException(message, status_code=status, headers={"Retry-After": str(wait_s)})
