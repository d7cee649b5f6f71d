"""Leaderboards: a score over rows, and the ranking of a whole market by it."""

from collections.abc import Callable
from datetime import date
from itertools import count
from typing import NamedTuple

import numpy as np

from schemas.columns import Columns, Mask, Numbers, Places, columns_of
from schemas.leaderboard import Board, RankedRow, Row
from schemas.naming import is_board_name


Score = Callable[[Columns], Numbers]
"""The score of each row: greater is better, NaN or infinite is off the board. Pure, and by columns."""


class Instant(NamedTuple):
    """Where the tape is."""

    trading_day: str
    event_ms: int
    session: str


class Leaderboard(NamedTuple):
    """A board as a value; its name is also its key and its subject."""

    name: str
    score: Score
    max_age_s: float | None = None
    """Rows whose newest event is further behind the newest of the market are off the board: for scores
    that are about the last minutes. None: the whole day."""

    def scores(self, columns: Columns, instant: Instant) -> Numbers:
        """The score of each row, NaN for those that are off the board at *instant*: of another day, or too old."""
        day = date.fromisoformat(instant.trading_day).toordinal()
        with np.errstate(all="ignore"):  # what cannot be computed is off the board
            scores = self.score(columns)
        is_on = columns.trading_day == day
        if self.max_age_s is not None:
            is_on &= columns.event_ms >= instant.event_ms - self.max_age_s * 1000
        return np.where(is_on, scores, np.nan)

    def above(self, min_usd: float, min_shares: float) -> "Leaderboard":
        """This board for rows whose price and volume are not below; a floor of 0 lets unknown ones through."""

        def floored(columns: Columns) -> Numbers:
            scores = self.score(columns)
            if min_usd > 0.0:
                scores = np.where(columns.last_usd >= min_usd, scores, np.nan)
            if min_shares > 0.0:
                scores = np.where(columns.volume_shares >= min_shares, scores, np.nan)
            return scores

        return self._replace(score=floored)


_UNKNOWN = columns_of([Row("A", "2024-10-02", "regular", 1)])


def checked(board: Leaderboard, module: str) -> Leaderboard:
    """*board*, if it is named like the *module* that declares it (`low_float` declares `low-float`).

    Raises:
        ValueError: it is named otherwise, the name cannot be a key, or its score is not one number for each row.
        AttributeError: its score looks at a field that rows do not have.
    """
    expected = module.replace("_", "-")
    if board.name != expected or not is_board_name(board.name):
        raise ValueError(f"the board of {module}.py must be named {expected!r}, was {board.name!r}")
    with np.errstate(all="ignore"):
        scores = board.score(_UNKNOWN)
    if np.shape(scores) != (len(_UNKNOWN),):
        raise ValueError(
            f"the score of {module}.py must be a column, one number for each row, was {scores!r}"
        )
    return board


def best(columns: Columns, scores: Numbers, top: int) -> list[RankedRow]:
    """The *top* rows by their *scores*, greatest first; equal scores in the order of their symbols."""

    def in_order(places: Places) -> Places:
        return np.array(sorted(places.tolist(), key=columns.symbols.__getitem__), np.intp)

    places = best_places(scores, np.isfinite(scores), top, in_order)
    return _ranked(columns.take(places), scores[places])


def best_places(
    scores: Numbers, which: Mask, top: int, in_order: Callable[[Places], Places]
) -> Places:
    """Where the *top* of those that *which* marks are, by their *scores*, greatest first; none is NaN.

    Equal ones stand as *in_order* puts them: it is given no more places than it must be.
    """
    places = np.flatnonzero(which)
    if len(places) > top:  # nobody below the one at the last place, and all that are as good as it
        least = np.partition(scores[places], -top)[-top]
        places = places[scores[places] >= least]
    places = in_order(places)
    order = np.argsort(-scores[places], kind="stable")[:top]
    found: Places = places[order]
    return found


_COPIED = RankedRow.__struct_fields__[3:]
"""The fields of a ranked row that are those of the row: all but rank, symbol and score."""


def _ranked(columns: Columns, scores: Numbers) -> list[RankedRow]:
    copied = map(columns.values, _COPIED)
    return list(map(RankedRow, count(1), columns.symbols, scores.tolist(), *copied))


def board_at(
    instant: Instant, board: Leaderboard, columns: Columns, *, seq: int, top: int
) -> Board:
    """The board of *instant*: rows of other trading days, and of events too old for it, are off it."""
    return Board(
        board=board.name,
        trading_day=instant.trading_day,
        session=instant.session,
        asof_ms=instant.event_ms,
        seq=seq,
        rows=best(columns, board.scores(columns, instant), top),
    )
