"""Sessions as numbers, for state that is kept by session: their places in `SESSIONS`."""

import numpy as np

from mesh.calendar import Day
from schemas.leaderboard import SESSIONS
from services.processors.sheet import Ints


CLOSED, PRE, REGULAR, POST = range(len(SESSIONS))


def bounds(day: Day) -> list[int]:
    """Where the sessions of *day* begin, in the order of `OF_SPAN`; all of a holiday is one."""
    if not day.is_trading_day:
        return [day.end_ms] * 4
    return [day.pre_ms, day.open_ms, day.close_ms, day.post_end_ms]


OF_SPAN = np.array([CLOSED, PRE, REGULAR, POST, CLOSED])
"""The session before the first of `bounds`, and from each of them on."""


def session_at(day: Day, event_ms: int) -> int:
    """The session of *day* that an instant lies in."""
    return SESSIONS.index(day.session(event_ms))


def spans(day: Day, event_ms: Ints) -> Ints:
    """Which of the five spans of *day* each instant lies in: what `OF_SPAN` says the session of."""
    found: Ints = np.searchsorted(bounds(day), event_ms, side="right")
    return found
