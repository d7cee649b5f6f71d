"""What the replaced system's widgets read, made of our values: its field names, its units, its times.

Prices in US dollars, changes in percent, times in milliseconds since the epoch, but an alert's in
seconds. Unlike the old system, which wrote 0, what is unknown is null: the widgets show a dash for
it. Where its numbers were wrong, ours stand under its names: `relative_volume` is against the volume
until the same minute of an average day, `open` and both changes since the open are of the official
open, averages are of whole days before this one, and an alert's time is that of its print.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from heapq import nlargest
from typing import Any

from schemas.alert import Alert, AlertKind
from schemas.halt import Halted
from schemas.leaderboard import Board, RankedRow, Row


Fields = dict[str, Any]

SESSIONS = {"pre": "pre_market", "regular": "regular", "post": "after_hours"}
"""Sessions of ours by their old names; there was none for a closed market."""
SCORES = {
    "gainers": "pct_change_since_open",
    "gappers": "pct_change",
    "volume": "accumulated_volume",
}
"""What each board is sorted by."""
MOST_SYMBOLS = 500
"""In the list of top trades, by the shares of the last five minutes."""

_BROKEN = (
    ("regular", "regular session"),
    ("pre", "pre-market"),
    ("previous day", "previous day"),
)
"""Levels that an alert can have passed, the first that applies is noted, and how a note calls them."""
_TRADES_MS = 300_000


def quote(row: Row) -> Fields:
    """The 26 fields of `quote:{symbol}`. `vwap`, `volume`, `high` and `low` are of the newest bar."""
    return {
        "symbol": row.symbol,
        "volume": row.bar_volume_shares,
        "free_float": row.free_float_shares,
        "accumulated_volume": row.volume_shares,
        "relative_volume": row.relative_volume,
        "official_open_price": row.open_usd,
        "vwap": row.bar_vwap_usd,
        "open": row.open_usd,
        "close": row.last_usd,
        "high": row.bar_high_usd,
        "low": row.bar_low_usd,
        "aggregate_vwap": row.vwap_usd,
        "average_size": row.average_size_shares,
        "avg_volume": row.average_volume_shares,
        "prev_day_close": row.previous_close_usd,
        "prev_day_open": row.previous_open_usd,
        "prev_day_high": row.previous_high_usd,
        "prev_day_low": row.previous_low_usd,
        "prev_day_volume": row.previous_volume_shares,
        "prev_day_vwap": row.previous_vwap_usd,
        "change": row.change_usd,
        "pct_change": row.change_pct,
        "change_since_open": row.change_open_usd,
        "pct_change_since_open": row.change_open_pct,
        "start_timestamp": row.bar_start_ms,
        "end_timestamp": row.bar_end_ms,
    }


def ranking(board: Board, rows: Iterable[Row | None]) -> list[Fields]:
    """A board of `scanners:*`: of each place its rank, its score, and the fields of a quote.

    Args:
        board: ours.
        rows: that of each place, for what a ranked row does not have; None or one of another day
            leaves that unknown.
    """
    return [
        _ranked(ranked, row if row and row.trading_day == board.trading_day else None, board)
        for ranked, row in zip(board.rows, rows, strict=True)
    ]


def _ranked(ranked: RankedRow, row: Row | None, board: Board) -> Fields:
    known = row or Row(ranked.symbol, board.trading_day, ranked.session, ranked.event_ms)
    return {
        "rank": ranked.rank,
        "symbol": ranked.symbol,
        SCORES[board.board]: ranked.score,
        **quote(known),
        "free_float": ranked.free_float_shares,
        "accumulated_volume": ranked.volume_shares,
        "relative_volume": ranked.relative_volume,
        "official_open_price": ranked.open_usd,
        "open": ranked.open_usd,
        "close": ranked.last_usd,
        "aggregate_vwap": ranked.vwap_usd,
        "prev_day_close": ranked.previous_close_usd,
        "change": ranked.change_usd,
        "pct_change": ranked.change_pct,
        "change_since_open": ranked.change_open_usd,
        "pct_change_since_open": ranked.change_open_pct,
    }


def range_alert(alert: Alert) -> Fields:
    """A new high or low: the six fields of the alert, and the quote of that moment.

    The note names what this very print has passed; the old system repeated it at every print beyond.
    """
    direction = "high" if alert.kind is AlertKind.HIGH else "low"
    return {
        "session": SESSIONS.get(alert.session),
        "direction": direction,
        "price": alert.price_usd,
        "previous": alert.level_usd,
        "timestamp": alert.event_ms / 1000,
        "note": _note(alert, direction),
        **quote(alert.row),
    }


def _note(alert: Alert, direction: str) -> str | None:
    levels = {breach.session: breach.level_usd for breach in alert.breaches}
    for session, called in _BROKEN:
        if session in levels:
            return f"Broke {called} {direction} of ${levels[session]:.2f}"
    return None


def bar(row: Row) -> Fields:
    """The newest bar of a symbol as the vendor's fields, for `stocks:agg:{symbol}`."""
    return {
        "event_type": "A",
        "symbol": row.symbol,
        "volume": row.bar_volume_shares,
        "accumulated_volume": row.volume_shares,
        "official_open_price": row.open_usd,
        "vwap": row.bar_vwap_usd,
        "open": row.bar_open_usd,
        "close": row.bar_close_usd,
        "high": row.bar_high_usd,
        "low": row.bar_low_usd,
        "aggregate_vwap": row.vwap_usd,
        "average_size": row.average_size_shares,
        "start_timestamp": row.bar_start_ms,
        "end_timestamp": row.bar_end_ms,
        "otc": None,
    }


