"""The last values of a board: for clients that come with the position of a table which nobody looked at here."""

from collections import deque
from typing import NamedTuple

from schemas.columns import Columns, Numbers, unknown
from schemas.widget import Head
from services.widgets.listing import OF_BOARD, Published


MOST_PAST = 32
"""Eight seconds, as often as boards are put by themselves."""
_MOST_BYTES = 2 << 20


class _Value(NamedTuple):
    revision: int
    head: Head
    symbols: list[str]
    scores: Numbers
    numbers: Numbers
    """What a board holds of its rows, and nothing of what it does not."""


class Past:
    """Of one board, by the revisions of its bucket: equal ones are equal values in every process."""

    def __init__(self) -> None:
        self.newest = 0
        """0 before the first."""
        self._values: deque[_Value] = deque(maxlen=MOST_PAST)

    def keep(self, revision: int, board: Published) -> None:
        """The next value."""
        self.newest = revision
        numbers = board.columns.matrix[OF_BOARD]
        self._values.append(_Value(revision, board.head, board.symbols, board.scores, numbers))
        while len(self._values) > 1 and len(self._values) * numbers.nbytes > _MOST_BYTES:
            self._values.popleft()

    def at(self, revision: int) -> Published | None:
        """The value that *revision* was; None if it is not known any more, or was of another board."""
        for value in self._values:
            if value.revision == revision:
                matrix = unknown(len(value.symbols))
                matrix[OF_BOARD] = value.numbers
                columns = Columns(value.symbols, matrix)
                return Published(value.head, value.symbols, value.scores, columns)
        return None
