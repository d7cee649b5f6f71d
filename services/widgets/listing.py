"""Tables as they are at one moment: which rows of the market or of a board, in what order, with what numbers."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from mesh.leaderboard import Instant, best_places
from schemas.columns import FIELDS, PLACE, Columns, Mask, Numbers, Places, column_of, unknown
from schemas.leaderboard import Board, RankedRow
from schemas.widget import Head
from services.widgets.cells import cells
from services.widgets.shown import Scored, Shown, scored, shown
from services.widgets.want import MOST_ROWS, SCORE, Want, condition


class Listing(NamedTuple):
    """The rows of a table, best first."""

    head: Head
    symbols: Sequence[str]
    numbers: Numbers
    """A line for each wanted column, as they are shown (`Cells.rounded`), coded as in `schemas.columns`; NaN is unknown."""
    total: int
    places: Places | None = None
    """Where the rows are among *names*, if they are of a market: rows are compared by that, not by symbol."""
    names: "Names | None" = None
    changed_at: Places | None = None
    """At which tick of the market each row was last another; None: not known."""
    tick: int = 0
    """Which one it is of."""


class Names:
    """Symbols, by their places: what all tables of a market ask of them is worked out once, until there are others."""

    __slots__ = ("_texts", "places", "ranks", "symbols")

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = symbols
        self.places = {symbol: place for place, symbol in enumerate(symbols)}
        """Where each symbol is."""
        self.ranks = np.empty(len(symbols), np.intp)
        """How many symbols come before the one at each place, in their order."""
        self.ranks[sorted(range(len(symbols)), key=symbols.__getitem__)] = np.arange(len(symbols))
        self._texts = np.array(symbols, dtype=object)

    def at(self, places: Places) -> list[str]:
        """The symbols at *places*."""
        found: list[str] = self._texts[places].tolist()
        return found

    def in_order(self, places: Places) -> Places:
        """*places*, by their symbols."""
        found: Places = places[self.ranks[places].argsort()]
        return found


class Market(NamedTuple):
    """All rows, and the newest event among them."""

    columns: Columns
    instant: Instant
    names: Names
    """Of *columns*."""
    shown: Shown
    """The same rows."""
    masks: dict[str, Mask]
    """The rows that conditions take, as far as they were asked: many views have the same one."""

    @property
    def head(self) -> Head:
        """What tables of the market are of."""
        return Head(self.instant.trading_day, self.instant.session, self.instant.event_ms)


class Published(NamedTuple):
    """A board as it was put."""

    head: Head
    symbols: list[str]
    scores: Numbers
    columns: Columns

    def first(self, top: int | None) -> "Published":
        """Its *top* rows."""
        if top is None or top >= len(self.symbols):
            return self
        columns = Columns(self.symbols[:top], self.columns.matrix[:, :top])
        return Published(self.head, self.symbols[:top], self.scores[:top], columns)


_OF_BOARD = [name for name in RankedRow.__struct_fields__ if name in PLACE]
OF_BOARD = np.array([PLACE[name] for name in _OF_BOARD])
"""Where the fields are that a board holds of a row."""
_NOT_OF_BOARD = np.array([[PLACE[name]] for name in FIELDS if name not in _OF_BOARD])


def published(board: Board) -> Published:
    """*board* in columns. Raises ValueError if its rows are none, or a symbol is there twice."""
    symbols = [row.symbol for row in board.rows]
    if len(set(symbols)) != len(symbols):
        raise ValueError("a symbol is on the board twice")
    matrix = unknown(len(symbols))
    try:
        for name in _OF_BOARD:
            matrix[PLACE[name]] = column_of(name, list(map(attrgetter(name), board.rows)))
    except OverflowError as error:
        raise ValueError("a number of a row is too large") from error
    head = Head(board.trading_day, board.session, board.asof_ms)
    scores = np.array([row.score for row in board.rows], dtype=np.float64)
    return Published(head, symbols, scores, Columns(symbols, matrix))


def holds(columns: Sequence[str]) -> bool:
    """Whether a board as it is put has all of *columns*, and the market need not be asked."""
    return all(name == SCORE or name in _OF_BOARD for name in columns)


def of_published(want: Want, board: Published, market: Market | None) -> Listing:
    """The rows that were published; what a board does not hold of a row comes from the *market*."""
    chosen = board.first(want.top)
    symbols = chosen.symbols[slice(*want.window)] if want.window else chosen.symbols
    columns = chosen.columns if holds(want.columns) else _completed(chosen, market)
    numbers = np.empty((len(want.columns), len(symbols)))
    for line, name in enumerate(want.columns):
        known = chosen.scores if name == SCORE else columns.matrix[PLACE[name]]
        numbers[line] = known[slice(*want.window)] if want.window else known
    return Listing(board.head, symbols, cells(want.columns).rounded(numbers), len(board.symbols))


def among_published(want: Want, board: Published, market: Market | None) -> Listing:
    """What is wanted of the rows that were published alone: where the score, or the *market*, is not known here."""
    instant = Instant(board.head.trading_day, board.head.asof_ms, board.head.session)
    columns = _completed(board, market)
    alone = Market(columns, instant, Names(board.symbols), shown(columns), {})
    return of_market(want, alone, scored(board.scores))


def _completed(board: Published, market: Market | None) -> Columns:
    """The rows of *board* with what the *market* knows besides."""
    if market is None:
        return board.columns
    matrix = board.columns.matrix.copy()
    held = np.array([market.names.places.get(each, -1) for each in board.symbols], np.intp)
    known = np.flatnonzero(held >= 0)
    matrix[_NOT_OF_BOARD, known] = market.columns.matrix[_NOT_OF_BOARD, held[known]]
    return Columns(board.symbols, matrix)


def of_market(want: Want, market: Market, scores: Scored | None) -> Listing:
    """Rows of the whole market, by *scores* if there are any and no other order is wanted; NaN is off the board."""
    exact = None if scores is None else scores.exact
    which = _which(want, market)
    if exact is not None:
        which &= np.isfinite(exact)
    names, tick = market.names, market.shown.tick
    top = min(want.top or MOST_ROWS, MOST_ROWS)
    places = best_places(_keys(want, market, exact), which, top, names.in_order)
    if want.window is not None:
        places = places[slice(*want.window)]
    numbers = market.shown.numbers[_lines(want.columns)].take(places, axis=1)
    changed_at = market.shown.changed_at
    if changed_at is not None:
        changed_at = changed_at[places]
    if SCORE in want.columns:
        numbers[want.columns.index(SCORE)] = np.nan if scores is None else scores.shown[places]
        if changed_at is not None and scores is not None:
            changed_at = np.maximum(changed_at, scores.changed_at[places])
    total = int(np.count_nonzero(which))
    return Listing(market.head, names.at(places), numbers, total, places, names, changed_at, tick)


@lru_cache(maxsize=256)
def _lines(columns: tuple[str, ...]) -> Places:
    """Where *columns* are among those of rows."""
    return np.array([PLACE.get(name, 0) for name in columns], np.intp)


def _which(want: Want, market: Market) -> Mask:
    """The rows that are wanted."""
    columns = market.columns
    which = np.zeros(len(columns), dtype=np.bool_)
    symbols = want.symbols
    token = want.feed.partition("/")[2]
    if not want.feed.startswith("board/") and token not in ("*", ">"):
        symbols = (token,) if symbols is None or token in symbols else ()
    if symbols is None:
        which[:] = True
    else:
        known = market.names.places
        which[[known[each] for each in symbols if each in known]] = True
    if want.where is not None:
        taken = market.masks.get(want.where)
        if taken is None:
            taken = market.masks[want.where] = condition(want.where).mask(columns)
        which &= taken
    return which


def _keys(want: Want, market: Market, scores: Numbers | None) -> Numbers:
    """What to order by, greatest first; rows that have none are last."""
    columns = market.columns
    if want.sort is None:
        return scores if scores is not None else np.zeros(len(columns))
    name = want.sort.removeprefix("+")
    if name == "symbol":
        keys = market.names.ranks.astype(np.float64)
    elif name == SCORE:
        keys = scores if scores is not None else np.zeros(len(columns))
    else:
        keys = columns.matrix[PLACE[name]]
    signed = -keys if want.sort.startswith("+") else keys
    return np.where(np.isfinite(signed), signed, -np.inf)  # infinite is unknown, as in conditions


def empty() -> Head:
    """The head of a table before the first event."""
    return Head(date.min.isoformat(), "closed", 0)
