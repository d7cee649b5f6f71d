"""Rows from what is known of symbols: bars, minutes, trades, quotes, their pulse, reference data.

- last: the newest of the second bar's close (at the end of its window), the minute bar's close and
  the last eligible trade. At the same instant a trade wins (it lies after the window), then the second bar.
- volume, VWAP and open of the day: of the newest bar, which carries the vendor's own totals; an open
  that any bar of the day told is not taken back. Where no bar of the day was seen, they come from the
  trades: eligible volume, its average price, and the first eligible trade of the regular session.
  Volume and VWAP of the session likewise.
- highs and lows: the extremes of all that was seen, bars and eligible trades.

A column for each field, NaN is unknown: what is computed of something unknown is unknown.
"""

from datetime import date
from typing import NamedTuple

import numpy as np

from mesh.calendar import Day
from schemas.columns import FIELDS, PLACE, Mask, Places
from services.processors.activity import activity, looking_back
from services.processors.alarms import bar_seconds, trades_seconds
from services.processors.bars import Bars
from services.processors.halting import Halting
from services.processors.known import NUMBERS, Known
from services.processors.pulse import Pulse, Seconds
from services.processors.quotes import Quotes
from services.processors.sessions import OF_SPAN, spans
from services.processors.sheet import Floats, Ints
from services.processors.trades import Trades


_PARTS = 1e6
"""Changes in US dollars are rounded to these, so that they come without the dust of binary fractions."""

_BAR_FIELDS = (
    ("bar_open_usd", "open_usd"), ("bar_high_usd", "high_usd"), ("bar_low_usd", "low_usd"),
    ("bar_close_usd", "close_usd"), ("bar_volume_shares", "volume_shares"), ("bar_vwap_usd", "vwap_usd"),
    ("average_size_shares", "average_size_shares"),
)  # fmt: skip


class Parts(NamedTuple):
    """All that is known of the symbols of a partition."""

    bars: Bars
    minutes: Bars
    trades: Trades
    quotes: Quotes
    pulse: Pulse
    halts: Halting
    by_bars: bool
    """Whether second bars make the pulse, and not trades."""


class Newest(NamedTuple):
    """Which parts of the symbols belong to the day, and the newest of them."""

    has_bars: Mask
    has_minutes: Mask
    has_trades: Mask
    has_quotes: Mask
    by_second: Mask
    """Where second bars are not older than minute bars."""
    last_usd: Floats
    event_ms: Ints
    began_ms: Ints
    """When what ended at `event_ms` began: it says which session it belongs to."""


def days_of(parts: Parts, at: Places) -> Ints:
    """An instant in the newest day of each symbol; 0 before its first event."""
    newest_ms = np.maximum(parts.bars.start_ms[at], parts.minutes.start_ms[at])
    newest_ms = np.maximum(newest_ms, parts.trades.event_ms[at])
    return np.where(newest_ms > 0, newest_ms, parts.quotes.event_ms[at])


def join(parts: Parts, at: Places, day: Day, known: Known) -> Floats:
    """The rows of the symbols *at* these places, whose newest day is *day*: a line for each of `FIELDS`."""
    rows = np.full((len(FIELDS), len(at)), np.nan)
    newest = _newest(parts, at, day)
    last_usd = newest.last_usd
    session = OF_SPAN[spans(day, newest.began_ms)]
    numbers = dict(zip(NUMBERS, known.numbers[at].T, strict=True))
    previous = numbers["previous_close_usd"]
    fields = dict(numbers)
    fields["trading_day"] = np.full(len(at), float(date.fromisoformat(day.name).toordinal()))
    fields["session"], fields["event_ms"], fields["last_usd"] = session, newest.event_ms, last_usd
    volume, vwap, opened = _totals(parts, at, newest)
    fields["open_usd"], fields["volume_shares"], fields["vwap_usd"] = opened, volume, vwap
    fields["change_usd"], fields["change_pct"] = _change(last_usd, previous)
    fields["change_open_usd"], fields["change_open_pct"] = _change(last_usd, opened)
    fields["gap_usd"], fields["gap_pct"] = _change(np.where(np.isnan(opened), last_usd, opened), previous)  # fmt: skip
    fields["dollar_volume_usd"] = volume * vwap
    fields |= _placed(parts, at, newest, session)
    fields |= _against(fields, known, at, day, newest)
    fields |= _bar_fields(parts, at, newest)
    fields |= _quote_fields(parts.quotes, at, newest.has_quotes)
    fields |= _trade_fields(parts.trades, at, newest.has_trades)
    seconds = _seconds(parts, at)
    has_second = newest.has_bars if parts.by_bars else newest.has_trades & (seconds.second > 0)
    fields |= activity(parts.pulse, seconds, has_second)
    fields |= looking_back(parts.pulse, seconds, has_second, last_usd, newest.began_ms)
    fields["halt"], fields["halt_ms"] = parts.halts.halt[at], parts.halts.halt_ms[at]
    for name, column in fields.items():
        rows[PLACE[name]] = column
    return rows


