"""What a trade's condition codes let it update.

Source: the vendor's condition table (`/v3/reference/conditions`, consolidated update rules) as
recorded with the test data. An id that is not listed does not restrict anything: exchanges add
codes faster than tables follow, and most new ones mark regular sales.
"""

from typing import NamedTuple


FORM_T = 12
"""A trade outside regular hours. It never updates the official last sale, but it is what an
extended session consists of, so there it counts."""

NOT_LAST = frozenset({2, 5, 7, 10, FORM_T, 13, 15, 16, 20, 21, 22, 29, 33, 37, 52, 53})
"""Average price, sold late, cash, derivatively priced, odd lot, contingent …: do not update the last price."""

NOT_HIGH_LOW = frozenset({2, 7, FORM_T, 13, 15, 16, 20, 21, 37, 52, 53})
"""Do not update the day's high or low."""

NOT_VOLUME = frozenset({15, 16, 38})
"""Official open and close and the corrected close repeat volume that was counted already."""


class Updates(NamedTuple):
    """What a trade updates."""

    volume: bool
    last: bool
    """In the regular session."""
    extended_last: bool
    """Before it and after it."""
    high_low: bool
    """In the regular session."""
    extended_high_low: bool
    """Before it and after it."""


def updates(conditions: tuple[int, ...]) -> Updates:
    """What a trade with these *conditions* updates."""
    not_last = NOT_LAST.intersection(conditions)
    not_high_low = NOT_HIGH_LOW.intersection(conditions)
    return Updates(
        volume=NOT_VOLUME.isdisjoint(conditions),
        last=not not_last,
        extended_last=not_last <= {FORM_T},
        high_low=not not_high_low,
        extended_high_low=not_high_low <= {FORM_T},
    )


VOLUME, LAST, EXTENDED_LAST, HIGH_LOW, EXTENDED_HIGH_LOW = (1 << bit for bit in range(5))
"""The fields of `Updates` in their order, as bits of a number."""

_MOST_REMEMBERED = 4096


class _Remembered(dict[tuple[int, ...], int]):
    """What was found before, because few combinations ever occur; half the price of an `lru_cache`."""

    def __missing__(self, conditions: tuple[int, ...]) -> int:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        bits = sum(1 << bit for bit, may in enumerate(updates(conditions)) if may)
        self[conditions] = bits
        return bits


BITS = _Remembered()
"""What `updates` says, for a loop that asks for each trade."""
