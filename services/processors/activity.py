"""How busy symbols are: what was printed in the last seconds, minutes and the last hour, and what it did to the price."""

import numpy as np

from schemas.columns import Mask
from services.processors.pulse import LENGTHS_S, Pulse, Seconds
from services.processors.sheet import Floats, Ints
from services.processors.windows import MILLION


_MOMENTUM_TRADES = 30
"""Fewer in five minutes say nothing about a rate."""
_BACK_MINUTES = (1, 5, 15)


def activity(pulse: Pulse, seconds: Seconds, has: Mask) -> dict[str, Floats]:
    """Of the windows that end with *seconds*, the newest of the symbols, which are not in *pulse* yet. Unknown unless *has*."""
    if not has.any():
        return {}
    at, now = seconds.at, seconds.second
    [prints, shares, usd] = pulse.short.sums(at, now, LENGTHS_S)
    [[prints_5m], [shares_5m], [usd_5m]] = pulse.medium.sums(at, now, (20,))
    [[prints_1h], [shares_1h], [usd_1h]] = pulse.long.sums(at, now, (60,))
    [signed] = pulse.signed.sums(at, now, LENGTHS_S)
    in_5s, in_15s, in_60s = (each + seconds.prints for each in prints)
    in_5m = prints_5m + seconds.prints
    momentum = (in_15s / 15) / (np.maximum(in_5m, 1) / 300)
    found: dict[str, Floats | Ints] = {
        "trades_1m": in_60s, "trades_5m": in_5m, "trades_1h": prints_1h + seconds.prints,
        "volume_1m_shares": shares[-1] / MILLION + seconds.shares,
        "volume_5m_shares": shares_5m / MILLION + seconds.shares,
        "volume_1h_shares": shares_1h / MILLION + seconds.shares,
        "volume_1m_usd": usd[-1] / MILLION + seconds.usd, "volume_5m_usd": usd_5m / MILLION + seconds.usd,
        "volume_1h_usd": usd_1h / MILLION + seconds.usd,
        "trades_per_s_5s": in_5s / 5, "trades_per_s_15s": in_15s / 15, "trades_per_s_60s": in_60s / 60,
        "momentum": np.where(in_5m >= _MOMENTUM_TRADES, momentum, np.nan),
    }  # fmt: skip
    for length_s, sums in zip(LENGTHS_S, signed, strict=True):
        found[f"tape_{length_s}s_shares_per_s"] = sums / (length_s * MILLION)
    return {name: np.where(has, column, np.nan) for name, column in found.items()}


def looking_back(
    pulse: Pulse, seconds: Seconds, has: Mask, last_usd: Floats, event_ms: Ints
) -> dict[str, Floats]:
    """Changes of the last price over 1, 5 and 15 minutes before the minute of *event_ms*, percent."""
    if not has.any():
        return {}
    minute = event_ms // 60_000
    age = minute - seconds.second // 60
    found = {}
    for back in _BACK_MINUTES:
        before = pulse.price_before(seconds.at, minute - back)
        rests = (age > back) & ~np.isnan(seconds.close_usd)
        before = np.where(
            rests, seconds.close_usd, before
        )  # it is the last price before them itself
        found[f"change_{back}m_pct"] = np.where(has, (last_usd / before - 1) * 100, np.nan)
    return found
