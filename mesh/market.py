"""The market table: every row, joined without a gap from images and rows batches.

The row of the canary (`schemas.naming.CANARY_SYMBOL`) is kept apart from all others, here and nowhere else:
hence it is on no board, in no view of the market and in no count, and its time is not the market's.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from mesh.leaderboard import Instant
from mesh.partition import partition_of
from schemas.columns import (
    Changes,
    Columns,
    Image,
    Places,
    RowsBatch,
    changes_of,
    unknown,
)
from schemas.leaderboard import SESSIONS
from schemas.naming import CANARY_SYMBOL, symbol_token


FIRST = 1
"""Number of an owner's first flush, which holds all of its rows."""

_MOST_WAITING = 1000
"""An image comes every few seconds; batches older than that many flushes are in it."""
_LEAST_ROOM = 64


class Newest:
    """The newest row of each symbol, all in one matrix, which grows by doubling."""

    def __init__(self) -> None:
        self._symbols: list[str] = []
        self._places: dict[str, int] = {}
        self._matrix = unknown(_LEAST_ROOM)

    def __len__(self) -> int:
        return len(self._symbols)

    def columns(self) -> Columns:
        """All rows, in no order; read them before the next change."""
        return Columns(self._symbols, self._matrix[:, : len(self._symbols)])

    def of(self, symbols: Sequence[str]) -> Columns:
        """A copy of the rows of *symbols*, in that order; KeyError for one that is not there."""
        return Columns(symbols, self._matrix[:, self._places_of(symbols)])

    def put(self, columns: Columns) -> None:
        """Put each row in the place of the former one of its symbol."""
        at = self._places_for(columns.symbols)  # which may be in another matrix
        self._matrix[:, at] = columns.matrix

    def exchange(self, columns: Columns) -> Changes:
        """Put each row in the place of the former one of its symbol; how they differ."""
        at = self._places_for(columns.symbols)
        changes = changes_of(columns, self._matrix[:, at])
        self._matrix[:, at] = columns.matrix
        return changes

    def changed(self, changes: Changes) -> Columns:
        """A copy of the rows that changed, as they will be. Raises ValueError if those are no rows."""
        at = [self._places.get(symbol, -1) for symbol in changes.symbols]
        before = self._matrix[:, at]
        before[:, np.array(at, dtype=np.intp) < 0] = np.nan
        return changes.onto(before)

    def remove(self, symbols: Collection[str]) -> None:
        """Forget the rows of *symbols*; the others move together."""
        if not symbols:
            return
        kept = [symbol for symbol in self._symbols if symbol not in symbols]
        matrix = unknown(max(len(kept), _LEAST_ROOM))
        matrix[:, : len(kept)] = self.of(kept).matrix
        self._symbols, self._matrix = kept, matrix
        self._places = {symbol: place for place, symbol in enumerate(kept)}

    def _places_for(self, symbols: Sequence[str]) -> Places:
        """Their places, also of those that have had none."""
        for symbol in symbols:
            if symbol not in self._places:
                self._places[symbol] = len(self._symbols)
                self._symbols.append(symbol)
        room = self._matrix.shape[1]
        if len(self) > room:
            grown = unknown(max(len(self), 2 * room))
            grown[:, :room] = self._matrix
            self._matrix = grown
        return self._places_of(symbols)

    def _places_of(self, symbols: Sequence[str]) -> Places:
        return np.fromiter(map(self._places.__getitem__, symbols), np.intp, len(symbols))


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
    """All rows. Batches that follow on are taken at once; the others wait for what lies before them."""

    def __init__(self, partitions: int) -> None:
        self._partitions = [_Partition() for _ in range(partitions)]
        self._rows = Newest()
        self._canary = Newest()
        self._canary_partition = partition_of(symbol_token(CANARY_SYMBOL), partitions)
        self._newest = (0.0, 0.0, 0.0)
        self._has_changed = False
        """Whether there may be something newer."""
        self.oldest_received_ms = 0.0
        """When the oldest change since the last `take_received_ms` arrived from the vendor; 0 if none did."""

    def columns(self) -> Columns:
        """Every row of the market, in no order; read them before anything else is applied."""
        return self._rows.columns()

    def canary(self) -> Columns:
        """The row of the canary; none before there is one. Read it before anything else is applied."""
        return self._canary.columns()

    def instant(self) -> Instant | None:
        """The newest event of the market; None while there is none."""
        if self._has_changed:
            self._has_changed = False
            self._newest = max(self._newest, _newest(self.columns()))
        day, event_ms, session = map(int, self._newest)
        if not day:
            return None
        return Instant(date.fromordinal(day).isoformat(), event_ms, SESSIONS[session])

    def take_received_ms(self) -> float:
        """`oldest_received_ms`, which begins anew."""
        oldest_ms, self.oldest_received_ms = self.oldest_received_ms, 0.0
        return oldest_ms

    def apply(self, batch: RowsBatch) -> bool:
        """Take *batch*; whether its partition is complete, or needs an image or the batches before it.

        Raises:
            ValueError: it is malformed; nothing was changed.
        """
        partition = self._partitions[batch.partition]
        place = partition.place
        if place is not None and (batch.epoch, batch.number) <= place:
            return True
        is_first = batch.number == FIRST
        if not is_first and (
            place is None or (batch.epoch, batch.number) != (place.epoch, place.number + 1)
        ):
            batch.changes()
            partition.waiting.append(batch)
            return False
        changes, of_canary = self._apart(batch)
        columns = _whole(changes) if is_first else self._rows.changed(changes)
        if of_canary is not None:
            self._canary.put(_whole(of_canary) if is_first else self._canary.changed(of_canary))
        if is_first:
            self._remove_others(partition, columns)
        partition.place = Place(batch.epoch, batch.number)
        if batch.received_ms:
            self.oldest_received_ms = min(
                self.oldest_received_ms or batch.received_ms, batch.received_ms
            )
        self._put(partition, columns)
        return True

    def apply_image(self, image: Image) -> None:
        """Replace the rows of a partition by those of *image*, unless newer ones are known.

        Raises:
            ValueError: it is malformed; nothing was changed.
        """
        partition = self._partitions[image.partition]
        place = Place(image.epoch, image.number)
        if partition.place is not None and place < partition.place:
            return
        columns = image.columns()
        if CANARY_SYMBOL in columns.symbols:
            which = np.array([symbol == CANARY_SYMBOL for symbol in columns.symbols])
            self._canary.put(columns.take(np.flatnonzero(which)))
            columns = columns.take(np.flatnonzero(~which))
        self._remove_others(partition, columns)
        partition.place = place
        self._put(partition, columns)

    def catch_up(self, number: int, batches: Iterable[RowsBatch]) -> bool:
        """Take *batches* of partition *number*, and then those that wait; whether it is complete now.

        One that is malformed leaves it incomplete: an image will come that is newer.
        """
        partition = self._partitions[number]
        waiting = sorted(
            (*batches, *partition.waiting), key=lambda batch: (batch.epoch, batch.number)
        )
        partition.waiting.clear()
        complete = True
        for batch in waiting:
            try:
                complete &= self.apply(batch)
            except ValueError:
                complete = False
        return complete

    def _apart(self, batch: RowsBatch) -> tuple[Changes, Changes | None]:
        """The changes of the market in *batch*, and those of the canary. Raises ValueError if they are none."""
        changes = batch.changes()
        if batch.partition != self._canary_partition or CANARY_SYMBOL not in changes.symbols:
            return changes, None
        which = np.array([symbol == CANARY_SYMBOL for symbol in changes.symbols])
        return changes.take(np.flatnonzero(~which)), changes.take(np.flatnonzero(which))

    def _remove_others(self, partition: _Partition, columns: Columns) -> None:
        """Remove the rows of *partition* that *columns* have none of: these are all that it has now."""
        gone = partition.symbols.difference(columns.symbols)
        partition.symbols -= gone
        self._rows.remove(gone)

    def _put(self, partition: _Partition, columns: Columns) -> None:
        if columns:
            partition.symbols.update(columns.symbols)
            self._rows.put(columns)
            self._has_changed = True


def _whole(changes: Changes) -> Columns:
    """The rows that *changes* are, of nothing that was known before. Raises ValueError if those are no rows."""
    return changes.onto(unknown(len(changes.symbols)))


def _newest(columns: Columns) -> tuple[float, float, float]:
    """The greatest trading day, event time and session of *columns*, in that order."""
    days, events, sessions = columns.trading_day, columns.event_ms, columns.session
    day = days.max()
    event_ms = events[days == day].max()
    session = sessions[(days == day) & (events == event_ms)].max()
    return float(day), float(event_ms), float(session)
