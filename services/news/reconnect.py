"""When the news listener comes back, by how its connection ended: a table.

What the vendor asked for comes first (`retryAfter` of a kick, a limit, a block). The client's own
reconnecting is not used: it begins with half a second again after every handshake, so a server that
accepts and closes at once would be asked twice a second, and its waits go on after a shutdown.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mesh.backoff import delays_s


FIRST_S, MOST_S = 0.5, 30.0
STEADY_S = 60.0
"""Who was connected for so long begins with short delays again."""


class Ending(NamedTuple):
    """How one connection ended."""

    code: int | None
    """It was closed with; None if it was lost, or could not be opened."""
    status: int | None = None
    """Of the HTTP answer instead of a connection; None if there was another end, or no answer."""
    asked_s: float | None = None
    """How long the vendor wants us to stay away."""
    connected_s: float = 0.0


class Rule(NamedTuple):
    """What follows after an ending."""

    meaning: str
    wait_s: float | None
    """At least so long; None: growing delays from half a second to half a minute."""


RULES: dict[int, Rule] = {
    1000: Rule("closed in order, or preempted by another connection with our key", 60.0),
    1001: Rule("the server restarts", None),
    1006: Rule("lost without a word", None),
    1008: Rule("refused: the key or the account is blocked", 3600.0),
    1009: Rule("an article was larger than the client takes, 1 MiB", None),
    1011: Rule("the server failed", None),
    1012: Rule("the server restarts", None),
    1013: Rule("try again later", 60.0),
    4000: Rule("planned rotation after 115 minutes", 0.0),
    4001: Rule("rate limited", 60.0),
    4002: Rule("blocked", 3600.0),
    4003: Rule("kicked by an operator of the vendor", 900.0),
}
"""By close code; others are as 1006."""
REFUSALS: dict[int, Rule] = {
    401: Rule("the key is wrong", 900.0),
    403: Rule("the key is wrong, or the plan has no news", 900.0),
    429: Rule("too many connections or attempts", 60.0),
}
"""By HTTP status; others are as 1006. Nothing ends the listener for good: Massive's news goes on meanwhile."""
_LOST = RULES[1006]


def rule(ending: Ending) -> Rule:
    """What applies to *ending*."""
    if ending.status is not None:
        return REFUSALS.get(ending.status, _LOST)
    return RULES.get(ending.code or 0, _LOST)


class Reconnecting:
    """The delays before attempts, one after the other.

    Args:
        chance: uniform numbers in [0, 1), `random.Random().random` outside of tests.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._delays = self._fresh()

    def delay_s(self, ending: Ending) -> float:
        """Seconds until the next attempt."""
        if ending.connected_s >= STEADY_S:
            self._delays = self._fresh()
        found = rule(ending)
        if ending.asked_s is not None:
            return ending.asked_s
        return next(self._delays) if found.wait_s is None else found.wait_s

    def _fresh(self) -> Iterator[float]:
        return delays_s(FIRST_S, MOST_S, self._chance)
