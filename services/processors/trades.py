"""What the trades of one symbol came to on one day: last price, first price, volume and notional."""

import msgspec

from mesh.calendar import Day
from schemas.conditions import REGULAR, updates
from schemas.market import Trade


class TradeDay(msgspec.Struct, array_like=True, gc=False):
    """What the trades of one symbol came to so far on one day."""

    symbol: str
    start_ms: int
    """Of the day, New York midnight; open and close below bound the regular session, if there is one."""
    end_ms: int
    open_ms: int
    close_ms: int
    sequence: int = -1
    event_ms: int = 0
    """Of the newest trade, eligible or not."""
    last_ms: int = 0
    last_usd: float | None = None
    first_regular_usd: float | None = None
    volume_shares: float | None = None
    """None until a trade was eligible for volume."""
    notional_usd: float = 0.0


def begin(trade: Trade, day: Day) -> TradeDay:
    """The state before the first *trade* of a symbol on *day*; a closed day has no regular session."""
    if day.is_trading_day:
        return TradeDay(trade.symbol, day.start_ms, day.end_ms, day.open_ms, day.close_ms)
    return TradeDay(trade.symbol, day.start_ms, day.end_ms, day.end_ms, day.end_ms)


def fold_trade(state: TradeDay, trade: Trade) -> None:
    """Take the next trade of the day: its sequence is greater than that of any before it."""
    event_ms, conditions = trade.event_ms, trade.conditions
    state.sequence = trade.sequence
    if event_ms > state.event_ms:  # noqa: PLR1730 (max() costs as much as all the rest)
        state.event_ms = event_ms
    volume, last, extended_last = updates(conditions) if conditions else REGULAR
    if volume:
        size_shares = trade.size_shares
        state.volume_shares = (state.volume_shares or 0.0) + size_shares
        state.notional_usd += size_shares * trade.price_usd
    if state.open_ms <= event_ms < state.close_ms:
        if not last:
            return
        if state.first_regular_usd is None:
            state.first_regular_usd = trade.price_usd
    elif not extended_last:
        return
    if event_ms >= state.last_ms:
        state.last_ms, state.last_usd = event_ms, trade.price_usd
