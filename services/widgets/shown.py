"""The rows of a market as anybody is shown them: rounded once for all tables, and dated, so that these look at few of them.

A table of a few hundred rows has tens of thousands of cells, of which a tick changes a tenth. To
round and compare all of them for each table cost more than everything else that a tick costs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from schemas.columns import FIELDS, Columns, Numbers, Places, differ
from services.widgets.cells import Cells


_CELLS = Cells(FIELDS)
_SCORE = Cells(("score",))


class Shown(NamedTuple):
    """The numbers of all rows as they are shown, a place for each row, and at which tick each row was last another."""

    numbers: Numbers
    changed_at: Places | None
    """None: not known, any may be."""
    tick: int
    """Grows."""


def shown(columns: Columns) -> Shown:
    """Rows of which nothing was known before."""
    return Shown(_CELLS.rounded(columns.matrix), None, 0)


class Scored(NamedTuple):
    """The scores of all rows on a board: as they order it, as they are shown, and at which tick each was last another."""

    exact: Numbers
    shown: Numbers
    changed_at: Places


def scored(scores: Numbers) -> Scored:
    """Scores of which nothing was known before."""
    return Scored(scores, _rounded(scores), np.zeros(len(scores), np.intp))


def _rounded(scores: Numbers) -> Numbers:
    found: Numbers = _SCORE.rounded(scores[np.newaxis])[0]
    return found


class Showing:
    """A market, from tick to tick. The columns that it is given may change under its hands; what it gives does not until the next."""

    def __init__(self) -> None:
        self._tick = 0
        self._symbols: Sequence[str] | None = None
        self._raw = np.empty((len(FIELDS), 0), np.int64)
        self._numbers = np.empty((len(FIELDS), 0))
        self._changed_at = np.empty(0, np.intp)
        self._scores: dict[str, Scored] = {}

    def take(self, columns: Columns) -> Shown:
        """All rows as they are now. A list of symbols that was given before has not changed since."""
        self._tick += 1
        bits = columns.matrix.view(np.int64)  # nothing is like nothing, in bits
        if self._symbols is not columns.symbols:
            self._symbols = columns.symbols
            self._raw, self._scores = bits.copy(), {}
            self._numbers = _CELLS.rounded(columns.matrix)
            self._changed_at = np.full(len(columns), self._tick, np.intp)
        else:
            places = np.flatnonzero((bits != self._raw).any(axis=0))
            self._raw[:, places] = bits[:, places]
            self._numbers[:, places] = _CELLS.rounded(columns.matrix[:, places])
            self._changed_at[places] = self._tick
        return Shown(self._numbers, self._changed_at, self._tick)

    def scored(self, name: str, scores: Numbers) -> Scored:
        """The *scores* of all rows on the board *name* at this tick."""
        before, rounded = self._scores.get(name), _rounded(scores)
        changed_at = np.full(len(scores), self._tick, np.intp)
        if before is not None:
            changed_at = np.where(differ(rounded, before.shown), self._tick, before.changed_at)
        found = self._scores[name] = Scored(scores, rounded, changed_at)
        return found
