"""Trading days and sessions of the US stock market, in New York time.

Sessions are half-open: pre 04:00–09:30, regular 09:30–16:00 (13:00 on a half day), post from then
to 20:00 (17:00 on a half day), else closed. An event belongs to the day and session of its own
time; nothing here reads a clock.

Hours are the dated rows of `mesh.hours`. Holidays, half days and past closures come from the
`holidays` package: from 1998 to 2036 it has the very closes of exchange_calendars 4.13.2 (XNYS), 9805
trading days. Known since then are the closures of September 2001, for President Reagan (2004), Ford
(2007), Sandy (2012), Bush (2018) and Carter (2025). What it cannot know yet an operator adds.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
from holidays.constants import HALF_DAY, PUBLIC

from mesh.hours import HOURS, SATURDAY, Closures, Hours, hours_of, parse_closures, since_midnight


NEW_YORK = ZoneInfo("America/New_York")

_MINUTE_MS = 60_000
_DAYS_HELD = 512


class Day(NamedTuple):
    """A day of the market and the instants that divide it, epoch milliseconds UTC."""

    name: str
    """ISO date."""
    start_ms: int
    """Midnight in New York, as long as hours have it so."""
    end_ms: int
    """Where the next day begins: 23, 24 or 25 hours later."""
    is_trading_day: bool
    pre_ms: int
    open_ms: int
    close_ms: int
    post_end_ms: int
    is_half_day: bool
    """Whether it is a trading day that closes before the usual time."""

    def session(self, event_ms: int) -> str:
        """The session that an instant of this day lies in; all of a holiday is `closed`."""
        if not self.is_trading_day or not self.pre_ms <= event_ms < self.post_end_ms:
            return "closed"
        if event_ms < self.open_ms:
            return "pre"
        return "regular" if event_ms < self.close_ms else "post"

    def minute(self, event_ms: int) -> int | None:
        """Whole minutes since the pre-market began, 0 to 959 (779 on a half day); None while closed."""
        if not self.is_trading_day or not self.pre_ms <= event_ms < self.post_end_ms:
            return None
        return (event_ms - self.pre_ms) // _MINUTE_MS


class Calendar:
    """The days of the market. A value: the same arguments give the same days.

    Args:
        closures: what differs from the exchange's calendar.
        hours: by date, oldest first.
    """

    def __init__(
        self, closures: Closures = MappingProxyType({}), hours: Sequence[Hours] = HOURS
    ) -> None:
        self._closures = dict(closures)
        self._hours = tuple(hours)
        self.day_of: Callable[[date], Day] = lru_cache(_DAYS_HELD)(self._day_of)
        """The boundaries of a date."""

    def day_at(self, event_ms: int) -> Day:
        """The day that contains *event_ms* (epoch milliseconds UTC)."""
        wall = datetime.fromtimestamp(event_ms / 1000, tz=UTC).astimezone(NEW_YORK)
        day = self.day_of(wall.date())
        return day if event_ms < day.end_ms else self._step(day, 1)

    def next_trading_day(self, day: Day) -> Day:
        """The first trading day after *day*."""
        return self._trading_day(day, 1)

    def previous_trading_day(self, day: Day) -> Day:
        """The last trading day before *day*."""
        return self._trading_day(day, -1)

    def _trading_day(self, day: Day, days: int) -> Day:
        day = self._step(day, days)
        while not day.is_trading_day:
            day = self._step(day, days)
        return day

    def _step(self, day: Day, days: int) -> Day:
        return self.day_of(date.fromisoformat(day.name) + timedelta(days))

    def _day_of(self, day: date) -> Day:
        hours, tomorrow = hours_of(day, self._hours), day + timedelta(1)
        close = self._close(day, hours)
        early = close is not None and close < hours.close
        # After an early close the post-market is as long as on a half day.
        post = hours.half_post_end - hours.half_close if early else hours.post_end - hours.close
        closes = hours.close if close is None else close
        return Day(
            name=day.isoformat(),
            start_ms=_at_ms(day, hours.day),
            end_ms=_at_ms(tomorrow, hours_of(tomorrow, self._hours).day),
            is_trading_day=close is not None,
            pre_ms=_at_ms(day, hours.pre),
            open_ms=_at_ms(day, hours.open),
            close_ms=_at_ms(day, closes),
            post_end_ms=_at_ms(day, closes + post),
            is_half_day=early,
        )

    def _close(self, day: date, hours: Hours) -> timedelta | None:
        """When the regular session ends; None if there is none."""
        if day in self._closures:
            close = self._closures[day]
            return None if close is None else since_midnight(close)
        if day.weekday() >= SATURDAY or day in _holidays(day.year):
            return None
        return hours.half_close if day in _half_days(day.year) else hours.close


def calendar_with(closures: str) -> Calendar:
    """The calendar with the closures of a setting's text. Raises ValueError if they make no sense."""
    return Calendar(parse_closures(closures)) if closures else STANDARD


def _at_ms(day: date, offset: timedelta) -> int:
    """An offset on the clocks of New York, not one in elapsed time."""
    return round((datetime.combine(day, time(0), tzinfo=NEW_YORK) + offset).timestamp() * 1000)


@lru_cache(maxsize=64)
def _holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year, categories=(PUBLIC,)))


@lru_cache(maxsize=64)
def _half_days(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year, categories=(HALF_DAY,)))


STANDARD = Calendar()
"""The exchange's calendar, without closures of an operator."""

day_at = STANDARD.day_at
day_of = STANDARD.day_of
next_trading_day = STANDARD.next_trading_day
previous_trading_day = STANDARD.previous_trading_day
