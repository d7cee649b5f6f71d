"""Alarms made into alerts: with a name, the row of the moment, and what reference data says."""

from mesh.calendar import Day
from schemas.alert import Alert, AlertKind, Breach
from schemas.leaderboard import Row
from schemas.naming import symbol_token
from schemas.reference import SymbolDay
from services.processors.alarms import Alarm
from services.processors.known import days_since


PREVIOUS_DAY = "previous day"


def alert(
    alarm: Alarm, day: Day, row: Row, reference: SymbolDay | None, headline: str | None = None
) -> Alert:
    """The alert of *alarm* on its *day*; its id follows from the tape alone, or from the news."""
    breaches = [Breach(session, level_usd) for session, level_usd in alarm.breaches]
    since = None
    if reference is not None and alarm.price_usd is not None:
        breaches += _previous_day(alarm, reference)
        if alarm.kind is AlertKind.HIGH:
            since = days_since(reference.highs, alarm.price_usd, reference.history_days, above=True)
        elif alarm.kind is AlertKind.LOW:
            since = days_since(reference.lows, alarm.price_usd, reference.history_days, above=False)
    return Alert(
        f"{alarm.kind}-{symbol_token(row.symbol)}-{alarm.event_ms}", alarm.kind, row.symbol,
        day.name, day.session(alarm.event_ms), alarm.event_ms, alarm.price_usd, alarm.level_usd, breaches,
        since, alarm.move_pct, alarm.size_shares, alarm.until_ms, row, headline,
    )  # fmt: skip


def _previous_day(alarm: Alarm, reference: SymbolDay) -> list[Breach]:
    """The extreme of the day before, if this print passed it."""
    price_usd, level_usd = alarm.price_usd, alarm.level_usd
    if price_usd is None or level_usd is None:
        return []
    high_usd, low_usd = reference.previous_high_usd, reference.previous_low_usd
    if alarm.kind is AlertKind.HIGH and high_usd is not None and level_usd <= high_usd < price_usd:
        return [Breach(PREVIOUS_DAY, high_usd)]
    if alarm.kind is AlertKind.LOW and low_usd is not None and level_usd >= low_usd > price_usd:
        return [Breach(PREVIOUS_DAY, low_usd)]
    return []
