"""One thing that is looked at until it is as it should be, or the time is over."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from mesh import clock
from schemas.wire import Wire


_PAUSE_S = 0.5


class Wrong(NamedTuple):
    """What is not as it should be."""

    found: str
    expected: str
    advice: str
    """What a person can do."""


class Check(Wire, frozen=True):
    """What became of one look."""

    what: str
    ok: bool
    took_s: float
    found: str
    expected: str = ""
    """Empty if it is ok, as `advice` is."""
    advice: str = ""


Look = Callable[[], Awaitable[str | Wrong]]
"""What is so, in words; or what is wrong now."""


class Deadline:
    """When a smoke test must be over."""

    def __init__(self, within_s: float) -> None:
        self._began_s = clock.monotonic_s()
        self._within_s = within_s

    @property
    def took_s(self) -> float:
        """Seconds since it began."""
        return clock.monotonic_s() - self._began_s

    @property
    def left_s(self) -> float:
        """Seconds until its end; 0 at least."""
        return max(0.0, self._within_s - self.took_s)

    def passed(self, what: str, found: str) -> Check:
        """*what* is as it should be."""
        return Check(what, True, round(self.took_s, 2), found)

    def failed(self, what: str, wrong: Wrong) -> Check:
        """*what* was not as it should be, and is looked at no more."""
        return Check(what, False, round(self.took_s, 2), *wrong)


async def looked(what: str, look: Look, deadline: Deadline) -> Check:
    """*look* again and again, once at least, until nothing is wrong or *deadline* is over."""
    while True:
        found = await look()
        if isinstance(found, str):
            return deadline.passed(what, found)
        if not deadline.left_s:
            return deadline.failed(what, found)
        await asyncio.sleep(min(_PAUSE_S, deadline.left_s))
