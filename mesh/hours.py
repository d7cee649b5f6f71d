"""Hours of the US stock market by date, and closures that no calendar could know beforehand.

Both are data that `mesh.calendar` makes days of: hours that change get a row of their own with the
date since which they hold, and history keeps its old ones.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, time, timedelta
from typing import NamedTuple


class Hours(NamedTuple):
    """When a trading day and its sessions begin and end; on the clocks of New York, since its midnight."""

    since: date
    """The first day with these hours."""
    day: timedelta
    """Begin of the day; below zero (more than -24 h) where trades of an evening belong to the day after."""
    pre: timedelta
    open: timedelta
    close: timedelta
    post_end: timedelta
    half_close: timedelta
    """Of a half day, as below."""
    half_post_end: timedelta


SATURDAY = 5
"""As `date.weekday` counts; what is less is Monday to Friday."""


def _hours(hours: int, minutes: int = 0) -> timedelta:
    return timedelta(hours=hours, minutes=minutes)


HOURS = (
    Hours(
        since=date.min,
        day=_hours(0),
        pre=_hours(4),
        open=_hours(9, 30),
        close=_hours(16),
        post_end=_hours(20),
        half_close=_hours(13),
        half_post_end=_hours(17),
    ),
)
"""All hours there were, oldest first; the first row also stands for what was before it.

Regular hours are those since 30 September 1985, half days those since 1995 (NYSE, "Timeline of
trading" and Rule 51); what was before is not told apart. The extended sessions are those of the
exchanges that trade longest (nyse.com/markets/hours-calendars: NYSE Arca from 4:00 to 20:00). The
17:00 of half days is in NYSE Group's announcements since 2019; those of 2018 had 16:00 for its own
late sessions, while brokers gave 17:00 for Nasdaq even then.

Overnight trading will be a row here with `day` and, if nights count as pre-market, `pre` at -4 h:
a trade after 20:00 then belongs to the next day. A session of its own is a name more in `SESSIONS`.
"""


Closures = Mapping[date, time | None]
"""Days on which the market keeps other hours than the calendar says: closes early, or is closed (None)."""


def hours_of(day: date, table: Sequence[Hours] = HOURS) -> Hours:
    """The hours that hold on *day*."""
    return next((row for row in reversed(table) if row.since <= day), table[0])


def since_midnight(at: time) -> timedelta:
    """A time of the day in the form of `Hours`."""
    return timedelta(hours=at.hour, minutes=at.minute)


def parse_closures(text: str) -> dict[date, time | None]:
    """The closures in `2025-01-09,2026-11-27T14:00`: closed all day; closed from 14:00 in New York.

    A time is the close of that day whatever else is known of it, so it also opens a holiday, and
    16:00 makes a half day a whole one.

    Raises:
        ValueError: something else is in there, a day twice, a week-end, or a close that is not
            between the open and the usual close.
    """
    closures: dict[date, time | None] = {}
    for item in filter(None, map(str.strip, text.split(","))):
        day, close = _closure(item)
        if day in closures:
            raise ValueError(f"Expected each day once, not {day} again")
        _require_sense(day, close)
        closures[day] = close
    return closures


def _closure(item: str) -> tuple[date, time | None]:
    with suppress(ValueError):
        name, has_time, at = item.partition("T")
        day, close = date.fromisoformat(name), time.fromisoformat(at) if has_time else None
        # other ISO forms (20260105, a zone, seconds) are more likely slips than meant
        if item == day.isoformat() + ("" if close is None else f"T{close:%H:%M}"):
            return day, close
    raise ValueError(
        "Expected dates, or dates with the time of a close, as 2025-01-09,2026-11-27T14:00, "
        f"separated by commas, not {item!r}"
    )


def _require_sense(day: date, close: time | None) -> None:
    usual = hours_of(day)
    if day.weekday() >= SATURDAY:
        raise ValueError(f"Expected days from Monday to Friday, not {day:%A} {day}")
    if close is not None and not usual.open < since_midnight(close) <= usual.close:
        raise ValueError(f"Expected a close between the usual open and close, not {close:%H:%M}")
