"""How far a partition has come on the tape, and what to do with the batch that comes next."""

from collections.abc import Mapping
from enum import Enum

from schemas.market import Position
from schemas.naming import MarketClass


class Verdict(Enum):
    """What a batch is to the position before it."""

    NEXT = "next"
    """The one that was expected: fold it."""
    DUPLICATE = "duplicate"
    """Folded already, or from a producer that was replaced: leave it."""
    GAP = "gap"
    """Batches before it are missing."""


class Positions:
    """The position in each class. A producer's batches of a class count from 0; a new epoch is a new producer."""

    def __init__(self, covered: Mapping[str, Position] | None = None) -> None:
        self._covered = {MarketClass(name): position for name, position in (covered or {}).items()}

    def judge(self, market_class: MarketClass, epoch: int, number: int) -> Verdict:
        """What the batch (*epoch*, *number*) is here; nothing is recorded."""
        held = self._covered.get(market_class)
        if held is not None and (
            epoch < held.epoch or (epoch == held.epoch and number <= held.number)
        ):
            return Verdict.DUPLICATE
        return Verdict.NEXT if number == self.expected(market_class, epoch) else Verdict.GAP

    def expected(self, market_class: MarketClass, epoch: int) -> int:
        """The number of the batch of producer *epoch* that comes next here."""
        held = self._covered.get(market_class)
        return held.number + 1 if held is not None and epoch == held.epoch else 0

    def is_successor(self, market_class: MarketClass, epoch: int) -> bool:
        """Whether the producer *epoch* goes on where another one ended."""
        held = self._covered.get(market_class)
        return held is not None and epoch > held.epoch

    def missing(self, market_class: MarketClass, epoch: int, before: int) -> int:
        """How many events of the producer *epoch* lie between here and a batch that has *before* before it."""
        held = self._covered.get(market_class)
        return before - (held.events if held is not None and epoch == held.epoch else 0)

    def advance(self, market_class: MarketClass, position: Position) -> None:
        """The batch at *position* is folded, and all before it that there will be."""
        self._covered[market_class] = position

    def covered(self) -> dict[str, Position]:
        """The positions by class, for a checkpoint."""
        return {str(market_class): position for market_class, position in self._covered.items()}
