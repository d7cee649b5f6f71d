"""Historic bars as numpy columns: from the vendor's pages, joined, cut, and told to people. Pure.

A range is asked for in two parts, because they age differently: the periods that are over, and the
one that runs, which is the day, or the week of weekly bars.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from mesh.calendar import NEW_YORK
from schemas.vendor import LAST_MS, MOST_BARS, USUAL_BARS, Bars, BarsQuestion, Interval
from schemas.wire import Decoder, Wire, json_decoder


Numbers: TypeAlias = npt.NDArray[np.float64]
"""A line for each of `_COLUMNS`; NaN is unknown."""

_COLUMNS = 8
_TIME = 0
_MOST_TRADES = 1e15
_BYTES_A_BAR = 8 * _COLUMNS

SPANS: dict[Interval, tuple[int, str]] = {
    Interval.SECOND: (1, "second"),
    Interval.MINUTE: (1, "minute"),
    Interval.MINUTES_5: (5, "minute"),
    Interval.MINUTES_15: (15, "minute"),
    Interval.HOUR: (1, "hour"),
    Interval.HOURS_4: (4, "hour"),
    Interval.DAY: (1, "day"),
    Interval.WEEK: (1, "week"),
}
"""As the vendor's paths have them."""
_USUAL_DAYS: dict[Interval, int] = {
    Interval.SECOND: 4,  # over a week-end, and the newest alone
    Interval.MINUTE: 5,
    Interval.MINUTES_5: 10,
    Interval.MINUTES_15: 30,
    Interval.HOUR: 90,
    Interval.HOURS_4: 180,
    Interval.DAY: 730,
    Interval.WEEK: 1825,
}
_BASIC = frozenset({Interval.SECOND, Interval.MINUTE, Interval.DAY})
_LONG = frozenset({Interval.DAY, Interval.WEEK})
_SUNDAY = 6


class _Bar(Wire, frozen=True):
    t: Annotated[int, Meta(ge=0, le=LAST_MS)]
    o: float
    h: float
    l: float  # noqa: E741 (the vendor's name)
    c: float
    v: float
    vw: float | None = None
    n: Annotated[float, Meta(ge=0, le=_MOST_TRADES)] | None = None


class _Page(Wire, frozen=True):
    results: list[_Bar] | None = None
    next_url: str | None = None


class BarPage(NamedTuple):
    """A part of the vendor's answer."""

    columns: Numbers
    next_url: str | None


_decode_page = json_decoder(_Page).decode


def _page(content: bytes) -> BarPage:
    found = _decode_page(content)
    return BarPage(columns(found.results or ()), found.next_url)


PAGES = Decoder(_page)
"""Makes columns too, in the thread of whoever decodes."""


class Range(NamedTuple):
    """What to ask for."""

    from_ms: int
    to_ms: int | None
    """None: up to now."""
    over: tuple[date, date] | None
    """First and last day of the periods that are over; None if the range has none."""
    running: tuple[date, date] | None
    """First and last day of the period that runs; None if the range ends before it."""


def range_of(question: BarsQuestion, today: date) -> Range:
    """The days that hold what is asked for.

    Raises:
        ValueError: the range is empty, or no time that there is.
    """
    last = today if question.to_ms is None else min(today, _day_of(question.to_ms - 1))
    if question.from_ms is None:
        first = last - timedelta(question.days or _USUAL_DAYS[question.interval])
    else:
        first = _day_of(question.from_ms)
    begins = _period(question.interval, first)
    is_floored = question.from_ms is None or question.interval in _LONG
    from_ms = midnight_ms(begins) if is_floored else question.from_ms or 0
    if question.to_ms is not None and from_ms >= question.to_ms:
        raise ValueError("the range must end after it begins")
    runs = _period(question.interval, today)
    yesterday = runs - timedelta(1)
    over = (begins, min(last, yesterday)) if begins <= min(last, yesterday) else None
    running = (max(begins, runs), last) if last >= runs and begins <= last else None
    return Range(from_ms, question.to_ms, over, running)


def midnight_ms(day: date) -> int:
    """When *day* begins in New York."""
    return round(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp() * 1000)


def kept(limit: int) -> int:
    """How many bars to hold for whoever wants *limit*: few sizes, so that people share them."""
    return USUAL_BARS if limit <= USUAL_BARS else MOST_BARS


def a_page(interval: Interval, limit: int) -> int:
    """How many to ask for at once: the vendor counts seconds, minutes or days, of which longer bars are made."""
    return kept(limit) if interval in _BASIC else MOST_BARS


def none() -> Numbers:
    """No bars."""
    return np.empty((_COLUMNS, 0))


def columns(bars: Iterable[_Bar]) -> Numbers:
    """*bars* in columns."""
    rows = [
        (bar.t, bar.o, bar.h, bar.l, bar.c, bar.v, _number(bar.vw), _number(bar.n)) for bar in bars
    ]
    return np.array(rows, dtype=np.float64).T if rows else none()


def joined(parts: Iterable[Numbers], most: int) -> Numbers:
    """The newest *most* bars of all *parts*, oldest first, each time once."""
    found = np.concatenate([none(), *parts], axis=1)
    _, places = np.unique(found[_TIME], return_index=True)
    return np.ascontiguousarray(found[:, places[-most:]])


def size_bytes(found: Numbers) -> int:
    """What *found* takes in memory."""
    return int(found.shape[1]) * _BYTES_A_BAR


def within(found: Numbers, wanted: Range) -> Numbers:
    """Those bars that begin in the range."""
    times = found[_TIME]
    first = np.searchsorted(times, wanted.from_ms)
    last = len(times) if wanted.to_ms is None else np.searchsorted(times, wanted.to_ms)
    return found[:, first:last]


def told(question: BarsQuestion, found: Numbers, asof_ms: int, *, is_cut: bool) -> Bars:
    """*found* for people."""
    shown = found[:, -question.limit :]
    times, opens, highs, lows, closes, volumes, vwaps, trades = shown
    return Bars(
        symbol=question.symbol,
        interval=question.interval,
        adjusted=question.adjusted,
        asof_ms=asof_ms,
        is_cut=is_cut or found.shape[1] > question.limit,
        start_ms=times.astype(np.int64).tolist(),
        open_usd=opens.tolist(),
        high_usd=highs.tolist(),
        low_usd=lows.tolist(),
        close_usd=closes.tolist(),
        volume_shares=volumes.tolist(),
        vwap_usd=[None if each != each else each for each in vwaps.tolist()],  # noqa: PLR0124 (NaN)
        trades=[None if each != each else int(each) for each in trades.tolist()],  # noqa: PLR0124 (NaN)
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _period(interval: Interval, day: date) -> date:
    """The first day of the period of *day* that a bar may span: its week, which begins on Sunday, or the day itself."""
    return day - timedelta((day.weekday() - _SUNDAY) % 7) if interval is Interval.WEEK else day


def _day_of(time_ms: int) -> date:
    try:
        return datetime.fromtimestamp(time_ms / 1000, tz=UTC).astimezone(NEW_YORK).date()
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError("the range must be of days that there are") from error