def band(halted: Halted) -> Fields:
    """The price band of a symbol as the vendor's fields, for `stocks:luld:{symbol}`.

    The vendor's codes, tape and numbering are not kept: null. Both prices are null in a pause.
    """
    return {
        "event_type": "LULD",
        "symbol": halted.symbol,
        "high_price": halted.upper_band_usd,
        "low_price": halted.lower_band_usd,
        "indicators": None,
        "tape": None,
        "timestamp": halted.since_ms,
        "sequence_number": None,
    }


def trades(row: Row) -> Fields | None:
    """Trades of the last five minutes of a symbol; None without any.

    The old system looked at its last thousand trades, whenever they were. The greatest and the
    exchange of the last are not kept: null.
    """
    count, shares = row.trades_5m, row.volume_5m_shares
    if not count or shares is None:
        return None
    return {
        "total_volume": int(shares),
        "trade_count": count,
        "avg_size": round(shares / count, 2),
        "max_size": None,
        "time_span_ms": _TRADES_MS,
        "latest_price": row.last_usd,
        "latest_timestamp": row.event_ms,
        "latest_exchange": None,
        "notional": row.volume_5m_usd,
    }


def trades_of(row: Row) -> Fields | None:
    """`tta:{symbol}:widget`: the same with its time."""
    found = trades(row)
    if found is None:
        return None
    return {"timestamp": _iso(row.event_ms), "symbol": row.symbol, **found}


def top_trades(rows: Iterable[Row]) -> Fields | None:
    """`tta:all_symbols:widget`: the busiest symbols of the newest trading day; None if nobody traded."""
    busy = [row for row in rows if row.trades_5m and row.volume_5m_shares is not None]
    if not busy:
        return None
    newest_ms = max(row.event_ms for row in busy)
    busy = [row for row in busy if newest_ms - row.event_ms < _TRADES_MS]
    busiest = nlargest(MOST_SYMBOLS, busy, key=lambda row: row.volume_5m_shares or 0.0)
    symbols = {row.symbol: trades(row) for row in busiest}
    return {"timestamp": _iso(newest_ms), "symbols": symbols, "symbol_count": len(symbols)}


def _iso(event_ms: int) -> str:
    return datetime.fromtimestamp(event_ms / 1000, tz=UTC).isoformat()
