"""Vendor frames cut into batches by class and partition."""

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


class Lot(NamedTuple):
    """Events of one class and partition that wait for their batch."""

    market_class: MarketClass
    partition: int
    received_ms: float
    """When the oldest of them arrived."""
    events: list[Event]


class Splitter:
    """Collects frames into lots. Events of a lot stand in the order in which they arrived."""

    def __init__(self, partitions: int) -> None:
        self.received: Counter[MarketClass] = Counter()
        """Well-formed events, by class."""
        self.rejected = 0
        """Malformed events."""
        self.waiting = 0
        """Events in lots that were not taken yet."""
        self._partitions = partitions
        self._partition_of: dict[str | None, int] = {None: 0}
        self._lots: dict[MarketClass, dict[int, list[Event]]] = {}
        self._routes: dict[type, tuple[Convert, dict[int, list[Event]]]] = {}
        self._oldest_ms = 0.0
        self._begin()

    def add(self, frame: str, received_ms: float) -> list[Status]:
        """Take the events of *frame*, and give back what the server says about the connection."""
        events, rejected = decode_frame(frame)
        self.rejected += rejected
        self._oldest_ms = self._oldest_ms or received_ms
        statuses: list[Status] = []
        routes, partitions = self._routes, self._partition_of
        for vendor_event in events:
            route = routes.get(type(vendor_event))
            if route is None:
                statuses.append(cast("Status", vendor_event))
                continue
            convert, lots = route
            event = convert(vendor_event)
            partition = partitions.get(event.symbol)
            if partition is None:
                partition = self._learn(event.symbol or "")
            try:
                lots[partition].append(event)
            except KeyError:
                if partition == NO_PARTITION:
                    self.rejected += 1
                    continue
                lots[partition] = [event]
            self.waiting += 1
        return statuses

    def take(self) -> list[Lot]:
        """All lots that wait, and none waits any more."""
        taken = [
            Lot(market_class, partition, self._oldest_ms, events)
            for market_class, lots in self._lots.items()
            for partition, events in lots.items()
        ]
        for lot in taken:
            self.received[lot.market_class] += len(lot.events)
        self._begin()
        return taken

    def _begin(self) -> None:
        self._lots = {market_class: {} for market_class in MarketClass}
        self._routes = {
            kind: (convert, self._lots[market_class])
            for kind, (market_class, convert) in CONVERT.items()
        }
        self._oldest_ms = 0.0
        self.waiting = 0

    def _learn(self, symbol: str) -> int:
        """The partition of a symbol that is new."""
        partition = (
            partition_of(symbol_token(symbol), self._partitions)
            if is_symbol(symbol)
            else NO_PARTITION
        )
        self._partition_of[symbol] = partition
        return partition


_EV = {
    MarketClass.BARS: '"ev":"A"',
    MarketClass.MINUTES: '"ev":"AM"',
    MarketClass.TRADES: '"ev":"T"',
    MarketClass.QUOTES: '"ev":"Q"',
    MarketClass.HALTS: '"ev":"LULD"',
}


def count_events(frame: str) -> Counter[MarketClass]:
    """How many market events of each class *frame* holds, without decoding it: for frames that are dropped."""
    counts = Counter({market_class: frame.count(mark) for market_class, mark in _EV.items()})
    counts[MarketClass.OTHER] = frame.count('"ev":') - counts.total() - frame.count('"ev":"status"')
    return +counts
