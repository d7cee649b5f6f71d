"""The last values of boards: for clients that come with the position of a table which nobody looked at here.

A board that is shown as it is put is the same table in every process. Its positions are the revisions of
its values, in the bucket.
"""

from collections import deque
from hashlib import blake2b
from typing import NamedTuple

from schemas.columns import Columns, Numbers, unknown
from schemas.widget import Head
from services.widgets.listing import OF_BOARD, Listing, Published, holds, of_published
from services.widgets.want import Want


MOST_PAST = 32
"""Eight seconds, as often as boards are put by themselves."""
_MOST_BYTES = 2 << 20
"""Of a board."""


class _Value(NamedTuple):
    revision: int
    head: Head
    symbols: list[str]
    scores: Numbers
    numbers: Numbers
    """What a board holds of its rows, and nothing of what it does not."""


class Past:
    """Of all boards, by their names."""

    def __init__(self) -> None:
        self._epoch: str | None = None
        """Of the bucket; None: values have no revisions."""
        self._values: dict[str, deque[_Value]] = {}

    def begin(self, epoch: str) -> None:
        """The revisions are those of the bucket *epoch* from now on."""
        self._epoch = epoch
        self._values.clear()

    def newest(self, name: str) -> int:
        """The revision of the board *name*; 0 before the first."""
        values = self._values.get(name)
        return values[-1].revision if values else 0

    def keep(self, name: str, revision: int, board: Published) -> None:
        """The next value of the board *name*."""
        values = self._values.setdefault(name, deque(maxlen=MOST_PAST))
        numbers = board.columns.matrix[OF_BOARD]
        values.append(_Value(revision, board.head, board.symbols, board.scores, numbers))
        while len(values) > 1 and len(values) * numbers.nbytes > _MOST_BYTES:
            values.popleft()

    def forget(self, name: str) -> None:
        """The board *name* has ended."""
        self._values.pop(name, None)

    def epoch_of(self, wanted: Want) -> str | None:
        """Of the positions of a table; None if it is not the same in every process."""
        if self._epoch is None or not is_as_put(wanted):
            return None
        view = blake2b(repr(wanted).encode(), digest_size=6).hexdigest()
        return f"{self._epoch}.{view}"

    def listing(self, wanted: Want, revision: int) -> Listing | None:
        """What *wanted* was when its board was put with *revision*; None if that is not known."""
        for value in self._values.get(wanted.feed.removeprefix("board/"), ()):
            if value.revision == revision:
                return of_published(wanted, _board_of(value), None)
        return None


def is_as_put(wanted: Want) -> bool:
    """Whether a table is a board as it is put, whatever the market is: of its own fields, and all of its rows or a window."""
    is_all = wanted.is_board and wanted.is_whole and wanted.top is None
    return is_all and holds(wanted.columns)


def _board_of(value: _Value) -> Published:
    matrix = unknown(len(value.symbols))
    matrix[OF_BOARD] = value.numbers
    return Published(value.head, value.symbols, value.scores, Columns(value.symbols, matrix))
