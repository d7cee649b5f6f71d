"""The last batches of a live feed, for owners that missed some.

What was with the broker, or in the kernel, when a connection broke is in no stream and reached
nobody. Bounded in age and in bytes; whichever comes first, the oldest batch over all goes.
"""

from collections import defaultdict, deque

from schemas.naming import MarketClass
from services.listener.window import Sent


class Ring:
    """The batches published last. Times are seconds of any clock that only grows."""

    def __init__(self, most_bytes: int, most_age_s: float) -> None:
        self.bytes = 0
        """Of the payloads held."""
        self._most_bytes = most_bytes
        self._most_age_s = most_age_s
        self._order: deque[tuple[float, Sent]] = deque()
        self._sent: dict[tuple[MarketClass, int], deque[Sent]] = defaultdict(deque)

    def add(self, sent: Sent, now_s: float) -> None:
        """A batch is about to be published; what is too old, or too much, is forgotten."""
        self._order.append((now_s, sent))
        self._sent[sent.market_class, sent.partition].append(sent)
        self.bytes += len(sent.payload)
        before_s = now_s - self._most_age_s
        while self._order and (self.bytes > self._most_bytes or self._order[0][0] < before_s):
            oldest = self._order.popleft()[1]
            self._sent[oldest.market_class, oldest.partition].popleft()
            self.bytes -= len(oldest.payload)

    def held(self, market_class: MarketClass, partition: int, first: int, last: int) -> list[bytes]:
        """The batches from number *first* to *last*, inclusive, as far as they are here, in order."""
        queue = self._sent.get((market_class, partition), ())
        return [sent.payload for sent in queue if first <= sent.number <= last]
