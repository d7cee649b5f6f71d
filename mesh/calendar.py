"""Trading days and sessions of the US stock market, in New York time.

Sessions are half-open: pre 04:00–09:30, regular 09:30–16:00 (13:00 on a half day), post from then
to 20:00 (17:00 on a half day), else closed. An event belongs to the day and session of its own
time; nothing here reads a clock. Holidays and half days come from the `holidays` package.
"""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
from holidays.constants import HALF_DAY, PUBLIC


NEW_YORK = ZoneInfo("America/New_York")

SESSIONS = ("closed", "pre", "regular", "post")
"""Names of sessions in the order of a day."""

_PRE, _OPEN, _CLOSE, _POST_END = time(4), time(9, 30), time(16), time(20)
_HALF_CLOSE, _HALF_POST_END = time(13), time(17)
_SATURDAY = 5


class Day(NamedTuple):
    """A calendar day in New York and the instants that divide it, epoch milliseconds UTC."""

    name: str
    """ISO date."""
    start_ms: int
    """Midnight in New York."""
    end_ms: int
    """The next midnight: 23, 24 or 25 hours later."""
    is_trading_day: bool
    pre_ms: int
    open_ms: int
    close_ms: int
    post_end_ms: int

    def session(self, event_ms: int) -> str:
        """The session that an instant of this day lies in; all of a holiday is `closed`."""
        if not self.is_trading_day or not self.pre_ms <= event_ms < self.post_end_ms:
            return "closed"
        if event_ms < self.open_ms:
            return "pre"
        return "regular" if event_ms < self.close_ms else "post"


def day_at(event_ms: int) -> Day:
    """The New York day that contains *event_ms* (epoch milliseconds UTC)."""
    return day_of(datetime.fromtimestamp(event_ms / 1000, tz=UTC).astimezone(NEW_YORK).date())


@lru_cache(maxsize=512)
def day_of(day: date) -> Day:
    """The boundaries of *day*."""
    half = day in _half_days(day.year)
    is_trading_day = day.weekday() < _SATURDAY and day not in _holidays(day.year)
    return Day(
        name=day.isoformat(),
        start_ms=_at_ms(day, time(0)),
        end_ms=_at_ms(date.fromordinal(day.toordinal() + 1), time(0)),
        is_trading_day=is_trading_day,
        pre_ms=_at_ms(day, _PRE),
        open_ms=_at_ms(day, _OPEN),
        close_ms=_at_ms(day, _HALF_CLOSE if half else _CLOSE),
        post_end_ms=_at_ms(day, _HALF_POST_END if half else _POST_END),
    )


def _at_ms(day: date, at: time) -> int:
    return round(datetime.combine(day, at, tzinfo=NEW_YORK).timestamp() * 1000)


@lru_cache(maxsize=64)
def _holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year, categories=(PUBLIC,)))


@lru_cache(maxsize=64)
def _half_days(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year, categories=(HALF_DAY,)))
