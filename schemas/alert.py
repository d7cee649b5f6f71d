"""Alerts: what just happened to a symbol, once."""

from enum import StrEnum

from schemas.leaderboard import Row
from schemas.wire import Wire


class AlertKind(StrEnum):
    """What an alert is about; also a token of its subject."""

    HIGH = "high"
    """A new high of the session."""
    LOW = "low"
    """A new low of the session."""
    RUNNING_UP = "running-up"
    RUNNING_DOWN = "running-down"
    VOLUME_SPIKE = "volume-spike"
    BLOCK = "block"
    LIMIT = "limit"
    """At a price band: trading pauses unless it leaves the band within 15 s."""
    NEAR_BAND = "near-band"
    HALT = "halt"
    RESUME = "resume"
    NEWS = "news"
    """A fresh article about a symbol that is traded enough."""


class Breach(Wire, frozen=True):
    """A level of before that a new high or low has passed with this very print."""

    session: str
    """Whose high or low it was: `pre`, `regular`, `post`, or `previous day`."""
    level_usd: float


class Alert(Wire, frozen=True):
    """As JSON the payload of `alert.{kind}.{SYM}`, and the value of KV `alerts`.

    `id` follows from the tape alone: the same tape gives the same alerts, however it was cut, and
    a stream that has one refuses the second.
    """

    id: str
    kind: AlertKind
    symbol: str
    trading_day: str
    session: str
    event_ms: int
    """Of the print, bar or band that made it, epoch milliseconds UTC."""
    price_usd: float | None
    level_usd: float | None
    """The high or low that was passed, or the band; None for other kinds."""
    breaches: list[Breach]
    """What else was passed with the same print, nearest first."""
    days_since: int | None
    """Trading days since the price was as high (low) as this, all that are known if it never was; None if none are."""
    move_pct: float | None
    """Of a run: how far the price came within the minute."""
    size_shares: float | None
    """Of a block: its shares; of a volume spike: those of the last minute."""
    until_ms: int | None
    """When the state that began here ends by rule: a limit state after 15 s, a pause after 5 minutes."""
    row: Row
    """At that moment."""
    headline: str | None = None
    """Title of the newest article about the symbol; None without one. It may have come after the moment."""
