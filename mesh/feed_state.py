"""What a client of the Widget Data Service knows of a feed: frames in, a table or a sequence out.

Protocol 1 and the checksum are described in `schemas.widget`. The service uses `checksum` as well.
"""

import zlib
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Raw

from schemas.widget import Delta, Event, Head, Snap


_LITTLE = np.dtype("<f8")
_NULL = b"\xff" * 8
_NAN = float("nan")

Column = Sequence[Any] | npt.NDArray[np.float64]


def checksum(symbols: Sequence[str], columns: Iterable[Column]) -> int:
    """The `crc` of a table.

    Args:
        symbols: in the order of the rows.
        columns: the others, one after the other: of each the cells in the order of the rows, as
            numbers, texts and None, or as doubles. What is not finite counts as None, as JSON has it.
    """
    names = "".join(chain.from_iterable(zip(symbols, repeat("\n")))).encode()
    return zlib.crc32(b"".join(map(_packed, columns)), zlib.crc32(names))


def _packed(column: Column) -> bytes:
    if isinstance(column, np.ndarray):
        numbers = column.astype(_LITTLE)
    else:
        try:  # not by numpy: it would take the text "5" for a number
            doubles = array("d", [_NAN if cell is None else cell for cell in column])
        except TypeError:
            return b"".join(map(_packed_cell, column))
        numbers = np.array(doubles, _LITTLE)
    numbers.view(np.int64)[~np.isfinite(numbers)] = -1
    return numbers.tobytes()


def _packed_cell(cell: Any) -> bytes:
    if cell is None:
        return _NULL
    return cell.encode() + b"\n" if isinstance(cell, str) else _packed((cell,))


class TableState:
    """A table as the service has it, as far as the frames that were taken go.

    The state changes in place: who keeps a part of it beyond the next frame copies it.
    """

    def __init__(self) -> None:
        self.columns: list[str] = []
        self.symbols: list[str] = []
        """Best row first."""
        self.rows: dict[str, list[Any]] = {}
        """Cells in the order of `columns`, so the symbol first; the order of the keys means nothing."""
        self.head = Head("", "", 0)
        self.epoch = ""
        """Empty before the first snap."""
        self.seq = 0
        self.total = 0
        """Rows there are before `top` and `window` leave some out."""
        self.received_ms = 0.0
        """When the newest change arrived from the vendor, by the service's clock; 0 if that is not known."""
        self.lost = True
        """Whether only a snap helps: before the first, and after a frame that cannot be right."""
        self.diverged = 0
        """Frames that did not fit the table or its checksum."""

    def on_snap(self, snap: Snap) -> None:
        """Begin with *snap*; `lost` if its checksum says that it is not what was sent."""
        whole = [row for row in snap.rows if row and len(row) == len(snap.columns)]
        self.columns, self.epoch = snap.columns, snap.epoch
        self.symbols = [row[0] for row in whole]
        self.rows = {row[0]: row for row in whole}
        self.lost = False
        self._end(snap, fits=len(self.rows) == len(snap.rows))

    def on_delta(self, delta: Delta) -> bool:
        """Take *delta*; False if it does not follow, and nothing was applied.

        True says that it was applied, not that the table is right: a frame that does not fit, or
        whose checksum does not, leaves it `lost`.
        """
        if self.lost or delta.after != self.seq:
            return False
        gone = all(self.rows.pop(symbol, None) is not None for symbol in delta.gone)
        fits = self._reorder(delta) and all(self._change(delta.rows, each) for each in delta.cells)
        self._end(delta, fits=fits and gone)
        return True

    def crc(self) -> int:
        """The checksum of the table as it is."""
        rows = [self.rows[symbol] for symbol in self.symbols]
        return checksum(self.symbols, list(zip(*rows, strict=True))[1:])

    def _reorder(self, delta: Delta) -> bool:
        """Whether every row has a place then."""
        if delta.gone or delta.moves:
            moved = {symbol for _, symbol in delta.moves}
            moved.update(delta.gone)
            self.symbols = [symbol for symbol in self.symbols if symbol not in moved]
        for place, symbol in delta.moves:
            if place > len(self.symbols):
                return False
            self.symbols.insert(place, symbol)
            if symbol not in self.rows:
                self.rows[symbol] = [symbol] + [None] * (len(self.columns) - 1)
        return len(self.symbols) == len(self.rows)

    def _change(self, rows: list[int], cells: list[Any]) -> bool:
        """Whether there is a cell for every value."""
        column, values, places = [*cells, rows][:3]
        if not 0 < column < len(self.columns) or len(places) != len(values):
            return False
        for place, value in zip(places, values, strict=True):
            if not 0 <= place < len(self.symbols):
                return False
            self.rows[self.symbols[place]][column] = value
        return True

    def _end(self, frame: Snap | Delta, *, fits: bool) -> None:
        self.seq, self.total, self.head = frame.seq, frame.total, frame.head
        self.received_ms = frame.received_ms
        if not fits or (frame.crc is not None and frame.crc != self.crc()):
            self.lost = True
            self.diverged += 1


class SequenceState:
    """The newest values of a sequence, as encoded, and how far it is known."""

    def __init__(self, keep: int = 1000) -> None:
        self.values: deque[Raw] = deque(maxlen=keep)
        """Oldest first."""
        self.epoch = ""
        """Empty before the first frame."""
        self.seq = 0
        self.lost = True
        """Whether only a frame that begins anew helps."""

    def on_event(self, event: Event) -> bool:
        """Take *event*; False if it does not follow, and nothing was applied.

        One that begins anew is always taken, and leaves none of the values before it.
        """
        if event.after == 0:
            if (event.epoch, event.after) != (self.epoch, self.seq):
                self.values.clear()
        elif self.lost or (event.epoch, event.after) != (self.epoch, self.seq):
            return False
        self.lost = False
        self.epoch, self.seq = event.epoch, event.seq
        self.values.extend(value.copy() for value in event.values)  # else each would keep its frame
        return True
