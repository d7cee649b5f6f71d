"""The numbers of the batches of one producer, and how far it has come with each partition."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from schemas.market import Position, ProducerPositions
from schemas.naming import MarketClass


class Numbers:
    """Counts batches and events of each class and partition from 0. *epoch* is that of the producer."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self._batches: Counter[tuple[MarketClass, int]] = Counter()
        self._events: Counter[tuple[MarketClass, int]] = Counter()

    def next(self, market_class: MarketClass, partition: int) -> tuple[int, int]:
        """The number of the next batch, and how many events there were before it."""
        key = (market_class, partition)
        return self._batches[key], self._events[key]

    def count(self, market_class: MarketClass, partition: int, events: int) -> None:
        """The next batch, with so many *events*, is published."""
        key = (market_class, partition)
        self._batches[key] += 1
        self._events[key] += events

    def heads(self) -> Iterator[ProducerPositions]:
        """How far each partition is, of those of which there is anything."""
        by_partition: dict[int, dict[str, Position]] = defaultdict(dict)
        for (market_class, partition), batches in self._batches.items():
            position = Position(self.epoch, batches - 1, self._events[market_class, partition])
            by_partition[partition][str(market_class)] = position
        for partition, positions in by_partition.items():
            yield ProducerPositions(partition, positions)
