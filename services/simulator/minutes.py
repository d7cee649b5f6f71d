"""Minutes of the days of a synthetic market: a day's bar, spread as the tape's own volume is.

Prices walk from the open to the close of the day, between its extremes, and reach both; seconds do
the same within their minute.
"""

from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mesh.calendar import Day, day_of
from mesh.partition import fnv1a_32
from services.simulator import intraday
from services.simulator.bars import MINUTE_MS, SECOND_MS
from services.simulator.catalogue import MinuteBar
from services.simulator.events import DayBar


_NOISES = 4096
_LEAST_NOISE, _MOST_NOISE = 0.5, 1.5
_SECONDS = 60
_SHARES_A_SECOND = 100

_Numbers = npt.NDArray[np.float64]
_Times = npt.NDArray[np.int64]


def spread(
    seed: int,
    ticker: str,
    name: str,
    bar: DayBar,
    until_ms: int | None = None,
    length_ms: int = MINUTE_MS,
) -> list[MinuteBar]:
    """The minutes of the ISO day *name* that had trades; their volumes add up to that of *bar*.

    Args:
        seed: of the market.
        ticker: whose.
        name: of the day.
        bar: of the day, or of what there is of it.
        until_ms: the end of what there is of it.
        length_ms: of windows of several minutes, in their place.
    """
    day = day_of(date.fromisoformat(name))
    starts = np.arange(day.pre_ms, day.post_end_ms, MINUTE_MS)
    if until_ms is not None:
        starts = starts[starts < until_ms]
    if not len(starts):
        return []
    first = fnv1a_32(f"{ticker}/{name}".encode()) % (_NOISES - len(starts) - 1)
    noise = _noise(seed)[first : first + len(starts)]
    is_regular = (starts >= day.open_ms) & (starts < day.close_ms)
    walk = _walk(seed)[first : first + len(starts) + 1]
    ends = _ends(_usual(_shape(day))[: len(starts)] * noise, bar.volume_shares)
    return _bars(starts, ends, _prices(walk, is_regular, bar), length_ms)


def seconds(seed: int, ticker: str, minute: MinuteBar) -> list[MinuteBar]:
    """The seconds of a minute that had trades: a few if little was traded, all if much was."""
    start_ms, bar = minute
    count = int(min(_SECONDS, max(1, bar.volume_shares // _SHARES_A_SECOND)))
    starts = start_ms + SECOND_MS * np.unique(np.linspace(0, _SECONDS - 1, count).astype(np.int64))
    first = fnv1a_32(f"{ticker}/{start_ms}".encode()) % (_NOISES - _SECONDS - 1)
    walk = _walk(seed)[first : first + len(starts) + 1]
    noise = _noise(seed)[first : first + len(starts)]
    every = np.ones(len(starts), np.bool_)
    return _bars(starts, _ends(noise, bar.volume_shares), _prices(walk, every, bar), SECOND_MS)


def _bars(starts: _Times, ends: _Times, prices: _Numbers, length_ms: int) -> list[MinuteBar]:
    """Bars of windows of *length_ms*, of the parts in which shares were traded: prices go from one number to the next."""
    traded = np.diff(ends)
    is_traded = traded > 0
    opens, closes = prices[:-1][is_traded], prices[1:][is_traded]
    shares, windows = traded[is_traded], starts[is_traded] // length_ms
    firsts = np.flatnonzero(np.diff(windows, prepend=-1))
    if not len(firsts):
        return []
    sums = np.add.reduceat(shares, firsts)
    dollars = np.add.reduceat(shares * ((opens + closes) / 2), firsts)
    columns = (
        opens[firsts],
        np.maximum.reduceat(np.maximum(opens, closes), firsts),
        np.minimum.reduceat(np.minimum(opens, closes), firsts),
        closes[np.append(firsts[1:], len(closes)) - 1],
        sums,
        np.round(dollars / sums, 4),
        np.maximum(1, sums // 100),
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    begins = (windows[firsts] * length_ms).tolist()
    return [MinuteBar(begin, DayBar(*row)) for begin, row in zip(begins, rows, strict=True)]


def _ends(weights: _Numbers, shares: float) -> _Times:
    """Shares that were traded before the first and after each, by their weights."""
    sums = np.cumsum(weights)
    ends = (sums * (shares / sums[-1])).astype(np.int64)
    ends[-1] = round(shares)
    return np.append(0, ends)


def _prices(walk: _Numbers, is_regular: npt.NDArray[np.bool_], bar: DayBar) -> _Numbers:
    """Where prices stand at the beginning of each part and at the end of the last."""
    count = int(is_regular.sum())
    if not count:
        return np.full(len(walk), bar.close_usd, np.float64)
    first = int(np.argmax(is_regular))
    prices = np.full(len(walk), bar.open_usd, np.float64)
    prices[first + count :] = bar.close_usd
    part = np.linspace(0, 1, count + 1)
    steps = walk[first : first + count + 1]
    bridge = steps - steps[0] - part * (steps[-1] - steps[0])
    width = float(bridge.max() - bridge.min()) or 1.0
    path = bar.open_usd + part * (bar.close_usd - bar.open_usd)
    path += bridge * ((bar.high_usd - bar.low_usd) / width)
    path = np.clip(path, bar.low_usd, bar.high_usd)
    if count > 1:  # the extremes were reached, but not at the ends
        path[1 + int(np.argmax(path[1:-1]))] = bar.high_usd
        path[1 + int(np.argmin(path[1:-1]))] = bar.low_usd
    prices[first : first + count + 1] = np.round(path, 2 if bar.low_usd >= 1 else 4)
    prices[first], prices[first + count] = bar.open_usd, bar.close_usd
    return prices


def _shape(day: Day) -> Day:
    """A day whose pre-market begins at 0: all full days are the same, and all half days."""
    return Day(
        name="",
        start_ms=0,
        end_ms=0,
        is_trading_day=True,
        pre_ms=0,
        open_ms=day.open_ms - day.pre_ms,
        close_ms=day.close_ms - day.pre_ms,
        post_end_ms=day.post_end_ms - day.pre_ms,
        is_half_day=day.is_half_day,
    )


@lru_cache(maxsize=8)
def _usual(shape: Day) -> _Numbers:
    starts = range(0, shape.post_end_ms, MINUTE_MS)
    return np.array([intraday.activity(shape, start_ms) for start_ms in starts])


@lru_cache(maxsize=4)
def _noise(seed: int) -> _Numbers:
    chance = np.random.default_rng(fnv1a_32(f"{seed}/noise".encode()))
    return chance.uniform(_LEAST_NOISE, _MOST_NOISE, _NOISES)


@lru_cache(maxsize=4)
def _walk(seed: int) -> _Numbers:
    chance = np.random.default_rng(fnv1a_32(f"{seed}/walk".encode()))
    return np.cumsum(chance.standard_normal(_NOISES))
