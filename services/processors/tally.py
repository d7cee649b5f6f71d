"""What one process has counted of all partitions that it has owned since it began. Pure.

A checkpoint carries counts of a partition from owner to owner; these are of the process, and begin at 0 with it.
"""

from collections import Counter
from typing import Literal

from msgspec import Raw

from mesh.meters import Distribution
from schemas.naming import MarketClass


Gap = Literal["missed", "lost", "dropped"]

_FIX_ARRAY, _FIX_MOST = 0x90, 0x0F
_ARRAY_16 = 0xDC
"""First bytes of a list in msgpack. Source: its specification."""


class Tally:
    """Counts, in events where nothing else is said."""

    def __init__(self) -> None:
        self.heard: Counter[MarketClass] = Counter()
        """By what the producer says of how many it has published; those of duplicates too."""
        self.discarded: Counter[MarketClass] = Counter()
        self.duplicates: Counter[MarketClass] = Counter()
        self.rejected = 0
        """Messages."""
        self.gaps: Counter[Gap] = Counter()
        self.flushes = 0
        self.processed = Distribution()
        """From the arrival of the oldest event of a flush at the listener to its rows."""

    def duplicate(self, market_class: MarketClass, events: Raw) -> None:
        """A batch came that was folded already, or is of a producer that was replaced."""
        count = _length(bytes(events))
        self.heard[market_class] += count
        self.duplicates[market_class] += count


def _length(encoded: bytes) -> int:
    """How many items a list in msgpack has, without decoding them."""
    first = encoded[0] if encoded else _FIX_ARRAY
    if first & ~_FIX_MOST == _FIX_ARRAY:
        return first & _FIX_MOST
    return int.from_bytes(encoded[1 : 3 if first == _ARRAY_16 else 5])
