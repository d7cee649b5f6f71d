"""Rows in columns: how many of them are computed with, and how they travel.

A column of numbers for each field of `Row` but the symbol, one place for each row. NaN is unknown.
Fields that are words or dates are numbers too: a trading day is its ordinal (`date.toordinal`), a
session its place in `SESSIONS`, a halt its place in `HALTS`. Integers are exact up to 2**53, which
milliseconds reach in the year 287396. Ranking 11,000 symbols by a column takes a tenth of a millisecond.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.leaderboard import HALTS, SESSIONS, Row
from schemas.wire import Wire


Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

FIELDS = Row.__struct_fields__[1:]
"""The columns in their order: the fields of a row after the symbol."""
PLACE = {name: place for place, name in enumerate(FIELDS)}


_LEAST = np.array([[1.0], [0.0], [0.0]])
_MOST = np.array([[date.max.toordinal()], [len(SESSIONS) - 1], [2.0**53]])
"""Bounds of the first fields, which every row has: trading day, session, time of the newest event."""


class Columns:
    """Rows of *symbols*; `columns.change_pct` is the column of that field, in the order of the symbols."""

    __slots__ = ("matrix", "symbols")

    def __init__(self, symbols: Sequence[str], matrix: Numbers) -> None:
        self.symbols = symbols
        self.matrix = matrix
        """One line for each of `FIELDS`, one place in it for each symbol."""

    def __len__(self) -> int:
        return len(self.symbols)

    def __getattr__(self, name: str) -> Numbers:
        """A column, or AttributeError for what is no field of a row."""
        try:
            found: Numbers = self.matrix[PLACE[name]]
        except KeyError:
            raise AttributeError(
                f"rows have no field {name!r}; see schemas.leaderboard.Row"
            ) from None
        return found

    def take(self, places: Places) -> "Columns":
        """The rows at *places*, in that order."""
        return Columns([self.symbols[place] for place in places], self.matrix[:, places])

    def row(self, place: int) -> Row:
        """One row, with None for what is unknown."""
        return _row(self.symbols[place], self.matrix[:, place].tolist())

    def rows(self) -> list[Row]:
        """All of them."""
        return list(map(Row, self.symbols, *map(self.values, FIELDS)))

    def values(self, name: str) -> list[Any]:
        """A field of all rows as `Row` has it: None for what is unknown, a session by its name."""
        read = _READ[PLACE[name]]
        return [
            (number if read is None else read(number)) if number == number else None  # noqa: PLR0124 (NaN alone differs from itself)
            for number in self.matrix[PLACE[name]].tolist()
        ]


class Changes(NamedTuple):
    """Rows of *symbols*, as far as they are not what they were before: of a row, a quarter changes at a time."""

    symbols: list[str]
    which: Mask
    """A line for each of `FIELDS`, a place in it for each symbol: whether that number changed."""
    numbers: Numbers
    """Those that did, line by line."""

    def packed(self) -> tuple[list[str], bytes, bytes]:
        """The symbols, which numbers, and the numbers, as a batch carries them."""
        return self.symbols, np.packbits(self.which).tobytes(), _bytes(self.numbers)

    def take(self, places: Places) -> "Changes":
        """Those of the rows at *places*, in that order."""
        numbers = np.empty(self.which.shape)
        numbers[self.which] = self.numbers
        which = self.which[:, places]
        return Changes([self.symbols[place] for place in places], which, numbers[:, places][which])

    def onto(self, before: Numbers) -> Columns:
        """The rows as they are now, if *before*, which is changed, is what they were.

        Raises:
            ValueError: these are no rows.
        """
        before[self.which] = self.numbers
        return _checked(self.symbols, before)


def differ(numbers: Numbers, others: Numbers) -> Mask:
    """Where *numbers* are not like *others*; NaN is like NaN."""
    found: Mask = (numbers != others) & ((numbers == numbers) | (others == others))  # noqa: PLR0124 (NaN alone differs from itself)
    return found


def changes_of(columns: Columns, before: Numbers) -> Changes:
    """What differs in *columns* from the numbers *before*."""
    now = columns.matrix
    which = differ(now, before)
    return Changes(list(columns.symbols), which, now[which])


def unknown(symbols: int) -> Numbers:
    """What nothing is known of."""
    return np.full((len(FIELDS), symbols), np.nan)


class RowsBatch(Wire, array_like=True, frozen=True):
    """What changed in the rows of one partition since its last flush, one message a flush."""

    partition: int
    epoch: int
    """Of the owner: grows when another process takes the partition over."""
    number: int
    """Counts the owner's flushes from 1 without holes. The first holds all rows, as changes of nothing."""
    received_ms: float
    """When the oldest of the changes arrived from the vendor, by the listener's clock; 0 if none did."""
    symbols: list[str]
    which: bytes
    """A bit for each number of each symbol, the columns of `FIELDS` one after the other: whether it changed."""
    numbers: bytes
    """Those that changed, in that order, each number 8 bytes, little endian."""

    def changes(self) -> Changes:
        """The changes. Raises ValueError if the bits are not those of these symbols, or the numbers not theirs."""
        cells = len(FIELDS) * len(self.symbols)
        bits = np.frombuffer(self.which, dtype=np.uint8)
        numbers = np.frombuffer(self.numbers, dtype="<f8")
        which = np.unpackbits(bits, count=cells).view(np.bool_)
        if len(bits) != (cells + 7) // 8 or np.count_nonzero(which) != len(numbers):
            raise ValueError(
                f"{len(bits)} bytes of bits and {len(numbers)} numbers are no changes of {len(self.symbols)} rows"
            )
        return Changes(self.symbols, which.reshape(len(FIELDS), -1), numbers)


