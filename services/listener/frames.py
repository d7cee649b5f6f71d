"""Vendor frames cut into batches by class and partition."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from mesh.partition import partition_of
from schemas.market import Event
from schemas.massive import CONVERT, Status, decode_frame
from schemas.naming import MarketClass, is_symbol, symbol_token


NO_PARTITION = -1
"""Of what cannot be a symbol."""

Convert = Callable[[Any], Event]
_MOST_AHEAD_MS = 86_400_000


class Lot(NamedTuple):
    """Events of one class and partition that wait for their batch."""

    market_class: MarketClass
    partition: int
    received_ms: float
    """When the oldest of them arrived."""
    events: list[Event]


class Splitter:
    """Collects frames into lots. Events of a lot stand in the order in which they arrived.

    Args:
        partitions: how many there are.
        live: refuse what is dated more than a day after it arrived. One such event ends the
            trading day of everything that reads the tape, for good. A recorded tape is not
            compared with the clock.
    """

    def __init__(self, partitions: int, *, live: bool = False) -> None:
        self.received: Counter[MarketClass] = Counter()
        """Well-formed events, by class."""
        self.rejected = 0
        """Events that were malformed, contradicted themselves or, if live, lie in the future."""
        self.waiting = 0
        """Events in lots that were not taken yet."""
        self._partitions = partitions
        self._partition_of: dict[str | None, int] = {None: 0}
        self._live = live
        self._lots: dict[MarketClass, dict[int, list[Event]]] = {}
        self._since_ms: dict[tuple[MarketClass, int], float] = {}
        self._routes: dict[type, tuple[Convert, dict[int, list[Event]]]] = {}
        self._begin()

    def add(self, frame: str, received_ms: float) -> list[Status]:
        """Take the events of *frame*, and give back what the server says about the connection."""
        events, rejected = decode_frame(frame)
        statuses: list[Status] = []
        refused = 0
        routes, partitions = self._routes, self._partition_of
        for vendor_event in events:
            route = routes.get(type(vendor_event))
            if route is None:
                statuses.append(cast("Status", vendor_event))
                continue
            convert, lots = route
            try:
                event = convert(vendor_event)
            except ValueError:  # it contradicts itself
                refused += 1
                continue
            try:
                lots[partitions[event.symbol]].append(event)
            except KeyError:
                market_class = CONVERT[type(vendor_event)][0]
                refused += not self._place(market_class, event, received_ms)
        self.rejected += rejected + refused
        self.waiting += len(events) - len(statuses) - refused
        return statuses

    def take(self) -> list[Lot]:
        """All lots that wait, and none waits any more."""
        taken = [
            Lot(market_class, partition, self._since_ms[market_class, partition], events)
            for market_class, lots in self._lots.items()
            for partition, events in lots.items()
        ]
        if self._live:
            taken = [lot for lot in map(self._without_future, taken) if lot.events]
        for lot in taken:
            self.received[lot.market_class] += len(lot.events)
        self._begin()
        return taken

    def _begin(self) -> None:
        self._lots = {market_class: {} for market_class in MarketClass}
        self._since_ms = {}
        self._routes = {
            kind: (convert, self._lots[market_class])
            for kind, (market_class, convert) in CONVERT.items()
        }
        self.waiting = 0

    def _without_future(self, lot: Lot) -> Lot:
        latest_ms = int(lot.received_ms) + _MOST_AHEAD_MS
        late = _LATE[lot.market_class](lot.events, latest_ms)
        if not late:
            return lot
        self.rejected += len(late)
        left_out = set(map(id, late))
        return lot._replace(events=[event for event in lot.events if id(event) not in left_out])

    def _place(self, market_class: MarketClass, event: Event, received_ms: float) -> bool:
        """Put what is the first of its symbol or of its lot into it; whether there is a place for it at all."""
        partition = self._partition_of.get(event.symbol)
        if partition is None:
            partition = self._learn(event.symbol or "")
        if partition == NO_PARTITION:
            return False
        self._since_ms.setdefault((market_class, partition), received_ms)
        self._lots[market_class].setdefault(partition, []).append(event)
        return True

    def _learn(self, symbol: str) -> int:
        """The partition of a symbol that is new."""
        partition = (
            partition_of(symbol_token(symbol), self._partitions)
            if is_symbol(symbol)
            else NO_PARTITION
        )
        self._partition_of[symbol] = partition
        return partition


def _late_bars(events: list[Any], latest_ms: int) -> list[Event]:
    return [bar for bar in events if bar.end_ms > latest_ms]


def _late(events: list[Any], latest_ms: int) -> list[Event]:
    return [event for event in events if event.event_ms > latest_ms]


def _late_others(_events: list[Any], _latest_ms: int) -> list[Event]:
    return []  # the time of what is of an unknown type is unknown too


_LATE: dict[MarketClass, Callable[[list[Any], int], list[Event]]] = {
    MarketClass.BARS: _late_bars,
    MarketClass.MINUTES: _late_bars,
    MarketClass.TRADES: _late,
    MarketClass.QUOTES: _late,
    MarketClass.HALTS: _late,
    MarketClass.OTHER: _late_others,
}


_TYPE = re.compile(r'"ev"\s*:\s*"?([^"\\]*)')
_CLASS = {
    "A": MarketClass.BARS,
    "AM": MarketClass.MINUTES,
    "T": MarketClass.TRADES,
    "Q": MarketClass.QUOTES,
    "LULD": MarketClass.HALTS,
}


def count_events(frame: str) -> Counter[MarketClass]:
    """How many market events of each class *frame* holds, without decoding it: for frames that are dropped.

    Malformed events count too: that they are is only known once they are decoded.
    """
    types = Counter(_TYPE.findall(frame))
    del types["status"]
    counts: Counter[MarketClass] = Counter()
    for event_type, count in types.items():
        counts[_CLASS.get(event_type, MarketClass.OTHER)] += count
    return counts
