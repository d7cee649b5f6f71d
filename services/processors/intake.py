"""Batches that wait for their owner: bounded, and beyond the bound the oldest go, for fresh beats complete."""

from collections import deque
from typing import NamedTuple

from schemas.market import BatchHead
from schemas.naming import MarketClass


class Arrived(NamedTuple):
    """A batch whose events are not decoded yet."""

    market_class: MarketClass
    head: BatchHead
    size_bytes: int
    parent: str | None = None
    """The context of the span that it was sent in, if it is traced."""


class Intake:
    """A queue of batches in the order of arrival, of which those of halts are dropped last.

    Args:
        most_bytes: what may wait; None for a lossless feed, whose producer bounds it.
    """

    def __init__(self, most_bytes: int | None) -> None:
        self.dropped: dict[MarketClass, tuple[int, int]] = {}
        """The newest batch that was dropped of each class: its epoch and number."""
        self.arrived = 0
        """How many batches there were so far."""
        self.peak_bytes = 0
        """The most that ever waited."""
        self._most_bytes = most_bytes
        self._waiting: deque[Arrived] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """How much waits."""
        return self._bytes

    def put(self, arrived: Arrived) -> None:
        """Add a batch at the end; what is too much goes at the front."""
        self.arrived += 1
        self._waiting.append(arrived)
        self._bytes += arrived.size_bytes
        while self._most_bytes is not None and self._bytes > self._most_bytes:
            oldest = self._drop()
            self.dropped[oldest.market_class] = (oldest.head.epoch, oldest.head.number)
        self.peak_bytes = max(self.peak_bytes, self._bytes)

    def first(self) -> Arrived | None:
        """The oldest batch, which stays; None if none waits."""
        return self._waiting[0] if self._waiting else None

    def pop(self) -> Arrived:
        """Take the oldest batch out."""
        oldest = self._waiting.popleft()
        self._bytes -= oldest.size_bytes
        return oldest

    def _drop(self) -> Arrived:
        """Take out the oldest batch that is not of halts: a pause is not said again, and they are few."""
        for place, each in enumerate(self._waiting):
            if each.market_class is not MarketClass.HALTS:
                del self._waiting[place]
                self._bytes -= each.size_bytes
                return each
        return self.pop()

    def is_dropped(self, market_class: MarketClass, epoch: int, number: int) -> bool:
        """Whether the batch was among those dropped (or before one): it is not asked for again."""
        return (epoch, number) <= self.dropped.get(market_class, (0, -1))
