"""What a trade's condition codes let it update.

Source: the vendor's condition table (`/v3/reference/conditions`, consolidated update rules) as
recorded with the test data. An id that is not listed does not restrict anything: exchanges add
codes faster than tables follow, and most new ones mark regular sales.
"""

FORM_T = 12
"""A trade outside regular hours. It never updates the official last sale, but it is what an
extended session consists of, so there it counts."""

NOT_LAST = frozenset({2, 5, 7, 10, FORM_T, 13, 15, 16, 20, 21, 22, 29, 33, 37, 52, 53})
"""Average price, sold late, cash, derivatively priced, odd lot, contingent …: do not update the last price."""

NOT_VOLUME = frozenset({15, 16, 38})
"""Official open and close and the corrected close repeat volume that was counted already."""


def updates_last(conditions: tuple[int, ...], *, extended_hours: bool) -> bool:
    """Whether a trade with these *conditions* is a last sale."""
    if not conditions:
        return True
    restricting = NOT_LAST.intersection(conditions)
    return not restricting or (extended_hours and restricting == {FORM_T})


def updates_volume(conditions: tuple[int, ...]) -> bool:
    """Whether a trade with these *conditions* adds to the day's volume."""
    return NOT_VOLUME.isdisjoint(conditions)
