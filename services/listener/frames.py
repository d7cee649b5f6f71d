"""Vendor frames cut into batches by class and partition."""

from collections import Counter
from typing import NamedTuple

from mesh.partition import partition_of
from schemas.market import Event
from schemas.massive import CONVERT, Status, decode_frame
from schemas.naming import MarketClass, is_symbol, symbol_token


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
        self._partition_of: dict[str, int] = {}
        self._lots: dict[tuple[MarketClass, int], list[Event]] = {}
        self._oldest_ms = 0.0

    def add(self, frame: str, received_ms: float) -> list[Status]:
        """Take the events of *frame*, and give back what the server says about the connection."""
        events, rejected = decode_frame(frame)
        self.rejected += rejected
        self._oldest_ms = self._oldest_ms or received_ms
        statuses: list[Status] = []
        lots, partitions = self._lots, self._partition_of
        for vendor_event in events:
            if isinstance(vendor_event, Status):
                statuses.append(vendor_event)
                continue
            market_class, convert = CONVERT[type(vendor_event)]
            event = convert(vendor_event)
            partition = partitions.get(event.symbol or "")
            if partition is None:
                partition = self._learn(event.symbol or "")
            if partition < 0:
                self.rejected += 1
                continue
            lot = lots.get((market_class, partition))
            if lot is None:
                lots[market_class, partition] = [event]
            else:
                lot.append(event)
            self.waiting += 1
        return statuses

    def take(self) -> list[Lot]:
        """All lots that wait, and none waits any more."""
        lots, self._lots = self._lots, {}
        oldest_ms, self._oldest_ms = self._oldest_ms, 0.0
        self.waiting = 0
        taken = [Lot(*key, oldest_ms, events) for key, events in lots.items()]
        for lot in taken:
            self.received[lot.market_class] += len(lot.events)
        return taken

    def _learn(self, symbol: str) -> int:
        """The partition of a new symbol; −1 if it cannot be one; 0 for an event without a symbol."""
        partition = 0
        if symbol:
            partition = (
                partition_of(symbol_token(symbol), self._partitions) if is_symbol(symbol) else -1
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
