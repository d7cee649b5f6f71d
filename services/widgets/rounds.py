"""Tells everybody who follows something that it has changed, some at a time: what others wait for comes in between."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple, Protocol

from services.widgets.audience import AT_ONCE, Audience, Brought, Cohort, Source, Watcher
from services.widgets.subscription import Subscription


class Served(Protocol):
    """Whoever is served."""

    def abort(self) -> None:
        """End the connection."""


class Told(NamedTuple):
    """A round that is over, in which somebody was sent a frame."""

    source: Source
    """What its audience follows."""
    frames: int
    began_ms: float
    """By the clock of whoever drives the rounds."""


def _nothing(told: Told) -> None:
    del told


class Rounds:
    """A round for each audience, one after the other; whoever keeps up is given what is new, the others are called.

    Args:
        on_told: called at the end of each round in which somebody was sent a frame.
    """

    def __init__(self, on_told: Callable[[Told], None] = _nothing) -> None:
        self.frames_sent = 0
        self.bytes_sent = 0
        self.conflated = 0
        """Updates that were no frames of their own, because the round came late."""
        self.served: Served | None = None
        """Whose turn it is."""
        self._changed: OrderedDict[Audience, None] = OrderedDict()
        """Those for whom a round is to be made."""
        self._audience: Audience | None = None
        """Whose round it is."""
        self._on_told = on_told
        self._told_before = 0
        """Frames until the round began."""
        self._began_ms = 0.0
        self._round: Iterator[Cohort | Watcher] = iter(())
        """What is left of it."""

    def tell(self, audience: Audience) -> None:
        """What they follow has changed: all that there are when its turn comes hear of it."""
        self._changed[audience] = None

    def go_on(self, now_ms: float) -> bool:
        """Tell some more, `AT_ONCE` at most; whether there may be more to tell."""
        watcher = None
        for watcher in islice(self._round, AT_ONCE):
            if isinstance(watcher, Cohort):
                self.served = watcher
                self._count(watcher.bring(now_ms))
                break
            if not (isinstance(watcher, Subscription) and self._bring(watcher, now_ms)):
                watcher()
        return watcher is not None or self._begin(now_ms)

    def _begin(self, now_ms: float) -> bool:
        """Begin the next round, if there is one to be made."""
        frames = self.frames_sent - self._told_before
        if self._audience is not None and frames:
            self._on_told(Told(self._audience.source, frames, self._began_ms))
        self._audience, self._told_before, self._began_ms = None, self.frames_sent, now_ms
        if not self._changed:
            return False
        self._audience, _ = self._changed.popitem(last=False)
        self._round = self._audience.everybody()
        return True

    def _bring(self, held: Subscription, now_ms: float) -> bool:
        self.served = held.holder
        brought = held.bring(now_ms)
        if not brought.frames:
            return False
        self._count(brought)
        if held.is_at_any_rate and self._audience is not None:
            self._audience.gather(held, now_ms)
        return True

    def _count(self, brought: Brought) -> None:
        self.frames_sent += brought.frames
        self.bytes_sent += brought.size_bytes
        self.conflated += brought.conflated
