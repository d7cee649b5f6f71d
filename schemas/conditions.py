"""What a trade's condition codes let it update.

Source: the vendor's condition table (`/v3/reference/conditions`, consolidated update rules) as
recorded with the test data. An id that is not listed does not restrict anything: exchanges add
codes faster than tables follow, and most new ones mark regular sales.
"""

from functools import lru_cache
from typing import NamedTuple


FORM_T = 12
"""A trade outside regular hours. It never updates the official last sale, but it is what an
extended session consists of, so there it counts."""

NOT_LAST = frozenset({2, 5, 7, 10, FORM_T, 13, 15, 16, 20, 21, 22, 29, 33, 37, 52, 53})
"""Average price, sold late, cash, derivatively priced, odd lot, contingent …: do not update the last price."""

NOT_VOLUME = frozenset({15, 16, 38})
"""Official open and close and the corrected close repeat volume that was counted already."""


class Updates(NamedTuple):
    """What a trade updates."""

    volume: bool
    last: bool
    """In the regular session."""
    extended_last: bool
    """Before it and after it."""


REGULAR = Updates(volume=True, last=True, extended_last=True)
"""Of a trade without conditions, as most are."""


@lru_cache(maxsize=4096)
def updates(conditions: tuple[int, ...]) -> Updates:
    """What a trade with these *conditions* updates; remembered, because few combinations ever occur."""
    restricting = NOT_LAST.intersection(conditions)
    return Updates(
        volume=NOT_VOLUME.isdisjoint(conditions),
        last=not restricting,
        extended_last=restricting <= {FORM_T},
    )
