"""What is known before trading days, as tables for the queries and as the product has it."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import duckdb

from schemas.reference import SymbolDay, VolumeCurve
from services.processors.known import Curve, Knowledge
from services.reference.daily import Bar, highs, lows


class Known(NamedTuple):
    """A symbol before a trading day; None is unknown. Meanings as in `schemas.reference.SymbolDay`."""

    symbol: str
    trading_day: str
    previous_close: float | None = None
    """None leaves it to the day files."""
    previous_open: float | None = None
    previous_high: float | None = None
    previous_low: float | None = None
    previous_volume: float | None = None
    previous_vwap: float | None = None
    average_volume: float | None = None
    atr: float | None = None
    free_float: float | None = None
    past: tuple[tuple[float, float], ...] = ()
    """High and low of each trading day before, newest first."""


class Usual(NamedTuple):
    """The average volume of a symbol in each of the 960 minutes of a day."""

    symbol: str
    days: int
    shares: Sequence[float]


class References(NamedTuple):
    """All that is known beforehand."""

    known: Sequence[Known] = ()
    usual: Sequence[Usual] = ()


_TABLES = """
CREATE TABLE reference (
    sym VARCHAR, day DATE, previous_close DOUBLE, previous_open DOUBLE, previous_high DOUBLE, previous_low DOUBLE,
    previous_volume DOUBLE, previous_vwap DOUBLE, average_volume DOUBLE, atr DOUBLE, free_float DOUBLE);
CREATE TABLE past (sym VARCHAR, day DATE, days_ago INTEGER, high DOUBLE, low DOUBLE);
CREATE TABLE usual (sym VARCHAR, days INTEGER, minute INTEGER, shares DOUBLE);
"""

_TELL_PAST = """
INSERT INTO past
SELECT unnest($sym::VARCHAR[]), unnest($day::DATE[]), unnest($days_ago::INTEGER[]), unnest($high::DOUBLE[]),
       unnest($low::DOUBLE[])
"""

_TELL_USUAL = """
INSERT INTO usual
SELECT $sym, $days, minute, sum(shares) OVER (ORDER BY minute)::FLOAT
FROM (SELECT unnest(range(960)) AS minute, unnest($shares::DOUBLE[]) AS shares)
"""


def tell(database: duckdb.DuckDBPyConnection, references: References) -> None:
    """Make `reference`, `past` and `usual` of *references*."""
    database.execute(_TABLES)
    if references.known:
        columns = [list(column) for column in zip(*references.known, strict=True)][:-1]
        listed = ", ".join("unnest(?)" for _ in columns)
        database.execute(f"INSERT INTO reference SELECT {listed}", columns)
    past = [
        (known.symbol, known.trading_day, ago, high, low)
        for known in references.known
        for ago, (high, low) in enumerate(known.past, start=1)
    ]
    if past:
        names = ("sym", "day", "days_ago", "high", "low")
        database.execute(
            _TELL_PAST, dict(zip(names, map(list, zip(*past, strict=True)), strict=True))
        )
    for usual in references.usual:
        parameters = {"sym": usual.symbol, "days": usual.days, "shares": list(usual.shares)}
        database.execute(_TELL_USUAL, parameters)


def knowledge(closes: Mapping[str, Mapping[str, float]], references: References) -> Knowledge:
    """The same for the product. *closes*: previous closes of the day files, by trading day and symbol."""
    found = Knowledge()
    for day, of_day in closes.items():
        found.days[day] = {symbol: SymbolDay(symbol, usd) for symbol, usd in of_day.items()}
    for known in references.known:
        day_closes = closes.get(known.trading_day, {})
        found.days.setdefault(known.trading_day, {})[known.symbol] = _symbol_day(known, day_closes)
    for usual in references.usual:
        cumulative = array("f", accumulate(usual.shares)).tobytes()
        found.curves[usual.symbol] = Curve(VolumeCurve(usual.symbol, "", usual.days, cumulative))
    return found


def _symbol_day(known: Known, closes: Mapping[str, float]) -> SymbolDay:
    bars = [
        Bar(-ago, high, high, low, low, 0.0, None)
        for ago, (high, low) in enumerate(known.past, start=1)
    ]
    ago = {bar.day: -bar.day for bar in bars}
    close = known.previous_close
    return SymbolDay(
        known.symbol,
        closes.get(known.symbol) if close is None else close,
        known.previous_open,
        known.previous_high,
        known.previous_low,
        known.previous_volume,
        known.previous_vwap,
        average_volume_shares=known.average_volume,
        atr_usd=known.atr,
        highs=highs(bars, ago),
        lows=lows(bars, ago),
        history_days=len(bars),
        free_float_shares=known.free_float,
    )


DayBars = Mapping[str, Mapping[str, Sequence[float]]]
"""Open, high, low, close and volume by day (ISO date) and symbol."""


def from_days(days: DayBars, told: DayBars, curve_days: int = 20) -> References:
    """References before each of *days*, made up from those days and others that were *told* besides.

    A previous close is only in them for told days: those of the others are in their files.
    """
    known = []
    for day, symbols in days.items():
        before = sorted((other for other in {**told, **days} if other < day), reverse=True)
        bars = [days.get(other) or told[other] for other in before]
        closed = bool(before) and before[0] in told
        known += [_before(symbol, day, bars, closed=closed) for symbol in symbols]
    every = sorted({symbol for of_day in days.values() for symbol in of_day})
    return References(known, [_usual(symbol, curve_days) for symbol in every])


def _before(
    symbol: str, day: str, before: Iterable[Mapping[str, Sequence[float]]], *, closed: bool
) -> Known:
    bars = [of_day[symbol] for of_day in before if symbol in of_day]
    if not bars:
        return Known(symbol, day, free_float=3e6)
    opened, high, low, close, volume = bars[0][:5]
    return Known(
        symbol,
        day,
        previous_close=close if closed else None,
        previous_open=opened,
        previous_high=high,
        previous_low=low,
        previous_volume=volume,
        previous_vwap=(high + low + close) / 3,
        average_volume=sum(bar[4] for bar in bars) / len(bars),
        atr=sum(bar[1] - bar[2] for bar in bars) / len(bars),
        free_float=volume * 3 if symbol < "S" else None,  # some have none
        past=tuple((bar[1], bar[2]) for bar in bars),
    )


def _usual(symbol: str, days: int) -> Usual:
    """Quiet until 05:00, busier with each half hour, and different from symbol to symbol."""
    weight = sum(map(ord, symbol)) % 7 + 1
    return Usual(
        symbol, days, [0 if minute < 60 else weight * (minute // 30) for minute in range(960)]
    )
