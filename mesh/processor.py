"""What a processor is: the state of one partition, folded from the tape, without I/O.

A worker feeds it batches, asks now and then what has changed, and stores its snapshot together
with the positions that it covers. State enters through the builder alone, so that a first start, a
crash and a hand-over are the same code. Three things must not matter to the rows that come out,
and property tests hold every processor to them: how the stream of a class was cut into batches, how
the batches of different classes were interleaved, and whether it was stopped and resumed between.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from schemas.leaderboard import PackedRow
from schemas.naming import MarketClass


class Processor(Protocol):
    """State of one partition. Calls never overlap."""

    folded: dict[MarketClass, int]
    """Events that were taken, by class: together with `late`, all that were given."""
    late: dict[MarketClass, int]
    """Events that came too late or twice, by class."""

    def on_batch(self, market_class: MarketClass, events: Sequence[Any]) -> None:
        """Fold *events* of one class, in the order in which they arrived."""
        ...

    def on_closes(self) -> None:
        """Previous closes have come: rows that lacked them are changed."""
        ...

    def on_flush(self) -> list[PackedRow]:
        """The rows that changed since the last call, each once, by symbol."""
        ...

    def rows(self) -> list[PackedRow]:
        """All rows, by symbol."""
        ...

    def snapshot(self) -> bytes:
        """All state, for a successor's builder; what happens later does not change these bytes."""
        ...
