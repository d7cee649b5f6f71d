"""Whether a symbol trades: at a price band, paused, or resumed, and since when."""

from enum import StrEnum

from schemas.wire import Wire


class HaltState(StrEnum):
    """How a symbol trades. The ways between them: see `services.processors.halts`."""

    TRADING = "trading"
    LIMIT = "limit"
    """At a price band: trading pauses unless it leaves the band within 15 s."""
    PAUSED = "paused"
    RESUMED = "resumed"
    """Trading again, after the last pause of the day."""


class Halted(Wire, frozen=True):
    """State of trading of one symbol on one trading day: as JSON the value of KV `halts`.

    All times are event times, epoch milliseconds UTC; None is unknown.
    """

    symbol: str
    trading_day: str
    """ISO date, America/New_York."""
    state: HaltState
    since_ms: int | None
    """When the state began; None where trading began again at a moment that no message has told."""
    upper_band_usd: float | None
    """Above it no trade is allowed; None while there is no band, as in a pause."""
    lower_band_usd: float | None
    limit_side: str | None
    """Of a limit state and of the pause that came of it: `up` or `down`; None if both or neither."""
    pause_ms: int | None
    """When the last pause of the day began."""
    resume_ms: int | None
    """When it ended."""
    until_ms: int | None
    """When the state ends by rule, at the earliest: a limit state after 15 s, a pause after 5 minutes."""
    halts_today: int
    """Pauses so far, this one included."""
