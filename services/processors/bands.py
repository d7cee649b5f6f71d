"""Where the price and the quotes of a symbol stand to its price bands."""

from typing import NamedTuple

from schemas.halt import HaltState
from services.processors.halts import HaltDay


NEAR_PCT = 1.0
"""From here to a band, in percent of the last price, a symbol is near it: bands follow the reference price only in
steps of 1 % or more (the Plan, section V), so within less the band does not move away first."""


class Near(NamedTuple):
    """The nearer of two bands."""

    side: str
    """`up` or `down`."""
    band_usd: float
    distance_pct: float
    """From the last price, in percent of it; not above 0 at the band and beyond."""
    is_near: bool


def touched(state: HaltDay, bid_usd: float | None, ask_usd: float | None) -> str | None:
    """`up` if the best bid is at the upper band, `down` if the best offer is at the lower one.

    That is what a limit state is; for Nasdaq-listed symbols nothing else tells of it.
    """
    upper_usd, lower_usd = state.upper_band_usd, state.lower_band_usd
    if upper_usd is not None and bid_usd is not None and bid_usd >= upper_usd:
        return "up"
    if lower_usd is not None and ask_usd is not None and ask_usd <= lower_usd:
        return "down"
    return None


def near_band(state: HaltDay, last_usd: float | None) -> Near | None:
    """The band nearer to *last_usd*; None without a price or a band, in a limit state and in a pause."""
    if not last_usd or state.state in {HaltState.LIMIT, HaltState.PAUSED}:
        return None
    found: list[tuple[float, str, float]] = []
    if state.upper_band_usd is not None:
        found.append((state.upper_band_usd - last_usd, "up", state.upper_band_usd))
    if state.lower_band_usd is not None:
        found.append((last_usd - state.lower_band_usd, "down", state.lower_band_usd))
    if not found:
        return None
    distance_usd, side, band_usd = min(found)
    distance_pct = distance_usd / last_usd * 100
    return Near(side, band_usd, distance_pct, distance_pct <= NEAR_PCT)