class Image(Wire, array_like=True, frozen=True):
    """All rows of one partition, and the last `RowsBatch` that they contain."""

    partition: int
    epoch: int
    number: int
    written_ms: float
    """By the owner's clock: `ROWS` need not be read from before it."""
    symbols: list[str]
    numbers: bytes
    """The columns of `FIELDS` one after the other, each number 8 bytes, little endian."""

    def columns(self) -> Columns:
        """The rows. Raises ValueError if the numbers are not those of rows of these symbols."""
        matrix = np.frombuffer(self.numbers, dtype="<f8").reshape(len(FIELDS), len(self.symbols))
        return _checked(self.symbols, matrix)


def packed(columns: Columns) -> tuple[list[str], bytes]:
    """The symbols and the numbers of *columns*, as an image carries them."""
    return list(columns.symbols), _bytes(columns.matrix)


def _bytes(numbers: Numbers) -> bytes:
    return numbers.astype("<f8", copy=False).tobytes()


def columns_of(rows: Sequence[Row]) -> Columns:
    """*rows* in columns: the inverse of `Columns.rows`."""
    matrix = np.full((len(FIELDS), len(rows)), np.nan)
    for place, row in enumerate(rows):
        for line, (write, value) in enumerate(
            zip(_WRITE, msgspec.structs.astuple(row)[1:], strict=True)
        ):
            if value is not None:
                matrix[line, place] = write(value)
    return Columns([row.symbol for row in rows], matrix)


def _checked(symbols: list[str], matrix: Numbers) -> Columns:
    always = matrix[: len(_MOST)]
    halts = matrix[PLACE["halt"]]
    if (
        not ((always >= _LEAST) & (always <= _MOST)).all()
        or ((halts < 0) | (halts >= len(HALTS))).any()
    ):
        raise ValueError("a trading day, session, event time or halt is none")
    return Columns(symbols, matrix)


@lru_cache(maxsize=64)
def _iso(ordinal: float) -> str:
    return date.fromordinal(int(ordinal)).isoformat()


def _ordinal(iso: str) -> int:
    return date.fromisoformat(iso).toordinal()


_TEXTS: dict[str, tuple[Any, Any]] = {
    "trading_day": (_iso, lru_cache(maxsize=64)(_ordinal)),
    "session": (lambda place: SESSIONS[int(place)], SESSIONS.index),
    "halt": (lambda place: HALTS[int(place)], HALTS.index),
}


def _readers_and_writers() -> list[tuple[Any, Any]]:
    hints = get_type_hints(Row)
    whole = {name for name in FIELDS if hints[name] is int or int in get_args(hints[name])}
    return [_TEXTS.get(name, (int if name in whole else None, float)) for name in FIELDS]


_READ = [read for read, _ in _readers_and_writers()]
_WRITE = [write for _, write in _readers_and_writers()]


def column_of(name: str, values: Sequence[Any]) -> Numbers:
    """Values of the field *name* of rows, None for what is unknown, as numbers.

    Raises:
        ValueError: one stands for nothing: a session, a halt or a day that none is named by.
    """
    write = _WRITE[PLACE[name]]
    if name in _TEXTS:
        values = [None if value is None else write(value) for value in values]
    return np.array(values, dtype=np.float64)  # which makes NaN of None


def column_reader(name: str) -> Callable[[float], Any] | None:
    """What makes a value of a number of the column *name*; None if the number is the value, or it is no field."""
    found: Callable[[float], Any] | None = _READ[PLACE[name]] if name in PLACE else None
    return found


def is_text(name: str) -> bool:
    """Whether the values of a column are texts."""
    return name in _TEXTS


def _row(symbol: str, numbers: list[float]) -> Row:
    fields: list[Any] = [
        (number if read is None else read(number)) if number == number else None  # noqa: PLR0124 (NaN alone differs from itself)
        for read, number in zip(_READ, numbers, strict=True)
    ]
    return Row(symbol, *fields)
