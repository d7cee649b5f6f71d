"""Bars of any length of one ticker: made of seconds, minutes or days, as the vendor cuts them.

Hours and shorter windows are multiples of their length since the epoch, days begin at midnight in
New York, and weeks on Sunday.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from mesh.calendar import day_of
from services.simulator.bars import MINUTE_MS, SECOND_MS
from services.simulator.catalogue import Catalogue, MinuteBar
from services.simulator.events import DayBar


SPANS = ("second", "minute", "hour", "day", "week")

_SPAN_MS = {"second": SECOND_MS, "minute": MINUTE_MS, "hour": 60 * MINUTE_MS}
_SUNDAY = 6
_WEEK_DAYS = 7


class Wanted(NamedTuple):
    """What is asked for."""

    ticker: str
    multiplier: int
    span: str
    first: date
    last: date
    is_adjusted: bool


def bars(catalogue: Catalogue, wanted: Wanted, *, is_newest_first: bool) -> Iterator[MinuteBar]:
    """The bars of the days from the first to the last, made one after the other."""
    count = (wanted.last - wanted.first).days + 1
    days = (wanted.first + timedelta(number) for number in range(count))
    if is_newest_first:
        days = (wanted.last - timedelta(number) for number in range(count))
    if wanted.span in _SPAN_MS:
        for day in days:
            found = list(_within_day(catalogue, wanted, day.isoformat()))
            yield from reversed(found) if is_newest_first else found
        return
    for _, some in groupby(days, lambda day: _window(wanted, day)):
        parts = sorted(some)
        known = [
            MinuteBar(day_of(day).start_ms, bar)
            for day in parts
            if (bar := catalogue.day_bar(wanted.ticker, day.isoformat(), adjusted=wanted.is_adjusted))
        ]  # fmt: skip
        if known:
            begins = _window(wanted, parts[0]) if wanted.span == "week" else parts[0]
            yield _merged(day_of(begins).start_ms, known)


def _within_day(catalogue: Catalogue, wanted: Wanted, day: str) -> Iterator[MinuteBar]:
    ticker, adjusted = wanted.ticker, wanted.is_adjusted
    length_ms = wanted.multiplier * _SPAN_MS[wanted.span]
    if wanted.span != "second":
        yield from catalogue.minute_bars(ticker, day, adjusted=adjusted, length_ms=length_ms)
        return
    minutes = catalogue.minute_bars(ticker, day, adjusted=adjusted)
    seconds = (part for each in minutes for part in catalogue.second_bars(ticker, each))
    if wanted.multiplier == 1:
        yield from seconds
        return
    for number, some in groupby(seconds, lambda each: each.start_ms // length_ms):
        yield _merged(number * length_ms, list(some))


def _window(wanted: Wanted, day: date) -> date:
    """The first day of the window of *day*."""
    if wanted.span == "week":
        day -= timedelta((day.weekday() - _SUNDAY) % _WEEK_DAYS)
        number, length = day.toordinal() // _WEEK_DAYS, wanted.multiplier
        return date.fromordinal(day.toordinal() - _WEEK_DAYS * (number % length))
    return date.fromordinal(day.toordinal() - day.toordinal() % wanted.multiplier)


def _merged(start_ms: int, parts: list[MinuteBar]) -> MinuteBar:
    """One bar of *parts*, in the order of time."""
    found = [each.bar for each in parts]
    shares = sum(bar.volume_shares for bar in found)
    dollars = sum((bar.vwap_usd or bar.close_usd) * bar.volume_shares for bar in found)
    merged = DayBar(
        open_usd=found[0].open_usd,
        high_usd=max(bar.high_usd for bar in found),
        low_usd=min(bar.low_usd for bar in found),
        close_usd=found[-1].close_usd,
        volume_shares=shares,
        vwap_usd=round(dollars / shares, 4) if shares else None,
        trades=sum(bar.trades or 0 for bar in found) or None,
    )
    return MinuteBar(start_ms, merged)