def _newest(parts: Parts, at: Places, day: Day) -> Newest:
    bars, minutes, trades, quotes = parts.bars, parts.minutes, parts.trades, parts.quotes
    has_bars, has_minutes = bars.start_ms[at] >= day.start_ms, minutes.start_ms[at] >= day.start_ms
    has_trades = trades.day_start_ms[at] >= day.start_ms
    has_quotes = quotes.event_ms[at] >= day.start_ms
    bar_ms, minute_ms = np.where(has_bars, bars.end_ms[at], -1), np.where(has_minutes, minutes.end_ms[at], 0)  # fmt: skip
    by_second = has_bars & (bar_ms >= minute_ms)
    last_ms = np.where(by_second, bar_ms, minute_ms)
    began_ms = np.where(by_second, bars.start_ms[at], np.where(has_minutes, minutes.start_ms[at], 0))  # fmt: skip
    last_usd = np.where(by_second, bars.close_usd[at], np.where(has_minutes, minutes.close_usd[at], np.nan))  # fmt: skip
    is_trade = has_trades & (trades.event_ms[at] >= last_ms)
    event_ms = np.where(is_trade, trades.event_ms[at], last_ms)
    began_ms = np.where(is_trade, trades.event_ms[at], began_ms)
    is_last = has_trades & (trades.last_ms[at] >= last_ms) & ~np.isnan(trades.last_usd[at])
    only_quote = (event_ms == 0) & has_quotes
    if only_quote.any():
        event_ms = np.where(only_quote, quotes.event_ms[at], event_ms)
        began_ms = np.where(only_quote, quotes.event_ms[at], began_ms)
    return Newest(
        has_bars, has_minutes, has_trades, has_quotes, by_second,
        np.where(is_last, trades.last_usd[at], last_usd), event_ms, began_ms,
    )  # fmt: skip


def _change(now_usd: Floats, before_usd: Floats) -> tuple[Floats, Floats]:
    """In US dollars and in percent."""
    moved = now_usd - before_usd
    return np.rint(moved * _PARTS) / _PARTS, moved / before_usd * 100


def _totals(parts: Parts, at: Places, newest: Newest) -> tuple[Floats, Floats, Floats]:
    """Volume, VWAP and open of the day."""
    bars, minutes, trades = parts.bars, parts.minutes, parts.trades
    shares = trades.shares[at].sum(axis=1)
    shares = np.where(newest.has_trades & (trades.trades[at] > 0), shares, np.nan)
    vwap = trades.usd[at].sum(axis=1) / np.where(shares > 0.0, shares, np.nan)
    opened = np.where(newest.has_trades, trades.first_regular_usd[at], np.nan)
    barred = newest.has_bars | newest.has_minutes
    second, minute = (
        np.where(has, each.official_open_usd[at], np.nan)
        for has, each in ((newest.has_bars, bars), (newest.has_minutes, minutes))
    )
    first, other = np.where(newest.by_second, second, minute), np.where(newest.by_second, minute, second)  # fmt: skip
    official = np.where(np.isnan(first), other, first)
    volume = np.where(newest.by_second, bars.day_volume_shares[at], minutes.day_volume_shares[at])
    day_vwap = np.where(newest.by_second, bars.day_vwap_usd[at], minutes.day_vwap_usd[at])
    return (
        np.where(barred, volume, shares),
        np.where(barred, day_vwap, vwap),
        np.where(barred, official, opened),
    )


