"""What the listener says of itself in figures."""

from mesh import clock
from mesh.calendar import Calendar
from mesh.changes import MASSIVE
from mesh.meters import Readings
from schemas.leaderboard import SESSIONS
from schemas.naming import MarketClass
from services.listener.listener import Listener
from services.listener.standing import Standing


REJECTED = "unknown"
"""Class of events that were rejected: what could not be read has none."""


def of(listener: Listener, standing: Standing, calendar: Calendar) -> Readings:
    """The values of now."""
    splitter, discarded, unstored = listener.splitter, listener.discarded, listener.unstored
    dropped = listener.frames.discarded
    now_ms = int(clock.now_ms())
    session = calendar.day_at(now_ms).session(now_ms)
    found: dict[str, float | dict[str, float]] = {
        "market.session": {each: each == session for each in SESSIONS},
        "feed.connected": {MASSIVE: standing.is_open},
        "feed.wanted": {MASSIVE: standing.stopped_by is None},
        "feed.connections": {MASSIVE: standing.connections},
        "tape.received": {
            **{str(each): splitter.received[each] + dropped[each] for each in MarketClass},
            REJECTED: splitter.rejected,
        },
        "tape.published": {str(each): listener.published[each] for each in MarketClass},
        "tape.discarded": {str(each): discarded[each] for each in MarketClass},
        "tape.unstored": {str(each): unstored[each] for each in MarketClass},
        "tape.rejected": splitter.rejected,
        "tape.waiting": listener.frames.waiting_bytes,
        "tape.resent": listener.resent,
        "tape.repaired": listener.repairs.batches,
    }
    if standing.last_ms:
        found["feed.last_frame_timestamp"] = {MASSIVE: standing.last_ms / 1000}
    return found
