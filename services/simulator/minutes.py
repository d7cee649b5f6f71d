"""Minutes of past days of the synthetic market: a day's volume, spread as the tape's own is."""

from datetime import date
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import mul

from mesh.calendar import day_of
from mesh.partition import fnv1a_32
from services.simulator import intraday
from services.simulator.bars import MINUTE_MS
from services.simulator.catalogue import MinuteBar
from services.simulator.chance import seeded
from services.simulator.events import DayBar


_NOISES = 4096
_LEAST_NOISE, _MOST_NOISE = 0.5, 1.5


def spread(seed: int, ticker: str, name: str, bar: DayBar) -> list[MinuteBar]:
    """The minutes of the ISO day *name* that had trades; their volumes add up to that of *bar*."""
    day = day_of(date.fromisoformat(name))
    usual = _usual(name)
    first = fnv1a_32(f"{ticker}/{name}".encode()) % (_NOISES - len(usual))
    weights = accumulate(map(mul, usual, _noise(seed)[first : first + len(usual)]), initial=0.0)
    sums = list(weights)
    part = bar.volume_shares / sums[-1]
    ends = [int(total * part) for total in sums[:-1]] + [round(bar.volume_shares)]
    minutes = []
    for number, (before, after) in enumerate(pairwise(ends)):
        if after > before:
            start_ms = day.pre_ms + number * MINUTE_MS
            price = bar.open_usd if start_ms < day.open_ms else bar.close_usd
            minute = DayBar(price, price, price, price, after - before, price, 1)
            minutes.append(MinuteBar(start_ms, minute))
    return minutes


@lru_cache(maxsize=64)
def _usual(name: str) -> tuple[float, ...]:
    day = day_of(date.fromisoformat(name))
    starts = range(day.pre_ms, day.post_end_ms, MINUTE_MS)
    return tuple(intraday.activity(day, start_ms) for start_ms in starts)


@lru_cache(maxsize=4)
def _noise(seed: int) -> tuple[float, ...]:
    chance = seeded(seed)
    return tuple(chance.uniform(_LEAST_NOISE, _MOST_NOISE) for _ in range(_NOISES))