def _placed(parts: Parts, at: Places, newest: Newest, session: Ints) -> dict[str, Floats]:
    """Extremes, where last stands between them, and volume and VWAP of the session."""
    last_usd = newest.last_usd
    highs, lows = (
        np.stack([
            np.where(has[:, None], getattr(each, name)[at], np.nan)
            for has, each in (
                (newest.has_bars, parts.bars), (newest.has_minutes, parts.minutes), (newest.has_trades, parts.trades),
            )
        ])
        for name in ("highs_usd", "lows_usd")
    )  # fmt: skip
    highs, lows = np.fmax.reduce(highs, axis=0), np.fmin.reduce(lows, axis=0)
    high, low = np.fmax.reduce(highs, axis=1), np.fmin.reduce(lows, axis=1)
    lines = np.arange(len(at))
    volume, vwap = _session_totals(parts, at, newest, session)
    return {
        "day_high_usd": high, "day_low_usd": low,
        "day_range_pct": (last_usd - low) / np.where(high > low, high - low, np.nan) * 100,
        "session_high_usd": highs[lines, session], "session_low_usd": lows[lines, session],
        "session_volume_shares": volume, "session_vwap_usd": vwap,
        "high_distance_pct": (last_usd / high - 1) * 100, "low_distance_pct": (last_usd / low - 1) * 100,
        "vwap_distance_pct": (last_usd / np.where(vwap > 0.0, vwap, np.nan) - 1) * 100,
    }  # fmt: skip


def _session_totals(
    parts: Parts, at: Places, newest: Newest, session: Ints
) -> tuple[Floats, Floats]:
    trades = parts.trades
    shares, usd = trades.shares[at, session], trades.usd[at, session]
    volume = np.where(newest.has_trades & (shares > 0.0), shares, np.nan)
    vwap = usd / volume
    for bars, which in (
        (parts.minutes, newest.has_minutes & ~newest.by_second),
        (parts.bars, newest.by_second),
    ):
        in_session = bars.session[at] == session
        bar_volume, bar_vwap = bars.session_totals(at)
        volume = np.where(which, np.where(in_session, bar_volume, np.nan), volume)
        vwap = np.where(which, np.where(in_session, bar_vwap, np.nan), vwap)
    return volume, vwap


def _against(
    fields: dict[str, Floats], known: Known, at: Places, day: Day, newest: Newest
) -> dict[str, Floats]:
    """The day against the days before it."""
    volume, average, free_float, atr = (
        fields[name] for name in ("volume_shares", "average_volume_shares", "free_float_shares", "atr_usd")
    )  # fmt: skip
    usual, days = known.usual(at, day, newest.began_ms)
    high_days, low_days = known.since(at, fields["day_high_usd"], fields["day_low_usd"])
    return {
        "relative_volume": volume / usual, "relative_volume_days": days.astype(np.float64),
        "volume_ratio": volume / _positive(average), "float_rotation": volume / _positive(free_float),
        "atr_multiple": fields["change_usd"] / _positive(atr), "high_days": high_days, "low_days": low_days,
    }  # fmt: skip


def _positive(numbers: Floats) -> Floats:
    """*numbers*, where something may be divided by them."""
    return np.where(numbers > 0.0, numbers, np.nan)


def _bar_fields(parts: Parts, at: Places, newest: Newest) -> dict[str, Floats]:
    """The newest bar of either class."""
    bars, minutes = parts.bars, parts.minutes
    has = newest.has_bars | newest.has_minutes
    names = (("bar_start_ms", "start_ms"), ("bar_end_ms", "end_ms"), *_BAR_FIELDS)
    return {
        name: np.where(
            has, np.where(newest.by_second, getattr(bars, of)[at], getattr(minutes, of)[at]), np.nan
        )
        for name, of in names
    }


def _quote_fields(quotes: Quotes, at: Places, has: Mask) -> dict[str, Floats]:
    if not has.any():
        return {}
    bid, bid_shares, ask, ask_shares = (
        np.where(has, column[at], np.nan)
        for column in (quotes.bid_usd, quotes.bid_shares, quotes.ask_usd, quotes.ask_shares)
    )
    spread = np.rint((ask - bid) * _PARTS) / _PARTS
    return {
        "bid_usd": bid, "ask_usd": ask, "bid_shares": bid_shares, "ask_shares": ask_shares,
        "spread_usd": spread, "spread_pct": spread / ((ask + bid) / 2) * 100,
    }  # fmt: skip


def _trade_fields(trades: Trades, at: Places, has: Mask) -> dict[str, Floats]:
    if not has.any():
        return {}
    has_block = has & (trades.block_usd[at] > 0.0)
    return {
        "trades": np.where(has, trades.trades[at], np.nan),
        "block_usd": np.where(has_block, trades.block_usd[at], np.nan),
        "block_ms": np.where(has_block, trades.block_ms[at], np.nan),
    }


def _seconds(parts: Parts, at: Places) -> Seconds:
    """The newest seconds, which are still being filled."""
    return bar_seconds(parts.bars, at) if parts.by_bars else trades_seconds(parts.trades, at)
