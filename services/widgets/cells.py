"""Numbers of rows as frames show them: rounded, as JSON values, and summed."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from mesh.feed_state import Column, checksum
from schemas.columns import Numbers, Places, column_reader, is_text


_EXACT = 2.0**53
_USD_DECIMALS, _CENT_DECIMALS, _PCT_DECIMALS, _SHARES_DECIMALS = 6, 4, 4, 2


class Cells:
    """How the cells of *columns* are shown; *numbers* have a line for each of them, a place for each row."""

    def __init__(self, columns: Sequence[str]) -> None:
        decimals = [_decimals(name) for name in columns]
        self._scale = 10.0 ** np.array(decimals).reshape(-1, 1)
        self._is_usd = np.array([each == _USD_DECIMALS for each in decimals]).reshape(-1, 1)
        self._may_be_whole = np.array([each <= _SHARES_DECIMALS for each in decimals], np.bool_)
        self._readers = [column_reader(name) if is_text(name) else None for name in columns]
        self._texts = np.array([is_text(name) for name in columns], np.bool_)

    def rounded(self, numbers: Numbers) -> Numbers:
        """What is behind the last decimal that anybody is shown changes with every print, and costs 15 bytes."""
        is_large = self._is_usd & (
            np.abs(numbers) >= 1.0
        )  # cents matter less, the more dollars there are
        scale = np.where(is_large, 10.0**_CENT_DECIMALS, self._scale)
        with np.errstate(over="ignore"):
            found = np.rint(numbers * scale) / scale
        found += 0.0  # no negative zero
        infinite = np.isinf(found)
        if infinite.any():  # too large to have decimals, or really so, and JSON has none
            found[infinite] = numbers[infinite]
            found[np.isinf(found)] = np.nan
        return found

    def values(self, numbers: Numbers, lines: Places) -> list[list[Any]]:
        """Cells of some *lines* as frames have them; NaN stands for null, and becomes it when it is encoded."""
        found: list[list[Any]] = numbers.tolist()
        maybe = self._may_be_whole[lines].nonzero()[0]
        asked = numbers[maybe]
        is_whole = ((asked == np.rint(asked)) & (np.abs(asked) < _EXACT)).all(axis=1)
        for each in maybe[is_whole].tolist():
            found[each] = numbers[each].astype(np.int64).tolist()  # without a point
        for each in self._texts[lines].nonzero()[0].tolist():
            found[each] = self._read(int(lines[each]), found[each])
        return found

    def checksum(self, symbols: Sequence[str], numbers: Numbers) -> int:
        """CRC-32 of the table as a client has it, as `schemas.widget` says."""
        columns: list[Column] = list(numbers)
        for line in np.flatnonzero(self._texts).tolist():
            columns[line] = self._read(line, numbers[line].tolist())
        return checksum(symbols, columns)

    def _read(self, line: int, numbers: list[float]) -> list[Any]:
        read = self._readers[line]
        return [None if each != each or read is None else read(each) for each in numbers]  # noqa: PLR0124 (NaN alone differs from itself)


@lru_cache(maxsize=256)
def cells(columns: tuple[str, ...]) -> Cells:
    """How the cells of *columns* are shown."""
    return Cells(columns)


def _decimals(name: str) -> int:
    """How many decimals of a column anybody is shown."""
    if column_reader(name) is not None or name.startswith("dollar_volume"):
        return 0
    if name.endswith(("_shares", "_per_s")) or (
        name.startswith("volume_") and name.endswith("_usd")
    ):
        return _SHARES_DECIMALS
    return _USD_DECIMALS if name.endswith("_usd") else _PCT_DECIMALS
