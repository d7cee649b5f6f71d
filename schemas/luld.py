"""Limit up-limit down by rule: price bands, how long its states last, and what the vendor's codes say.

Source of the rules: the LULD Plan (luldplan.com, Appendix A) with its 18th amendment (83 FR 66464), which
ended the doubled bands of 9:30–9:45 for all, and of the last 25 minutes for Tier 2 above $3. Most
descriptions on the web are older. The bands in force are those that the feed sends: locally computed ones
lack the processors' eligible trades and the tier list. Not modelled are leveraged funds
(their percentage is multiplied by the leverage), rights and warrants (exempt), and the overnight bands
of the 27th amendment.

Source of the codes: massive.com/glossary/conditions-indicators, section "LULD Indicators", and
massive.com/docs/websocket/stocks/luld. Codes 14–19 are those of the Nasdaq processor (tape C), 21–30
of the CTA (tapes A and B), and each says what the other does not: only for Nasdaq-listed symbols are
pauses and reopenings sent (17, 18), only for the others limit states (23–30).
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple


LIMIT_MS = 15_000
"""A limit state that lasts longer becomes a pause."""
PAUSE_MS = 300_000
"""Of a pause, at least; also by how much the primary exchange extends one."""
NO_REOPENING_MS = 600_000
"""Before the close: a symbol that is paused then does not reopen, it has a closing auction."""
DOUBLED_MS = 1_500_000
"""Before the close: the time with doubled bands."""

OPENING, INTRADAY, RESTATED = 14, 15, 16
SUSPENDED, REOPENED = 17, 18
"""A halt or pause of a Nasdaq-listed symbol and its end. The first comes without bands, the second with."""
OUTSIDE_HOURS, EXTENDED = 19, 20
BAND, REPUBLISHED = 21, 22

NEW_BANDS = frozenset({OPENING, INTRADAY, REOPENED, BAND})
"""Bands that were just calculated, as they never are in a pause; the others repeat older ones."""

LIMITS: dict[int, tuple[bool | None, bool | None]] = {
    23: (True, None), 24: (False, None), 25: (None, True), 26: (None, False),
    27: (True, True), 28: (False, False), 29: (True, False), 30: (False, True),
}  # fmt: skip
"""Whether the best bid is now at the upper band, and the best offer at the lower; None says nothing."""

_MARKET_LEVELS = {36: 1, 37: 2, 38: 3, 181: 1, 182: 2, 183: 3}
_MARKET_HALT_MS, _MARKET_LATEST_MS = 900_000, 2_100_000
_WORST_LEVEL = 3


class Tier(IntEnum):
    """What the Plan files a symbol under."""

    ONE = 1
    """S&P 500, Russell 1000, and funds on a list."""
    TWO = 2


class Width(NamedTuple):
    """How far bands are from the reference price: the lesser of the two."""

    pct: float
    most_usd: float | None
    """None is no second limit."""


def width(
    tier: Tier, previous_close_usd: float, event_ms: int, open_ms: int, close_ms: int
) -> Width | None:
    """How wide bands are at *event_ms*; None outside the regular session.

    Args:
        tier: of the symbol.
        previous_close_usd: on the primary exchange; it decides, not the price of today.
        event_ms: the moment.
        open_ms: of the day's regular session.
        close_ms: of the same, early on a half day; the last 25 minutes count from there.
    """
    if not open_ms <= event_ms < close_ms:
        return None
    cheap = previous_close_usd <= 3  # noqa: PLR2004 (dollars, as in the Plan)
    times = 2 if event_ms >= close_ms - DOUBLED_MS and (cheap or tier is Tier.ONE) else 1
    if not cheap:
        return Width((5.0 if tier is Tier.ONE else 10.0) * times, None)
    if previous_close_usd >= 0.75:  # noqa: PLR2004 (dollars, as in the Plan)
        return Width(20.0 * times, None)
    return Width(75.0 * times, 0.15 * times)


def bands(reference_usd: float, wide: Width) -> tuple[float, float]:
    """The lower and the upper band around *reference_usd*, in whole cents."""
    usd = reference_usd * wide.pct / 100
    if wide.most_usd is not None:
        usd = min(usd, wide.most_usd)
    return max(round(reference_usd - usd, 2), 0.0), round(reference_usd + usd, 2)


def market_level(codes: Iterable[int]) -> int | None:
    """The level (1–3) of a market-wide halt that *codes* tell of; None for all other codes.

    The vendor has such codes for quotes (36–38) and for reasons of halts (181–183), and no channel that
    is known to send them in our feed: a market-wide halt is otherwise seen as pauses of all symbols.
    """
    return max((_MARKET_LEVELS[code] for code in codes if code in _MARKET_LEVELS), default=None)


def market_halt_until_ms(level: int, event_ms: int, close_ms: int) -> int | None:
    """When a market-wide halt of *level* that begins at *event_ms* ends; None if nothing is halted.

    Source: NYSE Rule 7.12. Levels 1 and 2 (7 % and 13 %) halt for 15 minutes, until 35 minutes before the
    close; after that only level 3 (20 %) halts, and it does for the rest of the day.
    """
    if level >= _WORST_LEVEL:
        return close_ms
    return event_ms + _MARKET_HALT_MS if event_ms <= close_ms - _MARKET_LATEST_MS else None
