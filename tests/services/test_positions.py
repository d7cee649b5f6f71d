"""Positions on the tape, against a model that remembers every batch it folded."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.market import Position
from schemas.naming import MarketClass
from services.processors.positions import Positions, Verdict


classes = st.sampled_from([MarketClass.BARS, MarketClass.TRADES])
deliveries = st.lists(st.tuples(classes, st.integers(1, 3), st.integers(0, 5)), max_size=40)

SIZE = 3
"""Events of each batch."""

Folded = dict[MarketClass, list[tuple[int, int]]]


def _naive(folded: list[tuple[int, int]], batch: tuple[int, int]) -> Verdict:
    if folded and batch <= folded[-1]:
        return Verdict.DUPLICATE
    epoch, number = batch
    is_next = (epoch, number - 1) in folded if number else True
    return Verdict.NEXT if is_next else Verdict.GAP


@given(deliveries)
def test_each_batch_is_judged_by_what_was_folded(
    delivered: list[tuple[MarketClass, int, int]],
) -> None:
    """Only the successor of what was folded is next; what was folded or replaced is a duplicate; the rest is a gap."""
    positions = Positions()
    folded: Folded = {MarketClass.BARS: [], MarketClass.TRADES: []}
    for market_class, epoch, number in delivered:
        verdict = positions.judge(market_class, epoch, number)
        assert verdict is _naive(folded[market_class], (epoch, number))
        if verdict is Verdict.NEXT:
            positions.advance(market_class, Position(epoch, number, 0))
            folded[market_class].append((epoch, number))

    for batches in folded.values():
        assert batches == sorted(set(batches))
        for epoch, number in batches:
            assert number == 0 or (epoch, number - 1) in batches


@given(deliveries)
def test_judging_records_nothing(delivered: list[tuple[MarketClass, int, int]]) -> None:
    """A verdict can be asked for any number of times before the batch is folded."""
    positions = Positions()
    for market_class, epoch, number in delivered:
        before = positions.covered()
        first = positions.judge(market_class, epoch, number)

        assert positions.judge(market_class, epoch, number) is first
        assert positions.covered() == before


@given(deliveries, st.integers(1, 3), st.integers(0, 9))
def test_gap_is_as_long_as_what_is_missing(
    delivered: list[tuple[MarketClass, int, int]], epoch: int, number: int
) -> None:
    """What is missing is all that the same producer published between the folded batches and this one."""
    positions = Positions()
    folded = [-1]
    for _, _, _ in delivered:
        at = len(folded) - 1
        positions.advance(MarketClass.BARS, Position(epoch, at, SIZE * (at + 1)))
        folded.append(at)
    if positions.judge(MarketClass.BARS, epoch, number) is Verdict.GAP:
        expected = [each for each in range(number) if each not in folded]
        missing = positions.missing(MarketClass.BARS, epoch, SIZE * number)

        assert missing == SIZE * len(expected) > 0


@given(deliveries, classes, st.integers(1, 3), st.integers(0, 5))
def test_positions_of_a_checkpoint_judge_the_same(
    delivered: list[tuple[MarketClass, int, int]],
    market_class: MarketClass,
    epoch: int,
    number: int,
) -> None:
    """Resumed from what a checkpoint covers, every verdict is the one of the owner before."""
    positions = Positions()
    for each in delivered:
        if positions.judge(*each) is Verdict.NEXT:
            positions.advance(each[0], Position(*each[1:], 0))

    resumed = Positions(positions.covered())

    assert resumed.covered() == positions.covered()
    assert resumed.judge(market_class, epoch, number) is positions.judge(
        market_class, epoch, number
    )


def test_covered_is_a_copy() -> None:
    """What went into a checkpoint does not change when the owner goes on."""
    positions = Positions({"bars": Position(1, 4, 50)})
    covered = positions.covered()

    positions.advance(MarketClass.BARS, Position(1, 5, 60))

    assert covered == {"bars": Position(1, 4, 50)}
    assert positions.covered() == {"bars": Position(1, 5, 60)}


def test_new_producer_begins_at_zero() -> None:
    """A greater epoch is a producer that started again: its first batch is next, a later one shows a gap."""
    positions = Positions({"bars": Position(1, 4, 50)})

    assert positions.judge(MarketClass.BARS, 2, 0) is Verdict.NEXT
    assert positions.judge(MarketClass.BARS, 2, 3) is Verdict.GAP
    assert positions.missing(MarketClass.BARS, 2, 30) == 30
    assert positions.judge(MarketClass.BARS, 0, 99) is Verdict.DUPLICATE
