"""Arithmetic on groups of events against loops over them."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns import Places
from services.processors.grouped import (
    ends,
    is_rising,
    newest_by,
    order_by,
    rank_in_group,
    running_max,
    starts,
)
from services.processors.sheet import Ints


LATEST_MS = (1 << 44) - 1

places = st.integers(0, 3) | st.sampled_from([65_535, 65_536, 500_000])
values = st.integers(0, 5) | st.sampled_from([1_767_000_000_000, LATEST_MS])
events = st.lists(st.tuples(places, values), max_size=30)
grouped = events.map(lambda given: sorted(given, key=lambda event: event[0]))

Event = tuple[int, int]


def _columns(given: Sequence[Event]) -> tuple[Places, Ints]:
    return (
        np.array([place for place, _ in given], dtype=np.intp),
        np.array([value for _, value in given], dtype=np.int64),
    )


@given(events)
def test_order_is_by_place_and_keeps_that_of_events(given: list[Event]) -> None:
    """Events of a place are together and in the order in which they came, however many places there are."""
    found = order_by(_columns(given)[0]).tolist()

    assert found == sorted(range(len(given)), key=lambda number: given[number][0])


@given(grouped)
def test_groups_begin_and_end(given: list[Event]) -> None:
    """Begins and ends are where the place differs from that of the neighbour; ranks count from the begin."""
    at, _ = _columns(given)
    begins, lasts, ranks = [], [], []
    for number, (place, _) in enumerate(given):
        if number == 0 or given[number - 1][0] != place:
            begins.append(number)
        if number + 1 == len(given) or given[number + 1][0] != place:
            lasts.append(number)
        ranks.append(number - begins[-1])

    assert (starts(at).tolist(), ends(at).tolist()) == (begins, lasts)
    assert rank_in_group(at).tolist() == ranks


@given(grouped)
def test_running_maximum_is_that_of_the_group(given: list[Event]) -> None:
    """No group sees values of another, and values up to 2**44 are exact."""
    found = running_max(*_columns(given)).tolist()

    assert found == [
        max(value for at, value in given[: number + 1] if at == place)
        for number, (place, _) in enumerate(given)
    ]


@given(grouped, st.lists(st.integers(-1, 4), min_size=4, max_size=4))
def test_rising_events_exceed_all_before_them(given: list[Event], floors: list[int]) -> None:
    """Which are taken is what a loop takes that remembers the greatest of each place; None says all."""
    expected = []
    newest: dict[int, int] = {}
    for place, value in given:
        held = newest.get(place, floors[place % 4])
        expected.append(value > held)
        newest[place] = max(held, value)

    at, column = _columns(given)
    floor = np.array([floors[place % 4] for place, _ in given], dtype=np.int64)
    found = is_rising(at, column, floor)

    assert (None if found is None else found.tolist()) == (None if all(expected) else expected)


@given(grouped)
def test_newest_is_the_last_of_the_latest(given: list[Event]) -> None:
    """Of each place it is the event with the greatest time, and of equal times the one that came last."""
    newest: dict[int, int] = {}
    for number, (place, time) in enumerate(given):
        if place not in newest or time >= given[newest[place]][1]:
            newest[place] = number

    assert newest_by(*_columns(given)).tolist() == list(newest.values())


@pytest.mark.parametrize("find", [starts, ends, rank_in_group, order_by])
def test_no_events_have_no_groups(find: object) -> None:
    """Nothing in, nothing out, and as integers that can be used as places."""
    assert callable(find)
    found = find(np.empty(0, dtype=np.intp))

    assert (len(found), found.dtype.kind) == (0, "i")
