"""Tells everybody who follows something that it has changed, some at a time: what others wait for comes in between."""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from services.widgets.audience import AT_ONCE, Audience, Cohort, Watcher
from services.widgets.subscription import Subscription


class Served(Protocol):
    """Whoever is served."""

    def abort(self) -> None:
        """End the connection."""


class Rounds:
    """A round for each audience, one after the other; whoever keeps up is given what is new, the others are called."""

    def __init__(self) -> None:
        self.frames_sent = 0
        self.served: Served | None = None
        """Whose turn it is."""
        self._changed: OrderedDict[Audience, None] = OrderedDict()
        """Those for whom a round is to be made."""
        self._audience: Audience | None = None
        """Whose round it is."""
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
                self.frames_sent += watcher.bring(now_ms)
                break
            if not (isinstance(watcher, Subscription) and self._bring(watcher, now_ms)):
                watcher()
        return watcher is not None or self._begin()

    def _begin(self) -> bool:
        """Begin the next round, if there is one to be made."""
        if not self._changed:
            return False
        self._audience, _ = self._changed.popitem(last=False)
        self._round = self._audience.everybody()
        return True

    def _bring(self, held: Subscription, now_ms: float) -> bool:
        self.served = held.holder
        if not held.bring(now_ms):
            return False
        self.frames_sent += 1
        if held.is_at_any_rate and self._audience is not None:
            self._audience.gather(held, now_ms)
        return True
