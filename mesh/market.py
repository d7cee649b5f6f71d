"""The market table: every row, joined without a gap from images and rows batches."""

from collections import deque
from collections.abc import Collection, Iterable
from typing import NamedTuple

from mesh.calendar import SESSIONS
from mesh.leaderboard import Instant
from schemas.leaderboard import Image, PackedRow, RowsBatch


FIRST = 1
"""Number of an owner's first flush, which holds all of its rows."""

_MOST_WAITING = 1000
"""An image comes every few seconds; batches older than that many flushes are in it."""


class Place(NamedTuple):
    """How far a partition's rows are known: an owner's epoch and the number of its flush."""

    epoch: int
    number: int


class _Partition:
    def __init__(self) -> None:
        self.place: Place | None = None
        self.symbols: set[str] = set()
        self.waiting: deque[RowsBatch] = deque(maxlen=_MOST_WAITING)


class MarketTable:
    """All rows by symbol. Batches that follow on are taken at once; the others wait for what lies before them."""

    def __init__(self, partitions: int) -> None:
        self._partitions = [_Partition() for _ in range(partitions)]
        self._rows: dict[str, PackedRow] = {}
        self._newest = ("", 0, 0)
        self.oldest_received_ms = 0.0
        """When the oldest change since the last `take_received_ms` arrived from the vendor; 0 if none did."""

    def rows(self) -> Collection[PackedRow]:
        """Every row, in no order."""
        return self._rows.values()

    def instant(self) -> Instant | None:
        """The newest event of the market; None while there is none."""
        day, event_ms, session = self._newest
        return Instant(day, event_ms, SESSIONS[session]) if day else None

    def take_received_ms(self) -> float:
        """`oldest_received_ms`, which begins anew."""
        oldest_ms, self.oldest_received_ms = self.oldest_received_ms, 0.0
        return oldest_ms

    def apply(self, batch: RowsBatch) -> bool:
        """Take *batch*; whether its partition is complete, or needs an image or the batches before it."""
        partition = self._partitions[batch.partition]
        place = partition.place
        if place is not None and (batch.epoch, batch.number) <= place:
            return True
        if batch.number == FIRST:
            self._clear(partition)
        elif place is None or (batch.epoch, batch.number) != (place.epoch, place.number + 1):
            partition.waiting.append(batch)
            return False
        partition.place = Place(batch.epoch, batch.number)
        if batch.received_ms:
            self.oldest_received_ms = min(
                self.oldest_received_ms or batch.received_ms, batch.received_ms
            )
        self._put(partition, batch.rows)
        return True

    def apply_image(self, image: Image) -> None:
        """Replace the rows of a partition by those of *image*, unless newer ones are known."""
        partition = self._partitions[image.partition]
        place = Place(image.epoch, image.number)
        if partition.place is not None and place < partition.place:
            return
        self._clear(partition)
        partition.place = place
        self._put(partition, image.rows)

    def catch_up(self, number: int, batches: Iterable[RowsBatch]) -> bool:
        """Take *batches* of partition *number*, and then those that wait; whether it is complete now."""
        partition = self._partitions[number]
        waiting = sorted(
            (*batches, *partition.waiting), key=lambda batch: (batch.epoch, batch.number)
        )
        partition.waiting.clear()
        complete = True
        for batch in waiting:
            complete &= self.apply(batch)
        return complete

    def _clear(self, partition: _Partition) -> None:
        for symbol in partition.symbols:
            del self._rows[symbol]
        partition.symbols = set()

    def _put(self, partition: _Partition, rows: Iterable[PackedRow]) -> None:
        for row in rows:
            self._rows[row.symbol] = row
            partition.symbols.add(row.symbol)
            if row.event_ms >= self._newest[1]:
                instant = (row.trading_day, row.event_ms, SESSIONS.index(row.session))
                self._newest = max(self._newest, instant)
