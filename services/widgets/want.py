"""What a client asks for, made definite: two that ask for the same are given the same object's frames."""

from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from msgspec import UNSET

from schemas.columns import FIELDS
from schemas.leaderboard import RankedRow
from schemas.widget import View
from services.widgets.where import Where, WhereError, compile_where


SCORE = "score"
"""The column of boards that no row has."""
BOARD_COLUMNS = RankedRow.__struct_fields__[2:]
"""Cells of a row of a board if nothing else is asked for: all but its rank, which its place says."""
RANGE_COLUMNS = (
    "last_usd", "session_high_usd", "session_low_usd", "day_high_usd", "day_low_usd", "previous_high_usd",
    "previous_low_usd", "high_days", "low_days", "day_range_pct", "high_distance_pct", "low_distance_pct",
    "session", "event_ms",
)  # fmt: skip
"""Where a symbol is between its high and low of the session, the day, and the day before."""
MOST_ROWS = 5000
USUAL_ROWS = 500
"""Of a board as it is published."""

T = TypeVar("T")


class ViewError(ValueError):
    """What is asked for cannot be given; *place* is where in `where` it is wrong."""

    def __init__(self, message: str, place: int | None = None) -> None:
        super().__init__(message)
        self.place = place


class Want(NamedTuple):
    """A table that is wanted. Equal wants are one table."""

    feed: str
    columns: tuple[str, ...]
    """After the symbol."""
    top: int | None
    sort: str | None
    """A column, with `+` before it if the smallest comes first; None: as the feed has it."""
    where: str | None
    window: tuple[int, int] | None
    symbols: tuple[str, ...] | None

    @property
    def is_whole(self) -> bool:
        """Whether it is the feed as it is, but for columns and the number of rows."""
        return self.sort is None and self.where is None and self.symbols is None

    @property
    def most_cells(self) -> int:
        """How many cells it may have."""
        most = USUAL_ROWS if self.is_board and self.is_whole else MOST_ROWS
        rows = most if self.top is None else self.top
        if self.window is not None:
            rows = min(rows, self.window[1] - self.window[0])
        if self.symbols is not None:
            rows = min(rows, len(self.symbols))
        if self.feed.partition("/")[::2] in (("row", "*"), ("range", "*")) or self.is_board:
            return rows * (len(self.columns) + 1)
        return len(self.columns) + 1

    @property
    def is_board(self) -> bool:
        """Whether it is made of a board."""
        return self.feed.startswith("board/")


def is_table(feed: str) -> bool:
    """Whether *feed* is one that has rows."""
    return feed.partition("/")[0] in ("board", "row", "range")


def changed(view: View, change: View) -> View:
    """*view* as it is after `set`: what *change* does not name stays."""
    return View(
        *(_given(getattr(change, name), getattr(view, name)) for name in View.__struct_fields__)
    )


def want(feed: str, view: View) -> Want:
    """The table that *view* of *feed* is.

    Raises:
        ViewError: a column, the order or the condition is none.
    """
    kind, _, name = feed.partition("/")
    if not name or "/" in name:
        raise ViewError(f"there is no feed {feed[:100]!r}")
    known = (*((SCORE,) if kind == "board" else ()), *FIELDS)
    columns = _given(view.columns, None)
    if columns is None:
        columns = {"board": BOARD_COLUMNS, "range": RANGE_COLUMNS}.get(kind, FIELDS)
    columns = tuple(dict.fromkeys(name for name in columns if name != "symbol"))
    if not columns:
        raise ViewError("a table must have a column beside the symbol")
    for name in columns:
        _check_column(name, known)
    sort = _given(view.sort, None)
    if sort is not None and sort.removeprefix("+") != "symbol":
        _check_column(sort.removeprefix("+"), known)
    window = _given(view.window, None)
    if window is not None and window[0] >= window[1]:
        raise ViewError(f"a window must end after its beginning, was {list(window)}")
    where = _given(view.where, None) or None
    if where is not None:
        condition(where)
    symbols = _given(view.symbols, None)
    return Want(
        feed,
        columns,
        _given(view.top, None),
        sort,
        where,
        window,
        None if symbols is None else tuple(sorted(set(symbols))),
    )


@lru_cache(maxsize=256)
def condition(text: str) -> Where:
    """The condition *text*, compiled.

    Raises:
        ViewError: it is none.
    """
    try:
        return compile_where(text)
    except WhereError as error:
        raise ViewError(str(error), error.place) from error


def _given(value: T | Any, otherwise: T) -> Any:
    return otherwise if value is UNSET else value


def _check_column(name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ViewError(f"there is no column {name[:100]!r}; the columns are {', '.join(known)}")
