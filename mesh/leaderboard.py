"""Leaderboards: a score over rows, and the ranking of a whole market by it."""

from collections.abc import Callable, Iterable
from math import inf, isfinite
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
    all_rows = list(rows)
    scores = list(map(score, all_rows))
    # Bare numbers sort four times as fast as 10,000 rows with a key: what is too low is left out first.
    known = sorted([value for value in scores if value is not None and isfinite(value)])
    least = known[-top] if len(known) > top else -inf
    scored = [
        (value, row)
        for value, row in zip(scores, all_rows, strict=True)
        if value is not None and least <= value < inf and value > -inf
    ]
    scored.sort(key=_place)
    return [ranked(rank, value, row) for rank, (value, row) in enumerate(scored[:top], start=1)]


def _place(scored: tuple[float, Row]) -> tuple[float, str]:
    return -scored[0], scored[1].symbol


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
