"""Columns by symbol: growth, clearing, and their way through a snapshot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.processors.sheet import Floats, Ints, Sheet, Symbols, joined, picked
from services.processors.trades import Batch


WIDTH = 3


class Things(Sheet):
    """A column of each form."""

    count: Ints
    usd: Floats
    by_session: Floats
    times_ms: Ints

    def __init__(self) -> None:
        super().__init__(
            {"count": (-1, 0), "usd": (np.nan, 0), "by_session": (0.0, WIDTH), "times_ms": (0, WIDTH)}
        )  # fmt: skip


Line = tuple[int, float, list[float], list[int]]

numbers = st.floats(allow_nan=False).map(lambda number: number + 0.0)  # -0.0 is not told from 0.0
whole = st.integers(-(2**63), 2**63 - 1)
lines = st.tuples(
    st.just(-1) | whole,
    st.just(np.nan) | numbers,
    st.just([0.0] * WIDTH) | st.lists(numbers, min_size=WIDTH, max_size=WIDTH),
    st.just([0] * WIDTH) | st.lists(whole, min_size=WIDTH, max_size=WIDTH),
)
sheets = st.dictionaries(st.integers(0, 99), lines, max_size=6)
BLANK: Line = (-1, np.nan, [0.0] * WIDTH, [0] * WIDTH)


def _filled(given: dict[int, Line]) -> Things:
    things = Things()
    things.grow(100)
    for place, (count, usd, by_session, times_ms) in given.items():
        things.count[place], things.usd[place] = count, usd
        things.by_session[place], things.times_ms[place] = by_session, times_ms
    return things


def _assert_holds(things: Things, given: dict[int, Line], symbols: int) -> None:
    lines = [given.get(place, BLANK) for place in range(symbols)]
    for number, column in enumerate((things.count, things.usd, things.by_session, things.times_ms)):
        expected = np.array([line[number] for line in lines], dtype=column.dtype)
        np.testing.assert_array_equal(column[:symbols], expected.reshape(column[:symbols].shape))


@given(sheets, st.lists(st.integers(0, 300), max_size=3))
def test_growth_keeps_what_was_there(given: dict[int, Line], sizes: list[int]) -> None:
    """However the sheet grows, lines stay and new ones are blank; it never gets smaller."""
    things = _filled(given)
    for size in sizes:
        things.grow(size)

    assert things.capacity == len(things.count) >= max(100, *sizes, 0)
    _assert_holds(things, given, things.capacity)


@given(sheets, st.sets(st.integers(0, 99)))
def test_cleared_symbols_begin_anew(given: dict[int, Line], gone: set[int]) -> None:
    """Lines that are cleared are blank, all others as before."""
    things = _filled(given)
    things.clear(np.array(sorted(gone), dtype=np.intp))

    _assert_holds(things, {place: line for place, line in given.items() if place not in gone}, 100)


@given(sheets, st.integers(0, 100))
def test_successor_has_the_same_lines(given: dict[int, Line], symbols: int) -> None:
    """What was dumped of the first symbols is there to the last bit, and nothing of the others."""
    things = _filled(given)
    successor = Things()
    successor.load(np.arange(symbols), things.dump(np.arange(symbols)))

    held = {place: line for place, line in given.items() if place < symbols}
    _assert_holds(successor, held, successor.capacity)


@given(sheets)
def test_columns_of_blanks_take_no_space(given: dict[int, Line]) -> None:
    """A column is dumped if, and only if, some symbol has something else than a blank in it."""
    dumped = _filled(given).dump(np.arange(100))
    names = ("count", "usd", "by_session", "times_ms")
    filled = {
        name
        for number, name in enumerate(names)
        if any(
            not np.array_equal(line[number], BLANK[number], equal_nan=True)
            for line in given.values()
        )
    }

    assert set(dumped) == filled


def test_sheet_does_not_share_what_it_loaded() -> None:
    """A sheet that was loaded can be written to, and the dump stays as it was."""
    dumped = _filled({0: (5, 1.0, [1.0, 2.0, 3.0], [1, 2, 3])}).dump(np.arange(1))
    first, second = Things(), Things()
    first.load(np.arange(1), dumped)
    first.count[0] = 6
    second.load(np.arange(1), dumped)

    assert (first.count[0], second.count[0]) == (6, 5)


@pytest.mark.parametrize(
    "dumped", [{"other": b""}, {"count": b"1234567"}, {"count": bytes(24)}, {"times_ms": bytes(8)}]
)
def test_dump_of_something_else_is_refused(dumped: dict[str, bytes]) -> None:
    """Columns of another name or another size are a ValueError, which an owner knows."""
    with pytest.raises(ValueError, match=r".+"):
        Things().load(np.arange(1), dumped)


@given(st.lists(st.sampled_from("ABCDE")), st.lists(st.sampled_from("CDEFG")))
def test_places_are_given_once(known: list[str], asked: list[str]) -> None:
    """A symbol has the place in which it was first asked for, whether it came from a snapshot or later."""
    symbols = Symbols(list(dict.fromkeys(known)))
    found = symbols.places(asked).tolist()

    order = list(dict.fromkeys([*known, *asked]))
    assert symbols.names == order
    assert found == [order.index(name) for name in asked]
    assert list(symbols.items()) == [(name, place) for place, name in enumerate(order)]


def _batch(events: list[int]) -> Batch:
    whole, fractions = np.array(events, dtype=np.int64), np.array(events, dtype=np.float64)
    return Batch(whole, whole, whole, fractions, fractions, whole)


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=4))
def test_batches_join_in_their_order(parts: list[list[int]]) -> None:
    """Batches one after the other, and those of them that are picked, are what lists would be."""
    batches = [_batch(part) for part in parts]
    whole = joined(batches)
    events = [event for part in parts for event in part]

    assert [column.tolist() for column in whole] == [events] * 6
    assert picked(whole, whole.at > 4).at.tolist() == [event for event in events if event > 4]
