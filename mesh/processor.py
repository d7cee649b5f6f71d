"""What a processor is: the state of one partition, folded from the tape, without I/O.

A worker feeds it batches, asks now and then what has changed, and stores its snapshot together
with the positions that it covers. State enters through the builder alone, so that a first start, a
crash and a hand-over are the same code. Three things must not matter to the rows that come out,
and property tests hold every processor to them: how the stream of a class was cut into batches, how
the batches of different classes were interleaved, and whether it was stopped and resumed between.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from schemas.alert import Alert
from schemas.columns import Columns
from schemas.halt import Halted
from schemas.naming import MarketClass


class Processor(Protocol):
    """State of one partition. Calls never overlap."""

    unsent: dict[str, Alert]
    """Alerts that are not known to be stored, by id; whoever stores one takes it out."""

    halted: dict[str, Halted]
    """What is to be shown of halts, by symbol; whoever shows it takes it out."""

    @property
    def folded(self) -> dict[MarketClass, int]:
        """Events that were taken, by class: together with `late`, all that were given."""
        ...

    @property
    def late(self) -> dict[MarketClass, int]:
        """Events that came too late or twice, by class."""
        ...

    def on_batch(self, market_class: MarketClass, events: Sequence[Any]) -> None:
        """Take *events* of one class, in the order in which they arrived; they may wait to be folded."""
        ...

    def settle(self) -> None:
        """Fold what waits. Whoever asks for something gets it settled; this is for who measures what takes how long."""
        ...

    def on_references(self) -> None:
        """Reference data has come: rows that lacked it are changed."""
        ...

    def on_flush(self) -> Columns:
        """The rows that changed since the last call, each once, by symbol; of a new processor, all that it has."""
        ...

    def snapshot(self) -> bytes:
        """All state, for a successor's builder; what happens later does not change these bytes."""
        ...

    def release(self) -> None:
        """Let go of everything: the partition is somebody else's. Counts and alerts stay."""
        ...
