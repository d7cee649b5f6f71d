"""Events of many symbols at once: they are sorted by place, stable, so that those of a symbol are together and in order."""

import numpy as np

from schemas.columns import Mask, Places
from services.processors.sheet import Ints


_SHORT = 1 << 16
_TIME_BITS = 44
"""Milliseconds of an event fit; what is left of 63 bits numbers half a million groups."""


def order_by(places: Places) -> Places:
    """Where the events lie, sorted by *places* and in their order within each."""
    if len(places) and int(places.max()) < _SHORT:
        places = places.astype(np.uint16)  # numpy sorts these in linear time
    return np.argsort(places, kind="stable")


def starts(places: Places) -> Places:
    """Where the groups of sorted *places* begin."""
    if not len(places):
        return places
    first = np.empty(len(places), dtype=bool)
    first[0] = True
    np.not_equal(places[1:], places[:-1], out=first[1:])
    return np.flatnonzero(first)


def ends(places: Places) -> Places:
    """Where the groups of sorted *places* have their last event."""
    if not len(places):
        return places
    last = np.empty(len(places), dtype=bool)
    last[-1] = True
    np.not_equal(places[1:], places[:-1], out=last[:-1])
    return np.flatnonzero(last)


def running_max(places: Places, values: Ints) -> Ints:
    """The greatest of *values* (0 to 2**44) so far in each group of sorted *places*."""
    keys = (places << _TIME_BITS) | values
    np.maximum.accumulate(keys, out=keys)
    return keys & ((1 << _TIME_BITS) - 1)


def is_rising(places: Places, values: Ints, floor: Ints) -> Mask | None:
    """Which of *values* exceed *floor* and all taken before them in their group; None if all do, as nearly always.

    *floor* is that of each event's group.
    """
    before = np.empty_like(values)
    before[1:] = values[:-1]
    begins = starts(places)
    before[begins] = floor[begins]
    if (values > before).all():
        return None
    rising = np.empty(len(values), dtype=bool)
    place, newest = -1, 0
    for number, (at, value) in enumerate(zip(places.tolist(), values.tolist(), strict=True)):
        if at != place:
            place, newest = at, int(floor[number])
        rising[number] = value > newest
        newest = max(newest, value)
    return rising


def newest_by(places: Places, times: Ints) -> Places:
    """Of each group of sorted *places* the event with the greatest time, of equal ones the last."""
    if len(times) > 1 and ((times[1:] < times[:-1]) & (places[1:] == places[:-1])).any():
        order = np.lexsort((times, places))
        return order[ends(places)]
    return ends(places)


def rank_in_group(places: Places) -> Ints:
    """How many events of its group lie before each event of sorted *places*."""
    begins = starts(places)
    counts = np.diff(np.append(begins, len(places)))
    return np.arange(len(places)) - np.repeat(begins, counts)
