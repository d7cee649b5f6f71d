"""Rows against rows."""

import math
from collections.abc import Mapping, Sequence
from typing import Any


RELATIVE_TOLERANCE = 1e-9
"""More than sums of the same numbers in another order can differ by."""
TOLERANCE = 1e-9
"""The same of differences that are zero, or nearly: percents of equal prices."""


def differences(
    found: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]
) -> list[str]:
    """What is wrong with *found*, a line for each difference; none if it is right.

    Rows are compared in order, by the fields that the oracle knows; numbers to `RELATIVE_TOLERANCE`.
    """
    wrong = []
    if len(found) != len(expected):
        wrong.append(f"{len(found)} rows, expected {len(expected)}")
    for place, (row, right) in enumerate(zip(found, expected, strict=False)):
        name = right.get("id", right.get("symbol"))
        wrong.extend(
            f"row {place} ({name}): {field} is {row.get(field)!r}, expected {value!r}"
            for field, value in right.items()
            if field not in row or not _same(row[field], value)
        )
    return wrong


def _same(found: object, expected: object) -> bool:
    if isinstance(found, int | float) and isinstance(expected, int | float):
        return math.isclose(found, expected, rel_tol=RELATIVE_TOLERANCE, abs_tol=TOLERANCE)
    return found == expected
