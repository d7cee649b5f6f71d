"""Leaderboards: a score over rows, and the ranking of a whole market by it."""

from collections.abc import Callable, Collection, Iterable
from heapq import nlargest
from math import inf, isfinite
from sys import float_info
from typing import NamedTuple

from schemas.leaderboard import Board, RankedRow, Row, ranked
from schemas.naming import is_board_name


Score = Callable[[Row], float | None]
"""A row's score: greater is better, None is off the board. Pure, and never NaN."""


class Leaderboard(NamedTuple):
    """A board as a value; its name is also its key and its subject."""

    name: str
    score: Score


def checked(board: Leaderboard, module: str) -> Leaderboard:
    """*board*, if it is named like the *module* that declares it (`low_float` declares `low-float`).

    Raises:
        ValueError: it is named otherwise, or the name cannot be a key.
    """
    expected = module.replace("_", "-")
    if board.name != expected or not is_board_name(board.name):
        raise ValueError(f"the board of {module}.py must be named {expected!r}, was {board.name!r}")
    return board


def best(rows: Iterable[Row], score: Score, top: int) -> list[RankedRow]:
    """The *top* rows by *score*, best first; equal scores in the order of their symbols."""
    scored = [(value, row) for row in rows if (value := score(row)) is not None and isfinite(value)]
    scored.sort(key=_order)
    return [ranked(rank, value, row) for rank, (value, row) in enumerate(scored[:top], start=1)]


def _order(scored: tuple[float, Row]) -> tuple[float, str]:
    return -scored[0], scored[1].symbol


_LEAST = -float_info.max


class Contenders:
    """Who can be among the best of a market, told from who was the last time.

    Twice as many as have a place set the floor for the next time. If enough rows are not below it,
    the best are among them, and the other thousands need neither be kept nor sorted.
    """

    def __init__(self, score: Score, top: int) -> None:
        self._score = score
        self._top = top
        self._floor = _LEAST

    def among(self, rows: Collection[Row]) -> list[Row]:
        """Rows of which the best are the best of all *rows*, in no order."""
        found = self._from(self._floor, rows)
        if len(found) < self._top and self._floor > _LEAST:
            found = self._from(_LEAST, rows)
        self._floor = min(nlargest(2 * self._top, [value for value, _ in found]), default=_LEAST)
        return [row for _, row in found]

    def _from(self, floor: float, rows: Iterable[Row]) -> list[tuple[float, Row]]:
        score = self._score
        return [
            (value, row)
            for row in rows
            if (value := score(row)) is not None and floor <= value < inf
        ]


class Instant(NamedTuple):
    """Where the tape is: ordered, the greatest is the newest."""

    trading_day: str
    event_ms: int
    session: str


def board_at(
    instant: Instant, board: Leaderboard, rows: Iterable[Row], *, seq: int, top: int
) -> Board:
    """The board of *instant*: rows of other trading days are off it."""
    return Board(
        board=board.name,
        trading_day=instant.trading_day,
        session=instant.session,
        asof_ms=instant.event_ms,
        seq=seq,
        rows=best(
            (row for row in rows if row.trading_day == instant.trading_day), board.score, top
        ),
    )
