"""When a client of the Widget Data Service connects again, by what the service said in the end."""

from collections.abc import Callable, Iterator

from mesh.backoff import delays_s
from mesh.errors import ServiceRefusedError
from schemas.widget import CLOSE_CODES, TOO_MANY, Bye


NOW_S = 1.0
LATER_S = 30.0
MOST_LATER_S = 300.0
FIRST_LOST_S = 0.5
MOST_LOST_S = 30.0
SETTLED_S = 30.0
"""Who was connected for so long begins with short delays again."""

_LIKE = {408: None, 429: TOO_MANY.code}
"""HTTP statuses below 500 after which another attempt may help, and what they are like."""
_SERVER_ERRORS = 500
_BY_CODE = {close.code: close for close in CLOSE_CODES}


class Reconnecting:
    """The delays before attempts, one after the other.

    Args:
        chance: uniform numbers in [0, 1), `random.Random().random` outside of tests.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._later, self._lost = self._fresh()

    def delay_s(self, code: int | None, connected_s: float) -> float:
        """Seconds until the next attempt, after a connection that was there for *connected_s*.

        Args:
            code: that it was closed with; None if it was lost, or could not be opened. What the
                service does not use itself counts as lost: a proxy, or the system, has ended it.
            connected_s: 0 if it could not be opened.

        Raises:
            ServiceRefusedError: nobody comes back after this *code* by himself.
        """
        if connected_s >= SETTLED_S:
            self._later, self._lost = self._fresh()
        close = _BY_CODE.get(code) if code is not None else None
        if close is None:
            return next(self._lost)
        if close.again == "never":
            raise ServiceRefusedError(f"{close.name} ({code}): {close.meaning}", code=code)
        return NOW_S * self._chance() if close.again == "now" else LATER_S + next(self._later)

    def after_bye(self, bye: Bye) -> float:
        """Seconds until the next attempt, as the service asked for.

        Raises:
            ServiceRefusedError: it asked that this client does not come back by itself.
        """
        if bye.again_ms is None:
            close = _BY_CODE.get(bye.code)
            meaning = f" ({bye.code}): {close.meaning}" if close else f" ({bye.code})"
            raise ServiceRefusedError(f"{bye.reason}{meaning}", code=bye.code)
        return bye.again_ms / 1000

    def _fresh(self) -> tuple[Iterator[float], Iterator[float]]:
        return (
            delays_s(LATER_S, MOST_LATER_S, self._chance),
            delays_s(FIRST_LOST_S, MOST_LOST_S, self._chance),
        )


def code_of(status: int) -> int | None:
    """The close code that an HTTP *status* instead of a connection is like; None: as if it was lost.

    Raises:
        ServiceRefusedError: another attempt would be refused as well.
    """
    if status in _LIKE or status >= _SERVER_ERRORS:
        return _LIKE.get(status)
    raise ServiceRefusedError(f"the service refused the connection with {status}", code=status)
