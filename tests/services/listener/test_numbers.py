"""What a producer says of how far it has come."""

from schemas.market import Position, ProducerPositions
from schemas.naming import MarketClass
from services.listener.numbers import Numbers


def test_heads_say_the_last_batch_of_each_class_by_partition() -> None:
    """Batches count from 0 in each class and partition, and what was never published is not there."""
    numbers = Numbers(7)
    for market_class, partition, events in (
        (MarketClass.BARS, 3, 10),
        (MarketClass.HALTS, 3, 1),
        (MarketClass.BARS, 3, 5),
        (MarketClass.BARS, 4, 2),
    ):
        numbers.count(market_class, partition, events)

    assert numbers.next(MarketClass.BARS, 3) == (2, 15)
    assert numbers.next(MarketClass.TRADES, 3) == (0, 0)
    assert list(numbers.heads()) == [
        ProducerPositions(3, {"bars": Position(7, 1, 15), "halts": Position(7, 0, 1)}),
        ProducerPositions(4, {"bars": Position(7, 0, 2)}),
    ]
