"""A table that clients follow: every cell knows when it last changed, so any delta can be made at once.

Nothing is queued for anybody. Whoever was at position N is given what changed since N, in one frame, made
once for all that are there: it costs the service the same whether a client takes every update or every tenth.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any
from zlib import crc32

import numpy as np

from schemas.columns import Mask, Numbers, Places, differ
from schemas.widget import Delta, Head, Snap
from services.widgets.cells import cells
from services.widgets.frame import Frame, frame
from services.widgets.listing import Listing, Names, empty
from services.widgets.moves import moved, origins, origins_by_place
from services.widgets.want import Want


_MOST_ORDERS = 128
"""Orders of the rows that are remembered: as many changes of it as somebody may be behind."""
_NEW = -1
"""Version of a row that was not there."""
_MOST_TAKEN = 256
"""Numbers of updates that are remembered: others than these were not seen by this table."""
_CRC_EVERY = 16
_MOST = 0.6
"""Of the rows that changed, those with a new number in a column: from so many on it is given for all of them."""


Find = Callable[[int], Listing | None]


class LiveTable:
    """The table that *want* is, from its first listing on.

    Positions count from 1, or are the numbers of the listings.

    Args:
        want: what it is.
        epoch: of the positions.
        past: the listing that had a number, or None if nobody knows it; None: listings have no numbers.
    """

    def __init__(self, want: Want, epoch: str, past: Find | None = None) -> None:
        self.want = want
        self.epoch = epoch
        self._crc_at = crc32(epoch.encode()) % _CRC_EVERY
        """Tables that change together do not all work out their checksums in the same moment."""
        self.seq = 0
        self.has_ended = False
        """Whether the feed is no longer there."""
        self.has_successor = False
        """Whether it is, and another table has come instead of this one."""
        self._past = past
        self._taken: deque[int] = deque(maxlen=_MOST_TAKEN)
        """Numbers of the listings."""
        self._before = 0
        """Position before the newest."""
        self._updates = 0
        self._head: Head = empty()
        self.received_ms = 0.0
        """When the oldest change of the newest update arrived from the vendor; 0 if nobody says."""
        self.links: Sequence[str] = ()
        """The contexts of what was traced of the newest update; whoever has it updated sets them."""
        self._total = 0
        self._symbols: list[str] = []
        self._places: Places | None = None
        self._names: Names | None = None
        self._numbers = np.empty((len(want.columns), 0))
        self._versions = np.empty((len(want.columns), 0), np.intp)
        self._row_versions = np.empty(0, np.intp)
        """The newest of each row."""
        self._tick = 0
        self._orders: deque[tuple[int, list[str]]] = deque(maxlen=_MOST_ORDERS)
        """Orders of the symbols, and since which position."""
        self._cells = cells(want.columns)
        self._came_from: Places | None = None
        """Where the rows were before the newest update; None where they are."""
        self._deltas: dict[int, Frame] = {}
        self._resumed: dict[int, Frame] = {}
        """With checksums."""
        self._snaps: dict[bool | None, Frame] = {}

    def update(self, listing: Listing, received_ms: float, number: int | None = None) -> bool:
        """Take what the table is now; whether it differs from what it was. *number* is that of the listing, if it has one."""
        if number is not None:
            self._taken.append(number)
        symbols = list(listing.symbols)
        came_from = None if symbols == self._symbols else self._origins(listing)
        versions, row_versions = self._aligned(came_from)
        is_new = row_versions == _NEW
        rows = self._suspects(listing, is_new)
        changed = differ(listing.numbers[:, rows], self._numbers_of(rows, came_from))
        has_changed = changed.any(axis=0) | is_new[rows]
        same = (
            self.seq > 0
            and came_from is None
            and not has_changed.any()
            and (listing.head, listing.total) == (self._head, self._total)
        )
        if same:
            self._tick = listing.tick
            return False
        self._updates += 1
        self._before, self.seq = self.seq, self.seq + 1 if number is None else number
        versions[:, rows] = np.where(changed | is_new[rows], self.seq, versions[:, rows])
        row_versions[rows[has_changed]] = self.seq
        if self._updates == 1 or came_from is not None:
            self._orders.append((self.seq, symbols))
        self._came_from = came_from
        self._symbols, self._numbers = symbols, listing.numbers
        self._versions, self._row_versions = versions, row_versions
        self._places, self._names, self._tick = listing.places, listing.names, listing.tick
        self._head, self._total, self.received_ms = listing.head, listing.total, received_ms
        self._deltas, self._resumed, self._snaps = {}, {}, {}
        return True

    def begin(self, *, recovered: bool | None) -> Frame:
        """A `snap` of all of it."""
        found = self._snaps.get(recovered)
        if found is None:
            found = self._snaps[recovered] = self._snap(recovered)
        return found

    @property
    def is_numbered(self) -> bool:
        """Whether its positions are the numbers of its listings."""
        return self._past is not None

    @property
    def is_known(self) -> bool:
        """Whether there is a first frame."""
        return self.seq > 0

    def is_behind(self, epoch: str, seq: int) -> bool:
        """Whether *seq* of *epoch*, where another process may have been, lies before this one."""
        return self._past is not None and epoch == self.epoch and seq > self._taken[-1]

    def resume(self, epoch: str, seq: int) -> Frame | None:
        """The delta for somebody who was at *seq* of *epoch*; None if that is too long ago, or of another table."""
        if epoch != self.epoch:
            return None
        if self._past is None:
            return self.after(seq)
        found = self._resumed.get(seq)
        if found is None:
            found = self._from_elsewhere(seq, self._past)
            if found is not None:
                self._resumed[seq] = found
        return found

    def after(self, seq: int) -> Frame | None:
        """The delta from *seq* to now; None if that is too long ago."""
        found = self._deltas.get(seq)
        if found is None:
            order = self._order_at(seq)
            if order is None:
                return None
            with_crc = self._updates % _CRC_EVERY == self._crc_at
            found = self._deltas[seq] = self._delta(seq, order, with_crc=with_crc)
        return found

    def missed(self, seq: int) -> int:
        """Updates between *seq* and the newest."""
        if seq >= self._before:
            return 0
        if self._past is None:
            return self.seq - seq - 1
        return sum(each > seq for each in self._taken) - 1

    def _from_elsewhere(self, seq: int, past: Find) -> Frame | None:
        """The delta for somebody who was at the listing *seq* in any process. None if it is not known what that was."""
        order = self._order_at(seq) if seq in self._taken else None
        if order is not None:
            return self._delta(seq, order, with_crc=True)
        listing = past(seq)
        if listing is None:
            return None
        then = LiveTable(self.want, self.epoch, past)
        then.update(listing, 0.0, seq)
        now = Listing(self._head, self._symbols, self._numbers, self._total)
        newest = self._taken[
            -1
        ]  # behind *seq*, which `self.seq` need not be: what changed may have changed back
        if not then.update(now, self.received_ms, newest):
            then._before = then.seq = newest
        return then._delta(seq, list(listing.symbols), with_crc=True)

    def _origins(self, listing: Listing) -> Places:
        """Where each of its rows is now."""
        before, now, names = self._places, listing.places, listing.names
        if before is None or now is None or names is None or names is not self._names:
            return origins(self._symbols, listing.symbols)
        return origins_by_place(before, now, len(names.symbols))

    def _aligned(self, came_from: Places | None) -> tuple[Places, Places]:
        """Versions of the cells and of the rows, which stood at the places *came_from* until now; None: where they are."""
        if came_from is None:
            return self._versions, self._row_versions
        if not self._symbols:
            shape = (len(self.want.columns), len(came_from))
            return np.full(shape, _NEW, np.intp), np.full(len(came_from), _NEW, np.intp)
        row_versions = self._row_versions[came_from]
        row_versions[came_from < 0] = _NEW
        return self._versions.take(came_from, axis=1), row_versions

    def _suspects(self, listing: Listing, is_new: Mask) -> Places:
        """The rows of *listing* that may not be what they were, or are new."""
        if listing.changed_at is None or listing.names is not self._names:
            return np.arange(len(is_new))
        return ((listing.changed_at > self._tick) | is_new).nonzero()[0]

    def _numbers_of(self, rows: Places, came_from: Places | None) -> Numbers:
        """The numbers that the *rows* of now had before; something, of those that are new."""
        if not self._symbols:
            return np.full((len(self.want.columns), len(rows)), np.nan)
        return self._numbers.take(rows if came_from is None else came_from[rows], axis=1)

    def _order_at(self, seq: int) -> list[str] | None:
        newest = self._taken[-1] if self._taken else self.seq
        if not 0 < seq <= newest:
            return None
        for since, order in reversed(self._orders):
            if since <= seq:
                return order
        return None

    def _delta(self, seq: int, order: list[str], *, with_crc: bool = False) -> Frame:
        is_last = self._before <= seq < self.seq
        came_from = self._came_from if is_last else origins(order, self._symbols)
        gone, moves = moved(order, self._symbols, came_from) if came_from is not None else ([], [])
        places = (self._row_versions > seq).nonzero()[0]  # `flatnonzero` costs three times as much
        changed = self._versions.take(places, axis=1) > seq
        rows: list[int] = places.tolist()
        return frame(
            Delta(
                id=0,
                after=seq,
                seq=max(seq, self.seq),
                received_ms=self.received_ms,
                head=self._head,
                gone=gone,
                moves=moves,
                rows=rows,
                cells=self._changes(changed, places, rows),
                total=self._total,
                crc=self.checksum() if with_crc else None,
            )
        )

    def _changes(self, changed: Mask, places: Places, rows: list[int]) -> list[list[Any]]:
        """Cells by column, of the *rows* at *places*: of those in which most have *changed*, all."""
        counts = changed.sum(axis=1)
        lines = counts.nonzero()[0]
        is_dense = counts >= _MOST * len(rows)  # to say which costs more than to say all
        values = self._cells.values(self._numbers[lines[:, np.newaxis], places], lines)
        cells: list[list[Any]] = []
        for line, each in zip(lines.tolist(), values, strict=True):
            if is_dense[line]:
                cells.append([line + 1, each])
            else:
                which = changed[line].tolist()
                cells.append([line + 1, list(compress(each, which)), list(compress(rows, which))])
        return cells

    def _snap(self, recovered: bool | None) -> Frame:
        return frame(
            Snap(
                id=0,
                feed=self.want.feed,
                epoch=self.epoch,
                seq=self.seq,
                received_ms=self.received_ms,
                head=self._head,
                columns=["symbol", *self.want.columns],
                rows=self._rows(),
                total=self._total,
                crc=self.checksum(),
                recovered=recovered,
            )
        )

    def _rows(self) -> list[list[Any]]:
        columns = self._cells.values(self._numbers, np.arange(len(self.want.columns)))
        return list(map(list, zip(self._symbols, *columns, strict=True)))

    def objects(self) -> list[dict[str, Any]]:
        """The rows as objects, best first."""
        names = ("symbol", *self.want.columns)
        return [dict(zip(names, row, strict=True)) for row in self._rows()]

    @property
    def most_cells(self) -> int:
        """How many cells it may have."""
        return self.want.most_cells

    @property
    def size_bytes(self) -> int:
        """About what it costs to keep it, without the frames."""
        orders = 8 * len(self._symbols) * len(self._orders)
        return self._numbers.nbytes + self._versions.nbytes + orders

    @property
    def head(self) -> Head:
        """What it is of."""
        return self._head

    @property
    def total(self) -> int:
        """How many rows there are before some are left out."""
        return self._total

    def checksum(self) -> int:
        """CRC-32 of the table as a client has it, as `schemas.widget` says."""
        return self._cells.checksum(self._symbols, self._numbers)
