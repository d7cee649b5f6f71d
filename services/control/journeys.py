"""How long canaries took to where they are awaited, and what that says of the mesh. Pure.

A canary (`services.control.canary`) is known by its event time. Whoever shows a later one has what an
earlier one was to prove, so arrivals are taken of all that are still awaited.
"""

from collections import deque
from typing import Literal, get_args

import msgspec

from schemas.wire import Wire


Leg = Literal["stored", "row", "kv", "socket"]
LEGS: tuple[Leg, ...] = get_args(Leg)
"""In the order in which they follow: KV and the socket both take what the row is, side by side."""
MISSING = {
    "stored": "the stream TAPE_CANARY has not taken it",
    "row": "the owner of its partition has not published its row",
    "kv": "its row has not come to KV `rows`",
    "socket": "the Widget Data Service has not shown it to a client",
}
"""What is so if one is awaited there for too long."""
_KEPT = 120
_AWAITED_S: dict[Leg, float] = {"stored": 5.0, "row": 5.0, "kv": 20.0, "socket": 5.0}
"""What takes longer is missing. Rows in KV are for people and tools: under load they are the first to wait."""

State = Literal["off", "starting", "well", "missing"]


class Journey(Wire, frozen=True):
    """One canary: milliseconds from its sending to each place; None: not there yet."""

    sent_ms: int
    stored_ms: float | None = None
    row_ms: float | None = None
    kv_ms: float | None = None
    socket_ms: float | None = None

    @property
    def has_arrived(self) -> bool:
        """Whether it was seen everywhere."""
        return None not in (self.stored_ms, self.row_ms, self.kv_ms, self.socket_ms)


class CanaryReport(Wire, frozen=True):
    """What canaries say of the mesh."""

    state: State
    reason: str
    """A sentence, if there is something to say."""
    every_s: float
    journeys: list[Journey]
    """The last ones, oldest first."""


class Journeys:
    """The last canaries that were sent. Times are seconds of any clock that only grows."""

    def __init__(self, every_s: float) -> None:
        self.trouble = ""
        """Why none can be sent just now, or none be seen."""
        self._every_s = every_s
        self._sent: deque[tuple[Journey, float]] = deque(maxlen=_KEPT)

    def send(self, event_ms: int, now_s: float) -> None:
        """One is sent now."""
        self._sent.append((Journey(event_ms), now_s))

    def arrive(self, leg: Leg, event_ms: int, now_s: float) -> None:
        """The one of *event_ms* is seen, and with it all before it."""
        name = f"{leg}_ms"
        for place, (journey, sent_s) in enumerate(self._sent):
            if journey.sent_ms <= event_ms and getattr(journey, name) is None:
                took_ms = round((now_s - sent_s) * 1000, 1)
                self._sent[place] = (msgspec.structs.replace(journey, **{name: took_ms}), sent_s)

    def report(self, now_s: float) -> CanaryReport:
        """What is to be said now."""
        state, reason = self._state(now_s)
        return CanaryReport(state, reason, self._every_s, [journey for journey, _ in self._sent])

    def _state(self, now_s: float) -> tuple[State, str]:
        if self.trouble:
            return "missing", self.trouble
        for leg, awaited_s in _AWAITED_S.items():
            if self._is_overdue(leg, now_s - awaited_s):
                return "missing", f"a canary is not through after {awaited_s:.0f} s: {MISSING[leg]}"
        if not any(journey.has_arrived for journey, _ in self._sent):
            return "starting", "the first canary is on its way"
        return "well", ""

    def _is_overdue(self, leg: Leg, before_s: float) -> bool:
        """Whether one that was sent before is awaited at the end of a leg."""
        name = f"{leg}_ms"
        return any(
            sent_s < before_s and getattr(journey, name) is None for journey, sent_s in self._sent
        )


def off(reason: str) -> CanaryReport:
    """No canaries are sent, for a *reason*."""
    return CanaryReport("off", reason, 0.0, [])
