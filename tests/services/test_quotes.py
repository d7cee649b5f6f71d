"""The side of each trade against a loop over all quotes."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.market import Best
from services.processors.pulse import Pulse
from services.processors.quotes import Quotes, Waiting, batch_of
from services.processors.sheet import Symbols


NAMES = ("A", "B", "C")
BEGIN_MS = 1_767_625_200_000
MINUTE_S = 60

Events = Sequence["Best | Sold"]


class Sold(NamedTuple):
    """A trade that counts."""

    symbol: str
    event_ms: int
    price_usd: float
    size_shares: float


class Fold:
    """Quotes and trades as the fold of a partition puts them together."""

    def __init__(self) -> None:
        self.quotes, self.pulse = Quotes(), Pulse()
        self.symbols = Symbols(NAMES)
        self.late = 0

    def take(self, events: Events) -> None:
        """A batch: the trades, and then the quotes."""
        sold = [each for each in events if isinstance(each, Sold)]
        if sold:
            self.quotes.wait(_waiting(self.symbols, sold), self.pulse)
        best = [each for each in events if isinstance(each, Best)]
        if best:
            self.late += len(self.quotes.fold(batch_of(self.symbols, best), self.pulse)[1])

    def resumed(self) -> "Fold":
        """A successor that begins with the snapshot."""
        successor = Fold()
        count = len(NAMES)
        successor.late = self.late
        successor.quotes.load(np.arange(count), self.quotes.dump(np.arange(count)))
        successor.quotes.waiting = Waiting.of([each.tobytes() for each in self.quotes.waiting])
        successor.pulse.signed.load(np.arange(count), self.pulse.signed.dump(np.arange(count)))
        return successor

    def signed(self) -> dict[tuple[str, int], float]:
        """Shares bought less sold, by symbol and second since the begin."""
        found = {}
        at, last = np.arange(len(NAMES)), BEGIN_MS // 1000 + MINUTE_S - 1
        [sums] = self.pulse.signed.sums(at, np.full(len(NAMES), last), range(1, MINUTE_S + 1))
        for place, name in enumerate(NAMES):
            until = 0
            for length, total in enumerate(sums):
                shares = int(total[place]) - until
                until = int(total[place])
                if shares:
                    found[name, MINUTE_S - 1 - length] = shares / 1e6
        return found


def _waiting(symbols: Symbols, sold: Sequence[Sold]) -> Waiting:
    return Waiting(
        symbols.places([each.symbol for each in sold]),
        np.array([each.event_ms for each in sold], dtype=np.int64),
        np.array([each.price_usd for each in sold]),
        np.array([each.size_shares for each in sold]),
    )


def _when(quote: Best) -> tuple[int, int]:
    return quote.event_ms, quote.sequence


def _timely(events: Events) -> tuple[dict[str, list[Best]], int]:
    """Quotes that come after all before them, and how many do not."""
    taken: dict[str, list[Best]] = defaultdict(list)
    late = 0
    for each in events:
        if isinstance(each, Best):
            held = taken[each.symbol]
            if held and _when(each) <= _when(held[-1]):
                late += 1
            else:
                held.append(each)
    return taken, late


def _side(trade: Sold, quotes: Sequence[Best]) -> int:
    """1 bought, -1 sold, 0 neither or not known yet."""
    before = [quote for quote in quotes if quote.event_ms <= trade.event_ms]
    if not before or len(before) == len(quotes):
        return 0
    bid_usd, ask_usd = before[-1].bid_usd, before[-1].ask_usd
    if bid_usd is None or ask_usd is None:
        return 0
    middle_usd = (bid_usd + ask_usd) / 2
    return (trade.price_usd > middle_usd) - (trade.price_usd < middle_usd)


def _expected(events: Events) -> dict[tuple[str, int], float]:
    quotes, _ = _timely(events)
    found: dict[tuple[str, int], float] = defaultdict(float)
    for each in events:
        if isinstance(each, Sold):
            second = (each.event_ms - BEGIN_MS) // 1000
            found[each.symbol, second] += _side(each, quotes[each.symbol]) * each.size_shares
    return {key: shares for key, shares in found.items() if shares}


# Few instants and prices, so that trades lie before, at and after quotes, and at the middle.
names = st.sampled_from(NAMES)
instants = st.integers(0, 12).map(lambda step: BEGIN_MS + step * 700)
sides = st.none() | st.sampled_from([1.0, 2.0, 3.0])
quotes = st.builds(Best, names, instants, st.integers(0, 2), sides, st.just(1.0), sides, st.just(1.0))  # fmt: skip
sold = st.builds(Sold, names, instants, st.sampled_from([0.5, 1.5, 2.0, 2.5]), st.sampled_from([1.0, 10.0, 0.25]))  # fmt: skip
tapes = st.lists(quotes | sold, max_size=40)


@given(tapes, st.lists(st.integers(1, 6), max_size=20), st.data())
def test_sides_are_those_of_a_loop_over_all_quotes(
    tape: list[Best | Sold], sizes: list[int], data: st.DataObject
) -> None:
    """However the two classes are cut, and across restarts, each trade has the side of the last quote until its time."""
    fold = Fold()
    rest = list(tape)
    while rest:
        size = sizes.pop() if sizes else len(rest)
        fold.take(rest[:size])
        rest = rest[size:]
        if data.draw(st.booleans()):
            fold = fold.resumed()

    assert fold.signed() == _expected(tape)
    assert fold.late == _timely(tape)[1]


@given(
    st.lists(quotes, max_size=12).map(lambda given: sorted(given, key=_when)),
    st.lists(sold, max_size=8),
    st.booleans(),
)
def test_it_does_not_matter_which_class_is_ahead(
    given_quotes: list[Best], given_sold: list[Sold], quotes_first: bool
) -> None:
    """All quotes before all trades, or after them: the sides are the same."""
    parts: list[Events] = [given_quotes, given_sold]
    fold = Fold()
    for part in parts if quotes_first else parts[::-1]:
        fold.take(part)

    assert fold.signed() == _expected([*given_quotes, *given_sold])


def _quote(after_ms: int, bid: float | None, ask: float | None, sequence: int = 0) -> Best:
    return Best("A", BEGIN_MS + after_ms, sequence, bid, 1.0, ask, 1.0)


TRADED_MS = 1000
AFTER = _quote(2000, 1.0, 9.0)

SIDES: dict[str, tuple[list[Best], float]] = {
    # quotes; shares of a trade of 100 at $2.00, signed
    "above the middle is bought": ([_quote(0, 1.0, 2.0), AFTER], 100.0),
    "below it is sold": ([_quote(0, 2.0, 3.0), AFTER], -100.0),
    "at it is neither": ([_quote(0, 1.0, 3.0), AFTER], 0.0),
    "between the middle and the ask is bought": ([_quote(0, 1.0, 2.9), AFTER], 100.0),
    "outside of both is no other": ([_quote(0, 5.0, 6.0), AFTER], -100.0),
    "a quote of the same instant counts": ([_quote(0, 2.0, 3.0), _quote(TRADED_MS, 1.0, 2.0), AFTER], 100.0),
    "of one instant the last counts": ([_quote(TRADED_MS, 2.0, 3.0, 1), _quote(TRADED_MS, 1.0, 2.0, 2), AFTER], 100.0),
    "a later quote does not": ([_quote(0, 2.0, 3.0), _quote(TRADED_MS + 1, 1.0, 2.0)], -100.0),
    "without a later quote it is not known yet": ([_quote(0, 1.0, 2.0)], 0.0),
    "nor with one of the same instant": ([_quote(TRADED_MS, 1.0, 2.0)], 0.0),
    "before the first quote it has none": ([AFTER], 0.0),
    "without a bid it has none": ([_quote(0, None, 2.0), AFTER], 0.0),
    "without an ask it has none": ([_quote(0, 1.0, None), AFTER], 0.0),
    "a side that went away is not remembered": ([_quote(0, 1.0, 2.0), _quote(500, 1.0, None), AFTER], 0.0),
    "a late quote is none": ([_quote(500, 2.0, 3.0), _quote(400, 1.0, 2.0), AFTER], -100.0),
    "a quote that was sent twice is one": ([_quote(0, 1.0, 2.0), _quote(0, 2.0, 3.0), AFTER], 100.0),
}  # fmt: skip


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("trade_first", [True, False])
def test_side_by_hand(name: str, *, trade_first: bool) -> None:
    """The quote rule, case by case."""
    given_quotes, shares = SIDES[name]
    sale = [Sold("A", BEGIN_MS + TRADED_MS, 2.0, 100.0)]
    fold = Fold()
    for part in (sale, given_quotes) if trade_first else (given_quotes, sale):
        fold.take(part)

    assert fold.signed() == ({("A", 1): shares} if shares else {})


def test_trades_that_wait_are_in_the_snapshot() -> None:
    """Who resumes settles what its predecessor was waiting for, and the predecessor's state is left alone."""
    fold = Fold()
    fold.take([_quote(0, 1.0, 2.0), Sold("A", BEGIN_MS + TRADED_MS, 2.0, 100.0)])
    successor = fold.resumed()
    successor.take([AFTER])

    assert successor.signed() == {("A", 1): 100.0}
    assert (len(successor.quotes.waiting.at), len(fold.quotes.waiting.at)) == (0, 1)
    assert fold.signed() == {}


def test_middles_are_remembered_for_late_trades_up_to_a_limit() -> None:
    """A trade that comes 32 changes of the middle after its time has a side, one more and it has none."""
    changes = [_quote(10 * step, 1.0 + step % 2, 2.0 + step % 2) for step in range(100)]
    fold = Fold()
    fold.take(changes)
    fold.take([Sold("A", BEGIN_MS + 10 * step, 9.0, 1000.0 + step) for step in (67, 68, 98, 99)])

    assert fold.signed() == {("A", 0): 1068.0 + 1098.0}


def test_oldest_of_too_many_waiting_trades_have_no_side() -> None:
    """A symbol without quotes cannot fill the memory: 32,768 trades of a partition wait, and the oldest go."""
    fold = Fold()
    count = (1 << 15) + 2
    fold.take([_quote(0, 1.0, 2.0)])
    at, ms = np.zeros(count, np.intp), np.full(count, BEGIN_MS + TRADED_MS)
    size_shares = np.ones(count)
    size_shares[:2] = 1000.0
    fold.quotes.wait(Waiting(at, ms, np.full(count, 9.0), size_shares), fold.pulse)
    fold.take([AFTER])

    assert fold.signed() == {("A", 1): float(1 << 15)}
