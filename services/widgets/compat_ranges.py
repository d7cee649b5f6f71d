"""Highs and lows by session, as the replaced system's `daily_range:{symbol}` had them, from rows one after the other."""

from schemas.leaderboard import Row
from schemas.wire import Wire
from services.widgets.compat_values import SESSIONS, Fields, quote


_PREFIXES = {"pre": "pre_market", "regular": "regular_session", "post": "after_hours"}


class Extremes(Wire, frozen=True):
    """The fields of a `Row` that change what is kept of it: faster to decode than all of it."""

    trading_day: str
    session: str
    day_high_usd: float | None = None
    day_low_usd: float | None = None
    session_high_usd: float | None = None
    session_low_usd: float | None = None
    bar_end_ms: int | None = None


class SessionRange:
    """Highs and lows of the sessions of one symbol on one trading day, as far as rows have told.

    A row has those of its own session and those of the day. In the regular session, what lies outside
    the session was in the pre-market; otherwise a session that ended before the first row stays unknown.
    """

    __slots__ = ("_day", "_levels")

    def __init__(self) -> None:
        self._day = ""
        self._levels: dict[str, tuple[float | None, float | None]] = {}

    def take(self, row: Extremes) -> None:
        """The next row of the symbol; another day begins anew."""
        if row.trading_day != self._day:
            self._day = row.trading_day
            self._levels.clear()
        if row.session not in SESSIONS:
            return
        self._levels[row.session] = (row.session_high_usd, row.session_low_usd)
        if row.session == "regular":
            high_usd, low_usd = self._levels.get("pre", (None, None))
            self._levels["pre"] = (
                _outside(row.day_high_usd, row.session_high_usd) if high_usd is None else high_usd,
                _outside(row.day_low_usd, row.session_low_usd) if low_usd is None else low_usd,
            )

    def fields(self) -> Fields:
        """The six fields; None is unknown, or that there was no trade."""
        found: Fields = {}
        for session, prefix in _PREFIXES.items():
            high_usd, low_usd = self._levels.get(session, (None, None))
            found[f"{prefix}_high"] = high_usd
            found[f"{prefix}_low"] = low_usd
        return found


def daily_range(row: Row, sessions: SessionRange) -> Fields:
    """`daily_range:{symbol}`: the fields of a quote, and highs and lows by session."""
    return {**quote(row), **sessions.fields()}


def _outside(day_usd: float | None, session_usd: float | None) -> float | None:
    """An extreme of the day that is not that of the session."""
    return None if day_usd == session_usd else day_usd
