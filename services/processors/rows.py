"""Rows from bars, minutes and trades: the fold of one partition.

Each class is folded for itself, in its own order: the newest second bar, the newest minute bar and
the running state of the trades of every symbol. They are joined when a row is asked for, by event
time, so it cannot matter how the classes were interleaved; `services.processors.join` says
what each contributes.

A day ends for a symbol with its first event of the next day. A bar that comes again replaces the
copy before it; an older bar, a trade whose sequence was passed, or any event of a past day is late:
counted, and otherwise without effect. Hence a tape that is played again changes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mesh.calendar import STANDARD, Calendar, Day
from schemas.leaderboard import PackedRow
from schemas.market import Bar
from schemas.naming import MarketClass
from schemas.wire import encode_msgpack, msgpack_decoder
from services.processors.join import join
from services.processors.trades import TradeDay, Values, fold_trades, values


FOLDED = (MarketClass.BARS, MarketClass.MINUTES, MarketClass.TRADES)
"""The classes that rows are made of."""

SNAPSHOT_VERSION = 1

Closes = Mapping[str, Mapping[str, float]]
"""Previous closes in US dollars by trading day (ISO) and symbol."""


_NO_CLOSES: Mapping[str, float] = {}


class Snapshot(msgspec.Struct, array_like=True):
    """All state of the fold."""

    version: int
    bars: list[Bar]
    minutes: list[Bar]
    trades: list[Values]
    folded: dict[MarketClass, int]
    late: dict[MarketClass, int]


_decode_snapshot = msgpack_decoder(Snapshot).decode


class RowFold:
    """The rows of one partition. Built from the snapshot of a predecessor, or from nothing.

    Args:
        snapshot: bytes of `snapshot()`; None begins with an empty market.
        closes: previous closes; the caller may add days to it and then calls `on_closes`.
        calendar: what day and session an event belongs to.

    Raises:
        ValueError: the snapshot is of another version.
    """

    def __init__(
        self, snapshot: bytes | None, closes: Closes, calendar: Calendar = STANDARD
    ) -> None:
        state = _decode(snapshot)
        self.folded = state.folded
        """Events that were taken, by class."""
        self.late = state.late
        """Events that came too late or twice, by class."""
        self._bars = {bar.symbol: bar for bar in state.bars}
        self._minutes = {bar.symbol: bar for bar in state.minutes}
        self._trades = {held[0]: TradeDay(*held) for held in state.trades}
        self._rows: dict[str, PackedRow] = {}
        self._unreported: set[str] = set()
        self._closes = closes
        self._changed = self._symbols()
        self._calendar = calendar
        self._day = calendar.day_at(0)

    def on_batch(self, market_class: MarketClass, events: Sequence[Any]) -> None:
        """Fold *events* of one class, in the order in which they arrived."""
        match market_class:
            case MarketClass.BARS:
                late = self._fold_bars(self._bars, events)
            case MarketClass.MINUTES:
                late = self._fold_bars(self._minutes, events)
            case MarketClass.TRADES:
                late = fold_trades(self._trades, events, self._day_of, self._changed)
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
        rows, row = self._rows, self._row
        for symbol in changed:
            rows[symbol] = row(symbol)
        self._unreported |= changed

    def snapshot(self) -> bytes:
        """All state, for a successor."""
        return encode_msgpack(
            Snapshot(
                SNAPSHOT_VERSION,
                list(self._bars.values()),
                list(self._minutes.values()),
                list(map(values, self._trades.values())),
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

    def _day_of(self, event_ms: int) -> Day:
        if not self._day.start_ms <= event_ms < self._day.end_ms:
            self._day = self._calendar.day_at(event_ms)
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
        return join(
            symbol, day, bar, minute, trades, self._closes.get(day.name, _NO_CLOSES).get(symbol)
        )


def _decode(snapshot: bytes | None) -> Snapshot:
    if snapshot is None:
        none = dict.fromkeys(FOLDED, 0)
        return Snapshot(SNAPSHOT_VERSION, [], [], [], dict(none), dict(none))
    version = snapshot[1] if len(snapshot) > 1 else None
    if version != SNAPSHOT_VERSION:
        raise ValueError(f"a snapshot of rows must be of version {SNAPSHOT_VERSION}, was {version}")
    return _decode_snapshot(snapshot)
