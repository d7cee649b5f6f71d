"""Reference data: what is known of symbols before the tape of a day begins."""

from typing import Annotated

from msgspec import Meta

from schemas.wire import Wire


class PreviousCloses(Wire, frozen=True):
    """The official closes that a trading day is measured against, for the whole market."""

    trading_day: str
    """The day that is measured (ISO date)."""
    closes_day: str | None
    """The trading day before it, whose closes these are; None if no data was found for it."""
    closes_usd: dict[str, Annotated[float, Meta(gt=0)]]
    """By symbol. Changes are divided by it, so 0 is refused with the whole message."""
