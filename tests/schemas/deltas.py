"""What a `Delta` says of changed cells, from the changes one by one."""

from collections.abc import Iterable
from typing import Any


Change = tuple[int, int, Any]
"""The place of a row, the number of a column, and the new value of that cell."""


def rows_and_cells(changes: Iterable[Change]) -> tuple[list[int], list[list[Any]]]:
    """The *rows* and *cells* of a delta with *changes*: columns that changed in all of the rows name none."""
    columns: dict[int, dict[int, Any]] = {}
    for place, column, value in changes:
        columns.setdefault(column, {})[place] = value
    rows = sorted({place for held in columns.values() for place in held})
    cells: list[list[Any]] = []
    for column, held in sorted(columns.items()):
        values = [held[place] for place in sorted(held)]
        everywhere = len(held) == len(rows)
        cells.append([column, values] if everywhere else [column, values, sorted(held)])
    return rows, cells
