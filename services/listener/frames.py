"""Vendor frames cut into batches by class and partition."""

import re
from collections import Counter
from collections.abc import Callable
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, cast

from msgspec import Raw

from mesh.meters import Distribution
from mesh.partition import partition_of
from schemas.market import Event
from schemas.massive import CONVERT, Status, decode_frame
from schemas.naming import MarketClass, is_symbol, symbol_token
from schemas.wire import msgpack_items, msgpack_list


NO_PARTITION = -1
"""Of what cannot be a symbol."""

Convert = Callable[[Any], Event]
_MOST_AHEAD_MS = 86_400_000
_LIVE_MS = 3_600_000
"""What is older when it comes is no news of a market that is open: how late it is says nothing."""
_ENCODED_AT_ONCE = 1500
"""A third of a batch of all partitions: fewer cost more calls, more leave the processor's cache."""


class Lot(NamedTuple):
    """Events of one class and partition that wait for their batch."""

    market_class: MarketClass
    partition: int
    received_ms: float
    """When the oldest of them arrived."""
    events: int
    encoded: Raw
    """The list of them in msgpack."""


class _Waiting:
    """A lot that grows."""

    __slots__ = ("events", "items", "received_ms")

    def __init__(self, received_ms: float) -> None:
        self.received_ms = received_ms
        self.events = 0
        self.items = bytearray()


class Splitter:
    """Collects frames into lots. Events of a lot stand in the order in which they arrived.

    Events are encoded and let go before a batch is complete, while they are in the processor's
    cache: objects that wait until it is sent cost more than their encoding.

    Args:
        partitions: how many there are.
        live: refuse what is dated more than a day after it arrived. One such event ends the
            trading day of everything that reads the tape, for good. A recorded tape is not
            compared with the clock.
        lag: how late the oldest event of each batch came is recorded here, if it is of the last hour.
    """

    def __init__(
        self, partitions: int, *, live: bool = False, lag: Distribution | None = None
    ) -> None:
        self.received: Counter[MarketClass] = Counter()
        """Well-formed events, by class."""
        self.rejected = 0
        """Events that were malformed, contradicted themselves or, if live, lie in the future."""
        self.waiting = 0
        """Events in lots that were not taken yet."""
        self._partitions = partitions
        self._partition_of: dict[str | None, int] = {None: 0}
        self._live = live
        self._lag = lag
        self._unencoded = 0
        self._events: dict[MarketClass, dict[int, list[Event]]] = {
            market_class: {} for market_class in MarketClass
        }
        self._lots: dict[tuple[MarketClass, int], _Waiting] = {}
        self._routes = {
            kind: (convert, self._events[market_class])
            for kind, (market_class, convert) in CONVERT.items()
        }

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
        added = len(events) - len(statuses) - refused
        self.waiting += added
        self._unencoded += added
        if self._unencoded >= _ENCODED_AT_ONCE:
            self._encode()
        return statuses

    def take(self) -> list[Lot]:
        """All lots that wait, by class and partition, and none waits any more."""
        self._encode()
        lots, self._lots = self._lots, {}
        self.waiting = 0
        taken = [
            Lot(*key, lot.received_ms, lot.events, msgpack_list(lot.events, lot.items))
            for key, lot in sorted(lots.items(), key=itemgetter(0))
            if lot.events
        ]
        for each in taken:
            self.received[each.market_class] += each.events
        return taken

    def _encode(self) -> None:
        self._unencoded = 0
        for market_class, by_partition in self._events.items():
            for partition, found in by_partition.items():
                lot = self._lots[market_class, partition]
                events = self._without_future(market_class, found, lot) if self._live else found
                lot.events += len(events)
                lot.items += msgpack_items(events)
            by_partition.clear()

    def _without_future(
        self, market_class: MarketClass, events: list[Event], lot: _Waiting
    ) -> list[Event]:
        latest_ms = int(lot.received_ms) + _MOST_AHEAD_MS
        late = _LATE[market_class](events, latest_ms)
        if not late:
            return events
        self.rejected += len(late)
        self.waiting -= len(late)
        left_out = set(map(id, late))
        return [event for event in events if id(event) not in left_out]

    def _place(self, market_class: MarketClass, event: Event, received_ms: float) -> bool:
        """Put what is the first of its symbol or of its lot into it; whether there is a place for it at all."""
        partition = self._partition_of.get(event.symbol)
        if partition is None:
            partition = self._learn(event.symbol or "")
        if partition == NO_PARTITION:
            return False
        if (market_class, partition) not in self._lots:
            self._lots[market_class, partition] = _Waiting(received_ms)
            if self._lag is not None and market_class in _EVENT_MS:
                late_ms = received_ms - _EVENT_MS[market_class](event)
                if late_ms < _LIVE_MS:
                    self._lag.record(late_ms / 1000)
        self._events[market_class].setdefault(partition, []).append(event)
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


_EVENT_MS: dict[MarketClass, Callable[[Any], float]] = {
    MarketClass.BARS: attrgetter("end_ms"),
    MarketClass.MINUTES: attrgetter("end_ms"),
    MarketClass.TRADES: attrgetter("event_ms"),
    MarketClass.QUOTES: attrgetter("event_ms"),
    MarketClass.HALTS: attrgetter("event_ms"),
}
"""When an event happened, by the vendor's clock."""

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
