"""What waits for an owner is bounded: the oldest is dropped, and of what is not said again the last."""

import msgspec

from schemas.market import BatchHead
from schemas.naming import MarketClass
from schemas.wire import encode_msgpack
from services.processors.intake import Arrived, Intake


def _arrived(market_class: MarketClass, number: int) -> Arrived:
    events = msgspec.Raw(encode_msgpack([]))
    return Arrived(market_class, BatchHead(1, number, 0, 1.0, events), 10)


def test_oldest_batches_are_dropped_but_not_those_of_halts() -> None:
    """Beyond the bound trades go, oldest first; halts stay in their place, and what was dropped is known."""
    intake = Intake(30)
    classes = (MarketClass.TRADES, MarketClass.HALTS, MarketClass.TRADES, MarketClass.QUOTES, MarketClass.TRADES)  # fmt: skip
    for number, market_class in enumerate(classes):
        intake.put(_arrived(market_class, number))

    assert [intake.pop().head.number for _ in range(len(intake))] == [1, 3, 4]
    assert intake.dropped == {MarketClass.TRADES: (1, 2)}
    assert intake.peak_bytes == 30


def test_halts_alone_are_bounded_too() -> None:
    """If nothing else waits, the oldest of halts goes."""
    intake = Intake(20)
    for number in range(4):
        intake.put(_arrived(MarketClass.HALTS, number))

    assert [intake.pop().head.number for _ in range(len(intake))] == [2, 3]
    assert intake.dropped == {MarketClass.HALTS: (1, 1)}
