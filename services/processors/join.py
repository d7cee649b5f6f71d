"""The row of a symbol from what its bars, minutes and trades say.

- last: the newest of the second bar's close (at the end of its window), the minute bar's close and
  the last eligible trade. At the same instant a trade wins (it lies after the window), then the second bar.
- volume, VWAP and open of the day: of the newest bar, which carries the vendor's own totals; an open
  that any bar of the day told is not taken back. Where no bar of the day was seen, they come from the
  trades: eligible volume, its average price, and the first eligible trade of the regular session.
"""

from mesh.calendar import Day
from schemas.leaderboard import PackedRow
from schemas.market import Bar
from services.processors.trades import TradeDay


_PARTS = 1e6
"""Changes in US dollars are rounded to these, so that they come without the dust of binary fractions.
Rounded this way they cost half of `round(…, 6)`, which was a fifth of a row."""


def join(
    symbol: str,
    day: Day,
    bar: Bar | None,
    minute: Bar | None,
    trades: TradeDay | None,
    previous: float | None,
) -> PackedRow:
    """The row of the day's parts: the newest wins, at the same instant the later named here."""
    newest, other = minute, bar
    last_ms, last_usd, event_ms, began_ms = 0, None, 0, 0
    if minute is not None:
        last_ms, last_usd = minute.end_ms, minute.close_usd
        event_ms, began_ms = last_ms, minute.start_ms
    if bar is not None and bar.end_ms >= last_ms:
        newest, other = bar, minute
        last_ms, last_usd = bar.end_ms, bar.close_usd
        event_ms, began_ms = last_ms, bar.start_ms
    if trades is not None:
        if trades.event_ms >= event_ms:
            event_ms = began_ms = trades.event_ms
        if trades.last_usd is not None and trades.last_ms >= last_ms:
            last_usd = trades.last_usd
    volume, vwap, opened = _totals(newest, other, trades)
    change = change_pct = change_open = change_open_pct = None
    if last_usd is not None:
        if previous is not None:
            moved = last_usd - previous
            change, change_pct = round(moved * _PARTS) / _PARTS, moved / previous * 100
        if opened is not None:
            moved = last_usd - opened
            change_open, change_open_pct = round(moved * _PARTS) / _PARTS, moved / opened * 100
    return PackedRow(
        symbol, day.name, day.session(began_ms), event_ms, last_usd, opened, previous,
        change, change_pct, change_open, change_open_pct, volume, vwap,
    )  # fmt: skip


def _totals(
    newest: Bar | None, other: Bar | None, trades: TradeDay | None
) -> tuple[float | None, float | None, float | None]:
    """Volume, VWAP and open of the day."""
    if newest is not None:
        opened = newest.official_open_usd
        if opened is None and other is not None:
            opened = other.official_open_usd
        return newest.day_volume_shares, newest.day_vwap_usd, opened
    if trades is None:
        return None, None, None
    vwap = trades.notional_usd / trades.volume_shares if trades.volume_shares else None
    return trades.volume_shares, vwap, trades.first_regular_usd
