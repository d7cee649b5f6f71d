"""What the control plane says of itself in figures."""

from collections import Counter
from typing import get_args

from mesh import clock
from mesh.calendar import Calendar
from mesh.meters import Readings
from schemas.leaderboard import SESSIONS
from services.control.journeys import LEGS, CanaryReport, State


def of(
    canary: CanaryReport,
    actions: Counter[tuple[str, str]],
    answered: Counter[str],
    calendar: Calendar,
) -> Readings:
    """The values of now."""
    now_ms = int(clock.now_ms())
    session = calendar.day_at(now_ms).session(now_ms)
    arrived = [each for each in canary.journeys if each.has_arrived]
    found: dict[str, float | dict[str, float] | Counter[str] | Counter[tuple[str, str]]] = {
        "market.session": {each: each == session for each in SESSIONS},
        "control.actions": actions,
        "control.requests": answered,
        "canary.state": {each: each == canary.state for each in get_args(State)},
    }
    if arrived:
        newest = arrived[-1]
        found["canary.journey"] = {leg: getattr(newest, f"{leg}_ms") / 1000 for leg in LEGS}
        found["canary.last_timestamp"] = newest.sent_ms / 1000
    return found
