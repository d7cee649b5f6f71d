"""Rows from bars, minutes and trades: the fold of one partition.

Each class is folded for itself, in its own order: the newest second bar, the newest minute bar and
the running state of the trades of every symbol. They are joined when a row is asked for, by event
time, so it cannot matter how the classes were interleaved. What each contributes:

- last: the newest of the second bar's close (at the end of its window), the minute bar's close and
  the last eligible trade. At the same instant a trade wins (it lies after the window), then the second bar.
- volume, VWAP and open of the day: of the newest bar, which carries the vendor's own totals; an open
  that any bar of the day told is not taken back. Where no bar of the day was seen, they come from the
  trades: eligible volume, its average price, and the first eligible trade of the regular session.

A day ends for a symbol with its first event of the next day. A bar that comes again replaces the
copy before it; an older bar, a trade whose sequence was passed, or any event of a past day is late:
counted, and otherwise without effect. Hence a tape that is played again changes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mesh.calendar import Day, day_at
from schemas.conditions import updates
from schemas.leaderboard import PackedRow
from schemas.market import Bar, Trade
from schemas.naming import MarketClass
from schemas.wire import encode_msgpack


FOLDED = (MarketClass.BARS, MarketClass.MINUTES, MarketClass.TRADES)
"""The classes that rows are made of."""

SNAPSHOT_VERSION = 1

Closes = Mapping[str, Mapping[str, float]]
"""Previous closes in US dollars by trading day (ISO) and symbol."""


_NO_CLOSES: Mapping[str, float] = {}


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


class Snapshot(msgspec.Struct, array_like=True):
    """All state of the fold."""

    version: int
    bars: list[Bar]
    minutes: list[Bar]
    trades: list[TradeDay]
    folded: dict[MarketClass, int]
    late: dict[MarketClass, int]


_decode_snapshot = msgspec.msgpack.Decoder(Snapshot).decode


class RowFold:
    """The rows of one partition. Built from the snapshot of a predecessor, or from nothing.

    Args:
        snapshot: bytes of `snapshot()`; None begins with an empty market.
        closes: previous closes; the caller may add days to it and then calls `on_closes`.

    Raises:
        ValueError: the snapshot is of another version.
    """

    def __init__(self, snapshot: bytes | None, closes: Closes) -> None:
        state = _decode(snapshot)
        self.folded = state.folded
        """Events that were taken, by class."""
        self.late = state.late
        """Events that came too late or twice, by class."""
        self._bars = {bar.symbol: bar for bar in state.bars}
        self._minutes = {bar.symbol: bar for bar in state.minutes}
        self._trades = {day.symbol: day for day in state.trades}
        self._rows: dict[str, PackedRow] = {}
        self._unreported: set[str] = set()
        self._closes = closes
        self._changed = self._symbols()
        self._day = day_at(0)

    def on_batch(self, market_class: MarketClass, events: Sequence[Any]) -> None:
        """Fold *events* of one class, in the order in which they arrived."""
        match market_class:
            case MarketClass.BARS:
                late = self._fold_bars(self._bars, events)
            case MarketClass.MINUTES:
                late = self._fold_bars(self._minutes, events)
            case MarketClass.TRADES:
                late = self._fold_trades(events)
            case _:
                return
        self.late[market_class] += late
        self.folded[market_class] += len(events) - late

    def on_closes(self) -> None:
        """Previous closes have come: every row is completed at the next flush."""
        self._changed = self._symbols()

    def on_flush(self) -> list[PackedRow]:
        """The rows that changed since the last call, by symbol."""
        self._refresh()
        unreported, self._unreported = self._unreported, set()
        return [self._rows[symbol] for symbol in sorted(unreported)]

    def rows(self) -> list[PackedRow]:
        """All rows, by symbol."""
        self._refresh()
        return [self._rows[symbol] for symbol in sorted(self._rows)]

    def _refresh(self) -> None:
        changed, self._changed = self._changed, set()
        for symbol in changed:
            self._rows[symbol] = self._row(symbol)
        self._unreported |= changed

    def snapshot(self) -> bytes:
        """All state, for a successor."""
        return encode_msgpack(
            Snapshot(
                SNAPSHOT_VERSION,
                list(self._bars.values()),
                list(self._minutes.values()),
                list(self._trades.values()),
                self.folded,
                self.late,
            )
        )

    def _symbols(self) -> set[str]:
        return self._bars.keys() | self._minutes.keys() | self._trades.keys()

    def _fold_bars(self, newest: dict[str, Bar], bars: Sequence[Bar]) -> int:
        late = 0
        changed = self._changed
        for bar in bars:
            held = newest.get(bar.symbol)
            if held is not None:
                if bar.start_ms < held.start_ms:
                    late += 1
                    continue
                if bar.official_open_usd is None and held.official_open_usd is not None:
                    bar = self._with_open(bar, held)  # noqa: PLW2901 (a loop over 500 events stays flat)
            newest[bar.symbol] = bar
            changed.add(bar.symbol)
        return late

    def _with_open(self, bar: Bar, held: Bar) -> Bar:
        """*bar* with the open of the bar before it, if it is of the same day: an open is not taken back."""
        if self._day_of(bar.start_ms) != self._day_of(held.start_ms):
            return bar
        return msgspec.structs.replace(bar, official_open_usd=held.official_open_usd)

    def _fold_trades(self, trades: Sequence[Trade]) -> int:
        late = 0
        states = self._trades
        for trade in trades:
            state = states.get(trade.symbol)
            if state is None or trade.event_ms >= state.end_ms:
                state = states[trade.symbol] = self._trade_day(trade)
            elif trade.sequence <= state.sequence or trade.event_ms < state.start_ms:
                late += 1
                continue
            _fold_trade(state, trade)
            self._changed.add(trade.symbol)
        return late

    def _trade_day(self, trade: Trade) -> TradeDay:
        day = self._day_of(trade.event_ms)
        if day.is_trading_day:
            return TradeDay(trade.symbol, day.start_ms, day.end_ms, day.open_ms, day.close_ms)
        return TradeDay(trade.symbol, day.start_ms, day.end_ms, day.end_ms, day.end_ms)

    def _day_of(self, event_ms: int) -> Day:
        if not self._day.start_ms <= event_ms < self._day.end_ms:
            self._day = day_at(event_ms)
        return self._day

    def _row(self, symbol: str) -> PackedRow:
        """The row of the parts that belong to the newest day among them."""
        bar, minute, trades = (
            self._bars.get(symbol),
            self._minutes.get(symbol),
            self._trades.get(symbol),
        )
        newest_ms = bar.start_ms if bar is not None else 0
        if minute is not None and minute.start_ms > newest_ms:
            newest_ms = minute.start_ms
        if trades is not None and trades.event_ms > newest_ms:
            newest_ms = trades.event_ms
        day = self._day_of(newest_ms)
        since_ms = day.start_ms
        if bar is not None and bar.start_ms < since_ms:
            bar = None
        if minute is not None and minute.start_ms < since_ms:
            minute = None
        if trades is not None and trades.start_ms < since_ms:
            trades = None
        return _join(
            symbol, day, bar, minute, trades, self._closes.get(day.name, _NO_CLOSES).get(symbol)
        )


def _fold_trade(state: TradeDay, trade: Trade) -> None:
    event_ms = trade.event_ms
    state.sequence = trade.sequence
    state.event_ms = max(state.event_ms, event_ms)
    volume, last, extended_last = updates(trade.conditions)
    if volume:
        state.volume_shares = (state.volume_shares or 0.0) + trade.size_shares
        state.notional_usd += trade.size_shares * trade.price_usd
    if state.open_ms <= event_ms < state.close_ms:
        if not last:
            return
        if state.first_regular_usd is None:
            state.first_regular_usd = trade.price_usd
    elif not extended_last:
        return
    if event_ms >= state.last_ms:
        state.last_ms, state.last_usd = event_ms, trade.price_usd


def _join(
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
    change, change_pct = _change(last_usd, previous)
    change_open, change_open_pct = _change(last_usd, opened)
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


def _change(last_usd: float | None, base_usd: float | None) -> tuple[float | None, float | None]:
    """(US dollars, percent) from *base_usd* to *last_usd*; the dollars without the dust of binary fractions."""
    if last_usd is None or base_usd is None:
        return None, None
    return round(last_usd - base_usd, 6), (last_usd - base_usd) / base_usd * 100


def _decode(snapshot: bytes | None) -> Snapshot:
    if snapshot is None:
        none = dict.fromkeys(FOLDED, 0)
        return Snapshot(SNAPSHOT_VERSION, [], [], [], dict(none), dict(none))
    version = snapshot[1] if len(snapshot) > 1 else None
    if version != SNAPSHOT_VERSION:
        raise ValueError(f"a snapshot of rows must be of version {SNAPSHOT_VERSION}, was {version}")
    return _decode_snapshot(snapshot)
