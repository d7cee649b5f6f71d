"""The window of a lossless feed: batches that no owner's checkpoint covers yet.

While the window is full nothing more is published, so the feed is held back. What the owner of a
partition has lost (it was killed, the broker was) is sent again, with the same numbers: everything
that is not covered, as soon as another owner reports, or after a while without progress.
"""

from collections import defaultdict, deque

import msgspec

from schemas.market import OwnerPositions, Position
from schemas.naming import MarketClass


class Sent(msgspec.Struct, frozen=True, gc=False):
    """A batch that was published; tens of thousands of them are held, so the garbage collector does not look."""

    market_class: MarketClass
    partition: int
    number: int
    events: int
    payload: bytes


class Window:
    """What is on its way. Times are seconds of any clock that only grows."""

    def __init__(self, epoch: int, patience_s: float) -> None:
        self.events = 0
        """Events on their way."""
        self._epoch = epoch
        self._patience_s = patience_s
        self._sent: dict[int, dict[MarketClass, deque[Sent]]] = defaultdict(dict)
        self._owners: dict[int, str] = {}
        self._moved_s: dict[int, float] = {}

    def add(self, sent: Sent, now_s: float) -> None:
        """A batch was published."""
        queues = self._sent[sent.partition]
        if not any(queues.values()):
            self._moved_s[sent.partition] = now_s
        queues.setdefault(sent.market_class, deque()).append(sent)
        self.events += sent.events

    def on_report(self, report: OwnerPositions, now_s: float) -> list[Sent]:
        """Let go what the owner's checkpoint covers; the batches to send again if the owner is a new one."""
        freed = sum(
            self._free(queue, report.positions.get(market_class))
            for market_class, queue in self._sent[report.partition].items()
        )
        is_new = self._owners.get(report.partition) not in (None, report.owner)
        self._owners[report.partition] = report.owner
        if freed or is_new:
            self._moved_s[report.partition] = now_s
        self.events -= freed
        return self._all(report.partition) if is_new else []

    def overdue(self, now_s: float) -> list[Sent]:
        """Batches to send again, because their partition has made no progress for too long."""
        late = [
            partition
            for partition, moved_s in self._moved_s.items()
            if now_s - moved_s > self._patience_s and any(self._sent[partition].values())
        ]
        for partition in late:
            self._moved_s[partition] = now_s
        return [sent for partition in late for sent in self._all(partition)]

    def held(self, market_class: MarketClass, partition: int, first: int, last: int) -> list[bytes]:
        """The batches from number *first* to *last*, inclusive, as far as they are here, in order."""
        queue = self._sent[partition].get(market_class, ()) if partition in self._sent else ()
        return [sent.payload for sent in queue if first <= sent.number <= last]

    def _free(self, queue: deque[Sent], covered: Position | None) -> int:
        freed = 0
        if covered is None or covered.epoch != self._epoch:
            return 0
        while queue and queue[0].number <= covered.number:
            freed += queue.popleft().events
        return freed

    def _all(self, partition: int) -> list[Sent]:
        return [sent for queue in self._sent[partition].values() for sent in queue]
