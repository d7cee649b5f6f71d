"""Numbers that are kept for each symbol of a partition: named columns, and the places of symbols in them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from schemas.columns import Mask, Places


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_FIRST_CAPACITY = 64

Blank = tuple[int | float, int]
"""What a column holds for a symbol that is new, and how many such numbers: 0 is one, without an axis of its own."""


class Symbols(dict[str, int]):
    """The place of each symbol, given out in the order in which they are first asked for."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        super().__init__({name: place for place, name in enumerate(names)})
        self.names = list(self)

    def __missing__(self, name: str) -> int:
        place = self[name] = len(self.names)
        self.names.append(name)
        return place

    def places(self, symbols: Iterable[str]) -> Places:
        """Those of *symbols*."""
        return np.array([self[symbol] for symbol in symbols], dtype=np.intp)


class Kept(Protocol):
    """State by symbol that a snapshot holds."""

    def grow(self, symbols: int) -> None:
        """Have places for so many *symbols*."""

    def clear(self, places: Places) -> None:
        """Begin anew with the symbols at *places*."""

    def dump(self, at: Places) -> dict[str, bytes]:
        """What is kept of the symbols *at* these places."""

    def load(self, at: Places, dumped: dict[str, bytes]) -> None:
        """Become what was dumped. Raises ValueError if that is of something else."""


class Sheet:
    """Columns of one subject. A subclass annotates them: their names are attributes.

    Args:
        blanks: what each column holds for a new symbol. An integer makes a column of 64-bit integers, a
            float one of floats.
    """

    def __init__(self, blanks: Mapping[str, Blank]) -> None:
        self._blanks = blanks
        self.capacity = 0
        self.grow(_FIRST_CAPACITY)

    def grow(self, symbols: int) -> None:
        """Have places for so many *symbols*. Columns may be other arrays afterwards."""
        if symbols <= self.capacity:
            return
        capacity = max(symbols, 2 * self.capacity)
        for name, (blank, width) in self._blanks.items():
            column = np.full((capacity, width) if width else capacity, blank)
            if self.capacity:
                column[: self.capacity] = getattr(self, name)
            setattr(self, name, column)
        self.capacity = capacity

    def clear(self, places: Places) -> None:
        """Begin anew with the symbols at *places*."""
        for name, (blank, _) in self._blanks.items():
            getattr(self, name)[places] = blank

    def dump(self, at: Places) -> dict[str, bytes]:
        """The columns of the symbols *at* these places, for a snapshot; those that hold nothing but blanks are left out."""
        dumped = {}
        for name, (blank, width) in self._blanks.items():
            numbers = getattr(self, name)[at].tobytes()
            if numbers != np.array(blank).tobytes() * (len(at) * (width or 1)):
                dumped[name] = numbers
        return dumped

    def load(self, at: Places, dumped: dict[str, bytes]) -> None:
        """Have what was dumped of as many symbols. Raises ValueError if that is of other columns."""
        self.grow(int(at.max(initial=-1)) + 1)
        for name, numbers in dumped.items():
            if name not in self._blanks:
                raise ValueError(f"a column must be one of {sorted(self._blanks)}, was {name!r}")
            column = getattr(self, name)
            found = np.frombuffer(numbers, dtype=column.dtype)
            column[at] = found.reshape(len(at), *column.shape[1:])


BatchT = TypeVar("BatchT", bound=tuple[Any, ...])


def picked(batch: BatchT, which: Places | Mask) -> BatchT:
    """Some of the events of a batch of columns."""
    return type(batch)(*(column[..., which] for column in batch))


def joined(batches: Sequence[BatchT]) -> BatchT:
    """Batches of columns, one after the other."""
    if len(batches) == 1:
        return batches[0]
    columns = (np.concatenate(parts, axis=-1) for parts in zip(*batches, strict=True))
    return type(batches[0])(*columns)
