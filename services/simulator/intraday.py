"""The shape of a trading day: how much is traded when, which symbols gap and which run.

The regular session is U-shaped with a tenfold burst at the open; before and after it little is
traded, in the morning mostly in symbols that gapped overnight.
"""

from math import exp
from typing import NamedTuple

from mesh.calendar import Day
from services.simulator.chance import Chance
from services.simulator.universe import Listing


GAPPER_SHARE_OF_PRE = 0.4
"""Part of the pre-market's trades that are in gappers (dimensionless)."""
RUNNER_TRADES_A_S = 0.006
"""A runner's own trades a second, as a part of the market's rate (dimensionless)."""

_BURST, _BURST_S = 8.4, 30.0
_FADE = -0.5


class Runner(NamedTuple):
    """A symbol that runs away for some minutes and then gives part of it back."""

    listing: Listing
    from_ms: int
    until_ms: int
    growth_per_s: float
    """Natural logarithm of the price's growth in a second while it runs."""

    def drift(self, now_ms: int) -> float:
        """Factor on the price for the second that begins at *now_ms*; 1 when it does not run."""
        if self.from_ms <= now_ms < self.until_ms:
            return exp(self.growth_per_s)
        if self.until_ms <= now_ms < 2 * self.until_ms - self.from_ms:
            return exp(self.growth_per_s * _FADE)
        return 1.0


def activity(day: Day, now_ms: int) -> float:
    """Trades in this second relative to the mean of the regular session (dimensionless)."""
    match day.session(now_ms):
        case "pre":
            part = (now_ms - day.pre_ms) / (day.open_ms - day.pre_ms)
            return 0.0125 + 0.11 * part * part
        case "regular":
            return _regular(day, now_ms)
        case "post":
            part = (now_ms - day.close_ms) / (day.post_end_ms - day.close_ms)
            return 0.01 + 0.15 * (1 - part) ** 3
        case _:
            return 0.0


def _regular(day: Day, now_ms: int) -> float:
    part = (now_ms - day.open_ms) / (day.close_ms - day.open_ms)
    smile = 0.7 + 0.9 * (2 * part - 1) ** 2
    opening = _BURST * exp((day.open_ms - now_ms) / 1000 / _BURST_S)
    closing = 2 * exp((now_ms - day.close_ms) / 1000 / _BURST_S)
    return smile + opening + closing


def gap_overnight(chance: Chance, all_listings: list[Listing]) -> list[Listing]:
    """Move every price a little and about one in a hundred a lot; gives the latter."""
    gappers = chance.sample(all_listings, max(1, len(all_listings) // 100))
    for listing in all_listings:
        listing.fair_usd *= exp(chance.gauss(0, 0.004))
    for listing in gappers:
        direction = 1 if chance.random() < 0.7 else -1  # noqa: PLR2004 (most gaps that trade go up)
        listing.fair_usd *= exp(direction * (0.04 + chance.expovariate(1 / 0.1)))
    return gappers


def plan_runners(
    chance: Chance, all_listings: list[Listing], from_ms: int, day: Day
) -> list[Runner]:
    """The day's runners: one in five hundred symbols, the first of them soon after *from_ms*."""
    first_ms = min(max(from_ms, day.open_ms), day.close_ms - 60_000)
    thin = all_listings[len(all_listings) // 10 :]
    runners = []
    for number, listing in enumerate(chance.sample(thin, max(1, len(all_listings) // 500))):
        span_ms = 60_000 if number < 3 else day.close_ms - first_ms  # noqa: PLR2004 (a demonstration needs some at once)
        start_ms = first_ms + int(chance.random() * span_ms)
        seconds = chance.randrange(120, 600)
        growth = chance.uniform(0.1, 0.8) / seconds
        runners.append(Runner(listing, start_ms, start_ms + 1000 * seconds, growth))
    return runners
