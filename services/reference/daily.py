"""What daily bars say of a symbol before a trading day: pure arithmetic, nothing is asked for here.

Bars are as they were traded (not adjusted); days are numbered (`date.toordinal`), and lists of days
and bars run back in time. Splits are applied here, so that a day is measured by what was known on
it and not by when somebody asked: a vendor's adjusted bars are as of the time of the question.

Definitions: field.md §2.3. Where it leaves room, choices are: the average volume counts a day
without a trade as zero once the symbol was listed, and leaves half days out; the previous day is
the last one on which the symbol traded, if within the last ten; the true range is over the
symbol's own days.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from operator import gt, lt
from typing import NamedTuple

from msgspec.structs import replace

from schemas.reference import Extremes, Stair, SymbolDay


AVERAGE_DAYS = 30
ATR_DAYS = 14
LOOK_BACKS = (5, 20, 252)
_STALE_DAYS = 10
"""A close from before the last ten trading days is no previous close any more."""


class Bar(NamedTuple):
    """A day of a symbol; the VWAP is None where the vendor left it out."""

    day: int
    open_usd: float
    high_usd: float
    low_usd: float
    close_usd: float
    volume_shares: float
    vwap_usd: float | None


class Split(NamedTuple):
    """From the opening of *day* on there are *factor* shares for each one before."""

    day: int
    factor: float


class Market(NamedTuple):
    """The trading days before a trading day."""

    trading_day: int
    ago: Mapping[int, int]
    """Day → how many trading days ago; 1 is the one before."""
    full_days: Sequence[int]
    """The last full ones, at most `AVERAGE_DAYS`, newest first."""


class Facts(NamedTuple):
    """What is known of a symbol besides its bars."""

    name: str | None = None
    exchange: str | None = None
    kind: str | None = None
    free_float_shares: float | None = None
    float_day: str | None = None
    float_asof: int = 0
    """Splits after this day change the free float."""
    shares_outstanding: float | None = None
    shares_asof: int = 0
    """Splits after this day change the shares outstanding."""
    renamed_from: str | None = None


def market_before(trading_day: int, days: Sequence[int], is_half: Callable[[int], bool]) -> Market:
    """The trading days before *trading_day*, out of *days* (newest first)."""
    before = [day for day in days if day < trading_day]
    full = (day for day in before if not is_half(day))
    return Market(
        trading_day,
        {day: ago for ago, day in enumerate(before, start=1)},
        [day for day, _ in zip(full, range(AVERAGE_DAYS), strict=False)],
    )


def factor_after(day: int, trading_day: int, splits: Sequence[Split]) -> float:
    """Shares on *trading_day* for each one that there was on *day*."""
    return prod(split.factor for split in splits if day < split.day <= trading_day)


def adjusted(bars: Sequence[Bar], trading_day: int, splits: Sequence[Split]) -> Sequence[Bar]:
    """*bars* as if every split up to *trading_day* had happened before them."""
    if not splits:
        return bars
    return [_scaled(bar, factor_after(bar.day, trading_day, splits)) for bar in bars]


def _scaled(bar: Bar, factor: float) -> Bar:
    if factor == 1.0:
        return bar
    return Bar(
        bar.day,
        bar.open_usd / factor,
        bar.high_usd / factor,
        bar.low_usd / factor,
        bar.close_usd / factor,
        bar.volume_shares * factor,
        None if bar.vwap_usd is None else bar.vwap_usd / factor,
    )


def average_volume(bars: Sequence[Bar], full_days: Sequence[int]) -> tuple[float | None, int]:
    """Mean volume of those *full_days* that are not before the first of *bars*, and how many those are."""
    if not bars:
        return None, 0
    counted = [day for day in full_days if day >= bars[-1].day]
    if not counted:
        return None, 0
    wanted = set(counted)
    volume = sum(bar.volume_shares for bar in bars if bar.day in wanted)
    return volume / len(counted), len(counted)


def atr(bars: Sequence[Bar]) -> float | None:
    """Wilder's average true range over all *bars*; None if there are too few.

    The first value is the mean of the first 14 true ranges, each next one moves it by a fourteenth.
    A true range is the largest of H−L, |H−C₋₁| and |L−C₋₁|.
    """
    if len(bars) <= ATR_DAYS:
        return None
    ranges = _true_ranges(bars)
    average = sum(next(ranges) for _ in range(ATR_DAYS)) / ATR_DAYS
    for true_range in ranges:
        average += (true_range - average) / ATR_DAYS
    return average


def _true_ranges(bars: Sequence[Bar]) -> Iterator[float]:
    """Forward in time, from the second bar on."""
    close = bars[-1].close_usd
    for bar in reversed(bars[:-1]):
        yield max(bar.high_usd, close) - min(bar.low_usd, close)
        close = bar.close_usd


def highs(bars: Sequence[Bar], ago: Mapping[int, int]) -> list[Stair]:
    """Each day whose high exceeds that of every later one."""
    return _stairs(((bar.day, bar.high_usd) for bar in bars), gt, ago)


def lows(bars: Sequence[Bar], ago: Mapping[int, int]) -> list[Stair]:
    """Each day whose low undercuts that of every later one."""
    return _stairs(((bar.day, bar.low_usd) for bar in bars), lt, ago)


def _stairs(
    prices: Iterator[tuple[int, float]],
    beyond: Callable[[float, float], bool],
    ago: Mapping[int, int],
) -> list[Stair]:
    stairs: list[Stair] = []
    last: float | None = None
    for day, price in prices:
        if last is None or beyond(price, last):
            stairs.append(Stair(ago[day], price))
            last = price
    return stairs


def measured(
    symbol: str, bars: Sequence[Bar], market: Market, splits: Sequence[Split]
) -> SymbolDay:
    """What *bars* (days before the trading day, newest first) say of *symbol*."""
    factor = prod(split.factor for split in splits if split.day == market.trading_day)
    if not bars:
        return SymbolDay(symbol, split_factor=factor)
    bars = adjusted(bars, market.trading_day, splits)
    average, days = average_volume(bars, market.full_days)
    found = SymbolDay(
        symbol,
        average_volume_shares=average,
        average_days=days,
        atr_usd=atr(bars),
        highs=highs(bars, market.ago),
        lows=lows(bars, market.ago),
        history_days=market.ago[bars[-1].day],
        split_factor=factor,
    )
    last = bars[0]
    if market.ago[last.day] > _STALE_DAYS:
        return found
    return replace(
        found,
        previous_close_usd=last.close_usd,
        previous_open_usd=last.open_usd,
        previous_high_usd=last.high_usd,
        previous_low_usd=last.low_usd,
        previous_volume_shares=last.volume_shares,
        previous_vwap_usd=last.vwap_usd,
    )


def with_facts(
    found: SymbolDay, facts: Facts, trading_day: int, splits: Sequence[Split]
) -> SymbolDay:
    """*found* with what is known besides the bars, adjusted likewise."""
    return replace(
        found,
        name=facts.name,
        exchange=facts.exchange,
        kind=facts.kind,
        free_float_shares=_grown(facts.free_float_shares, facts.float_asof, trading_day, splits),
        float_day=facts.float_day,
        shares_outstanding=_grown(facts.shares_outstanding, facts.shares_asof, trading_day, splits),
        renamed_from=facts.renamed_from,
    )


def _grown(
    shares: float | None, asof: int, trading_day: int, splits: Sequence[Split]
) -> float | None:
    return None if shares is None else shares * factor_after(asof, trading_day, splits)


def extremes(found: SymbolDay) -> list[Extremes]:
    """Highest high and lowest low of the usual look-backs, as far as the history reaches."""
    return [
        Extremes(days, found.highs[high].price_usd, found.lows[low].price_usd)
        for days in LOOK_BACKS
        if found.history_days >= days
        and (high := _last_within(found.highs, days)) >= 0
        and (low := _last_within(found.lows, days)) >= 0
    ]


def _last_within(stairs: Sequence[Stair], days: int) -> int:
    """Place of the furthest stair that is at most *days* ago; −1 if none is."""
    return sum(stair.days_ago <= days for stair in stairs) - 1
