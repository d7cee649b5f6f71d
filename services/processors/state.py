"""The state of one partition: its fold, how far it has come on the tape, and what was lost on the way."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from mesh.checkpoint import Checkpoint
from mesh.processor import Processor
from mesh.spans import MOST_LINKS
from schemas.checkpoint import Counts
from schemas.market import Bar, BatchHead, Best, Halt, Position, Print
from schemas.naming import MarketClass
from schemas.wire import DecodeError, msgpack_decoder
from services.processors.intake import Arrived
from services.processors.positions import Positions, Verdict
from services.processors.rows import FOLDED
from services.processors.tally import Tally


Build = Callable[[bytes | None], Processor]
Decode = Callable[[Any], list[Any]]

_decode_head = msgpack_decoder(BatchHead).decode
DECODE: dict[MarketClass, Decode] = {
    MarketClass.BARS: msgpack_decoder(list[Bar]).decode,
    MarketClass.MINUTES: msgpack_decoder(list[Bar]).decode,
    MarketClass.TRADES: msgpack_decoder(list[Print]).decode,
    MarketClass.QUOTES: msgpack_decoder(list[Best]).decode,
    MarketClass.HALTS: msgpack_decoder(list[Halt]).decode,
    MarketClass.CANARY: msgpack_decoder(list[Bar]).decode,
}
"""What the events of a batch are decoded with, by class."""


class PartitionState:
    """What a checkpoint holds, and goes on from one; without I/O.

    Args:
        build: makes the fold, of the bytes of a snapshot or of nothing.
        checkpoint: of a predecessor; None begins with an empty market.
        tally: of the process.

    Raises:
        ValueError, DecodeError: the snapshot is of another version, or none.
    """

    def __init__(
        self, build: Build, checkpoint: Checkpoint | None = None, tally: Tally | None = None
    ) -> None:
        held = checkpoint
        self.tally = tally or Tally()
        self.fold = build(held.snapshot if held is not None else None)
        self.positions = Positions(held.positions if held is not None else None)
        discarded = held.counts.discarded if held is not None else {}
        self.discarded = Counter({MarketClass(name): count for name, count in discarded.items()})
        """Events that were lost for good, by class: nothing holds their batches any more."""
        self.unsaved = True
        """Whether a checkpoint would differ from the last one."""
        self._oldest_ms = 0.0
        self._links: list[str] = []

    def read(
        self, market_class: MarketClass, data: bytes, parent: str | None = None
    ) -> Arrived | None:
        """The batch in a message, its events not decoded yet; None if it is none."""
        try:
            return Arrived(market_class, _decode_head(data), len(data), parent)
        except DecodeError:
            self.tally.rejected += 1
            return None

    def judge(self, arrived: Arrived) -> Verdict:
        """Whether the batch is the next one of its class."""
        return self.positions.judge(arrived.market_class, arrived.head.epoch, arrived.head.number)

    def take(self, arrived: Arrived) -> None:
        """Fold a batch; nothing before it is folded after it."""
        market_class, head, _, parent = arrived
        try:
            events = DECODE[market_class](head.events)
        except DecodeError:
            self.tally.rejected += 1
            return  # the next batch says how many events were in it
        self.fold.on_batch(market_class, events)
        self.tally.heard[market_class] += self.positions.missing(
            market_class, head.epoch, head.before
        ) + len(events)
        position = Position(head.epoch, head.number, head.before + len(events))
        self.positions.advance(market_class, position)
        self.unsaved = True
        self._oldest_ms = min(self._oldest_ms or head.received_ms, head.received_ms)
        if parent is not None and len(self._links) < MOST_LINKS:
            self._links.append(parent)

    def give_up(self, arrived: Arrived) -> int:
        """Count the events between here and a batch as discarded, and wait for that batch; how many they are."""
        market_class, head, _, _ = arrived
        missing = self.positions.missing(market_class, head.epoch, head.before)
        self.discarded[market_class] += missing
        self.tally.discarded[market_class] += missing
        self.tally.heard[market_class] += missing
        self.positions.advance(market_class, Position(head.epoch, head.number - 1, head.before))
        self.unsaved = True
        return missing

    def take_oldest_ms(self) -> float:
        """When the oldest event since the last call was received from the vendor; 0 without any."""
        oldest_ms, self._oldest_ms = self._oldest_ms, 0.0
        return oldest_ms

    def take_links(self) -> list[str]:
        """The contexts of what was traced of all that was folded since the last call."""
        links, self._links = self._links, []
        return links

    def counts(self) -> Counts:
        """What became of the events so far."""
        return Counts(
            {str(name): count for name, count in self.fold.folded.items()},
            {str(name): count for name, count in self.fold.late.items()},
            {str(name): self.discarded[name] for name in FOLDED},
        )
