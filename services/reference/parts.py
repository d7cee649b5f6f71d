"""The three states of what was asked for: a value, known to be absent, failed; each with its own age. Pure.

A failure never takes the place of a value or of an absence that was known before: it only says
when to ask again.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from schemas.reference import Part, PartName


_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3600.0, 86_400.0
_SOON_S = 3.0
"""What is asked in bulk is asked again soon: the door to the vendor knows how to wait."""


class Ages(NamedTuple):
    """How old each state may be before the vendor is asked again."""

    value_s: float
    absent_s: float
    failed_s: float


AGES: Mapping[PartName, Ages] = {
    "daily": Ages(
        7 * _DAY_S, _HOUR_S, _SOON_S
    ),  # of a day that is over: a day's end only adds to it
    "splits": Ages(18 * _HOUR_S, 18 * _HOUR_S, _SOON_S),
    "name": Ages(18 * _HOUR_S, 7 * _DAY_S, _SOON_S),
    "float": Ages(18 * _HOUR_S, 7 * _DAY_S, _SOON_S),
    "shares": Ages(18 * _HOUR_S, 7 * _DAY_S, _SOON_S),
    "events": Ages(30 * _DAY_S, 7 * _DAY_S, 10 * _MINUTE_S),
    "curve": Ages(18 * _HOUR_S, 3 * _DAY_S, 10 * _MINUTE_S),
}
"""Shorter than a day by some hours, so that each morning asks once, whenever the one before did."""


class Parts:
    """What is known of the parts of one symbol, or of the market."""

    __slots__ = ("_failed_ms", "states")

    def __init__(self, states: Mapping[PartName, Part] | None = None) -> None:
        self.states: dict[PartName, Part] = dict(states or {})
        self._failed_ms: dict[PartName, float] = {}

    def is_due(self, name: PartName, now_ms: float) -> bool:
        """Whether to ask for a part: it is not known, or too old, and has not just failed."""
        ages = AGES[name]
        if now_ms - self._failed_ms.get(name, float("-inf")) < ages.failed_s * 1000:
            return False
        known = self.states.get(name)
        if known is None:
            return True
        age_s = {"value": ages.value_s, "absent": ages.absent_s, "failed": ages.failed_s}
        return now_ms - known.asof_ms >= age_s[known.state] * 1000

    def note(
        self, name: PartName, state: Literal["value", "absent", "failed"], now_ms: float
    ) -> None:
        """Remember what came of a question."""
        if state == "failed":
            self._failed_ms[name] = now_ms
            if self.state(name) in ("value", "absent"):
                return
        else:
            self._failed_ms.pop(name, None)
        self.states[name] = Part(state, now_ms)

    def forget(self, name: PartName) -> None:
        """Ask again at the next opportunity."""
        self.states.pop(name, None)
        self._failed_ms.pop(name, None)

    def state(self, name: PartName) -> str | None:
        """The state of a part; None if it was never asked for."""
        known = self.states.get(name)
        return None if known is None else known.state

    def has_failed(self, name: PartName) -> bool:
        """Whether the last question about a part failed."""
        return name in self._failed_ms or self.state(name) == "failed"
