"""Windows against a dictionary of all that was ever counted."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.processors.windows import Window, millionths


NAMES = ("prints", "shares")
SYMBOLS = 4
SHAPES = ((1, 5), (15, 4), (60, 1), (7, 12))
"""Seconds of a step, and steps."""
BEGIN_S = 1_700_000_000

Counted = dict[tuple[int, int], list[int]]
"""Amounts by symbol and step."""
Event = tuple[int, int, int, int]
"""Symbol, place in time (sevenths of a step), and amounts."""

amounts = st.just((0, 0)) | st.tuples(st.integers(1, 5), st.integers(0, 9))
events = st.builds(
    lambda symbol, moment, amount: (symbol, moment, *amount),
    st.integers(0, SYMBOLS - 1),
    st.integers(0, 60) | st.integers(100, 400),  # more than one window apart from those before
    amounts,
)
batches = st.lists(st.lists(events, max_size=8), max_size=8)


class Model:
    """A window, and the plain sums that it must agree with."""

    def __init__(self, step_s: int, steps: int) -> None:
        self.window = Window(step_s, steps, NAMES)
        self.counted: Counted = {}
        self.newest: dict[int, int] = {}
        self._step_s, self._steps = step_s, steps

    def seconds(self, given: list[Event]) -> list[int]:
        """When the events were."""
        return [BEGIN_S + each * self._step_s // 7 for _, each, _, _ in given]

    def count(self, given: list[Event]) -> None:
        """What any way of adding must come to."""
        for (symbol, _, *amounts), second in zip(given, self.seconds(given), strict=True):
            step = second // self._step_s
            found = self.counted.setdefault((symbol, step), [0, 0])
            for number, amount in enumerate(amounts):
                found[number] += amount
            self.newest[symbol] = max(self.newest.get(symbol, step), step)

    def add(self, given: list[Event]) -> None:
        """Each symbol once."""
        once = list({each[0]: each for each in given}.values())
        self._call(self.window.add, once)

    def add_many(self, given: list[Event]) -> None:
        """All as they are."""
        self._call(self.window.add_many, given)

    def _call(self, add: Callable[..., None], given: list[Event]) -> None:
        columns = [np.array([each[number] for each in given], dtype=np.int64) for number in (0, 2, 3)]  # fmt: skip
        add(columns[0].astype(np.intp), np.array(self.seconds(given), dtype=np.int64), columns[1:])
        self.count(given)

    def reload(self) -> None:
        """Go on in a successor."""
        dumped = self.window.dump(np.arange(SYMBOLS))
        self.window = Window(self._step_s, self._steps, NAMES)
        self.window.load(np.arange(SYMBOLS), dumped)

    def check(self, steps_later: int) -> None:
        """All sums that end so many steps after the newest of each symbol, and how far each reaches back."""
        at = np.array(sorted(self.newest), dtype=np.intp)
        newest = [self.newest[int(symbol)] for symbol in at]
        ends = np.array([(step + steps_later) * self._step_s for step in newest], dtype=np.int64)
        lengths = range(1, self._steps + 1)
        found = self.window.sums(at, ends, lengths)
        for number, name in enumerate(NAMES):
            for length, sums in zip(lengths, found[number], strict=True):
                assert sums.tolist() == [
                    self._sum(int(symbol), step + steps_later, length, number)
                    for symbol, step in zip(at, newest, strict=True)
                ]
            since = self.window.steps_since_first(at, name).tolist()
            assert since == [self._since(int(symbol), number) for symbol in at]

    def _sum(self, symbol: int, last: int, length: int, number: int) -> int:
        steps = range(last - length + 1, last + 1)
        return sum(self.counted.get((symbol, step), (0, 0))[number] for step in steps)

    def _since(self, symbol: int, number: int) -> int:
        newest = self.newest[symbol]
        for step in range(newest - self._steps + 1, newest + 1):
            if self.counted.get((symbol, step), (0, 0))[number]:
                return newest - step + 1
        return 0


@given(st.sampled_from(SHAPES), batches, st.data())
def test_sums_are_those_of_all_that_was_counted(
    shape: tuple[int, int], given: list[list[Event]], data: st.DataObject
) -> None:
    """Late, after long rests, one by one or many, through growth and a successor: sums are those of a dictionary."""
    model = Model(*shape)
    for batch in given:
        how = data.draw(st.sampled_from(["add", "add_many", "grow", "reload"]))
        if how == "grow":
            model.window.grow(data.draw(st.integers(1, 300)))
        elif how == "reload":
            model.reload()
        model.add(batch) if how == "add" else model.add_many(batch)
        model.check(data.draw(st.integers(0, shape[1] + 2)))


def test_amounts_older_than_the_window_are_in_no_sum() -> None:
    """What comes when its step has left the window changes no sum, and does not make the symbol older."""
    model = Model(1, 3)
    for second in (7 * 10, 7 * 8, 7 * 7, 0):  # the last step of the window is that of 8 s
        model.add([(0, second, 1, 100)])
        model.check(0)

    sums = model.window.sums(np.array([0]), np.array([BEGIN_S + 10]), (1, 2, 3))
    assert [each.tolist() for each in sums[1]] == [[100], [100], [200]]


def test_symbol_that_was_never_counted_has_nothing() -> None:
    """All sums of a place without events are zero, also in a successor."""
    window = Window(15, 4, NAMES)
    window.add(np.array([1]), np.array([BEGIN_S]), [np.array([1]), np.array([5])])
    successor = Window(15, 4, NAMES)
    successor.load(np.arange(2), window.dump(np.arange(2)))

    for each in (window, successor):
        assert each.sums(np.array([0]), np.array([BEGIN_S]), (4,)) == [[0], [0]]
        assert each.steps_since_first(np.array([0]), "prints").tolist() == [0]


@pytest.mark.parametrize(("steps", "names"), [(5, ("prints", "usd")), (8, NAMES)])
def test_dump_of_another_window_is_refused(steps: int, names: tuple[str, ...]) -> None:
    """What was dumped of other amounts or of more steps is a ValueError, which an owner knows."""
    other = Window(1, steps, names)
    other.add(np.array([0]), np.array([BEGIN_S]), [np.array([1]), np.array([5])])

    with pytest.raises(ValueError, match="a window must have"):
        Window(1, 5, NAMES).load(np.arange(1), other.dump(np.arange(1)))


def test_amounts_are_whole_millionths() -> None:
    """Fractions of a share are rounded to the unit of the sums; what no sum could hold is cut off."""
    found = millionths(np.array([1.5, 0.000_000_4, 0.000_000_6, -2.25, 1e30, -1e30]))

    assert found.tolist() == [1_500_000, 0, 1, -2_250_000, 1 << 62, -(1 << 62)]
