"""What the trades of one symbol came to on one day: last price, first price, volume and notional."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from mesh.calendar import Day
from schemas.conditions import FLAGS, REGULAR
from schemas.market import Print


@dataclass(slots=True)
class TradeDay:
    """What the trades of one symbol came to so far on one day.

    No Struct: to set a field of one takes four times as long, and six are set for each trade.
    """

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


Values = tuple[
    str, int, int, int, int, int, int, int,
    float | None, float | None, float | None, float,
]  # fmt: skip
"""The fields of a `TradeDay` in their order: how it is stored."""

values: Callable[[TradeDay], Values] = attrgetter(*TradeDay.__slots__)


def begin(trade: Print, day: Day) -> TradeDay:
    """The state before the first *trade* of a symbol on *day*; a closed day has no regular session."""
    if day.is_trading_day:
        return TradeDay(trade.symbol, day.start_ms, day.end_ms, day.open_ms, day.close_ms)
    return TradeDay(trade.symbol, day.start_ms, day.end_ms, day.end_ms, day.end_ms)


def fold_trades(  # noqa: C901 (one flat loop, as the docstring says)
    states: dict[str, TradeDay],
    trades: Sequence[Print],
    day_of: Callable[[int], Day],
    changed: set[str],
) -> int:
    """Take *trades* in the order of arrival; how many were late. Symbols that were not go into *changed*.

    One flat loop: this is most of what a processor does all day, and each call in it would cost a tenth.
    """
    late = 0
    for trade in trades:
        symbol, event_ms, sequence = trade.symbol, trade.event_ms, trade.sequence
        state = states.get(symbol)
        if state is None or event_ms >= state.end_ms:
            state = states[symbol] = begin(trade, day_of(event_ms))
        elif sequence <= state.sequence or event_ms < state.start_ms:
            late += 1
            continue
        changed.add(symbol)
        state.sequence = sequence
        if event_ms > state.event_ms:  # noqa: PLR1730 (`max` costs a tenth of the loop)
            state.event_ms = event_ms
        price_usd, conditions = trade.price_usd, trade.conditions
        volume, last, extended_last = FLAGS[conditions] if conditions else REGULAR
        if volume:
            size_shares = trade.size_shares
            state.volume_shares = (state.volume_shares or 0.0) + size_shares
            state.notional_usd += size_shares * price_usd
        if state.open_ms <= event_ms < state.close_ms:
            if not last:
                continue
            if state.first_regular_usd is None:
                state.first_regular_usd = price_usd
        elif not extended_last:
            continue
        if event_ms >= state.last_ms:
            state.last_ms, state.last_usd = event_ms, price_usd
    return late
