"""Volume curves from minute bars: how the volume of an average day of a symbol grows. Pure.

Source: field.md §2.3, relative volume by time of day: today's cumulative volume over the average
cumulative volume up to the same minute, here from 04:00 New York on, so that it holds in the
pre-market too.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from mesh.calendar import Day
from schemas.reference import CURVE_MINUTES, VolumeCurve


CURVE_DAYS = 20
_MINUTE_MS = 60_000
_FLOATS = struct.Struct(f"<{CURVE_MINUTES}f")


class Minute(NamedTuple):
    """Volume of the minute that begins at an instant."""

    start_ms: int
    volume_shares: float


class CurveDay(NamedTuple):
    """A full trading day, and the shares of today for each one of then."""

    day: Day
    factor: float


def curve(
    symbol: str, asof_day: str, days: Sequence[CurveDay], minutes: Iterable[Minute]
) -> VolumeCurve | None:
    """The curve over *days*; None if there was no trade in any of them.

    Args:
        symbol: whose.
        asof_day: the trading day that it is for (ISO date).
        days: those to average, oldest first; one without a minute counts as a day without volume.
        minutes: bars of those days, and of others, which are left out.
    """
    starts = [each.day.pre_ms for each in days]
    volumes = [0.0] * CURVE_MINUTES
    is_traded = False
    for start_ms, volume_shares in minutes:
        place = bisect_right(starts, start_ms) - 1
        if place < 0:
            continue
        number = (start_ms - starts[place]) // _MINUTE_MS
        if number < CURVE_MINUTES:
            volumes[number] += volume_shares * days[place].factor
            is_traded = is_traded or volume_shares > 0
    if not is_traded:
        return None
    cumulative = _FLOATS.pack(*(total / len(days) for total in accumulate(volumes)))
    return VolumeCurve(symbol, asof_day, len(days), cumulative)


def cumulative_shares(found: VolumeCurve) -> tuple[float, ...]:
    """The average volume from 04:00 to the end of each minute."""
    return _FLOATS.unpack(found.cumulative_shares)
