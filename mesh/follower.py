"""How a client follows one feed: what it asks for, whether a frame is the next, and what is new since it was read."""

from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from msgspec import Raw

from mesh.feed_state import SequenceState, TableState
from schemas.widget import Delta, Event, Get, Snap, Subscribe


class Events(NamedTuple):
    """What came of a sequence since the last time, oldest first."""

    values: list[Raw]
    """As encoded."""
    missed: int
    """Values before these that came and are gone: more than are kept came before anybody looked."""


Update = TableState | Events


@dataclass
class Counters:
    """What happened to the subscriptions of a client since it was opened."""

    reconnects: int = 0
    recoveries: int = 0
    """Subscriptions that went on where they were."""
    snapshots: int = 0
    """Frames that began a table or a sequence, the first ones too."""
    gaps: int = 0
    """Frames that did not follow."""
    diverged: int = 0
    """Frames that did not fit the table, or whose checksum did not."""


class Follower:
    """One feed, from frame to frame and from connection to connection."""

    def __init__(self, request: Subscribe | Get, keep: int, counters: Counters) -> None:
        self.view = request.view
        """Asked for with the next request."""
        self.state: TableState | SequenceState | None = None
        """None before the first frame."""
        self._asked = request
        self._keep = keep
        self._counters = counters
        self._fresh = 0
        self._changed = False
        self._waits = False
        """Asked for, and nothing that fits came since."""
        self._crossing = False
        """Frames of before the last request may still come, as it was made during a connection."""

    def request(self, *, during: bool = False) -> Subscribe | Get:
        """The frame that asks for the feed, on from what is known of it.

        Args:
            during: whether it was asked for on the same connection before.
        """
        self._waits, self._crossing = True, during
        number, feed, state = self._asked.id, self._asked.feed, self.state
        if isinstance(self._asked, Get):
            return Get(number, feed, self.view)
        if state is None or state.lost:
            return Subscribe(number, feed, self.view)
        return Subscribe(number, feed, self.view, state.epoch, state.seq)

    def on_frame(self, frame: Snap | Delta | Event) -> bool:
        """Take *frame*; False if the feed must be asked for again."""
        if not self._take(frame):
            if not self._crossing:
                self._counters.gaps += 1
                self._forget()
            return self._crossing
        began = frame.after == 0 if isinstance(frame, Event) else isinstance(frame, Snap)
        if began:
            self._counters.snapshots += 1
        elif self._waits:
            self._counters.recoveries += 1
        self._waits = self._crossing = False
        # A lost table is not shown, nor what the reader has not seen yet of it.
        self._changed = self.state is not None and not self.state.lost
        self._counters.diverged += not self._changed
        return self._changed

    def read(self) -> Update | None:
        """What is new since the last time, all at once; None if nothing is."""
        state = self.state
        if not self._changed or state is None:
            return None
        self._changed = False
        if isinstance(state, TableState):
            return state
        fresh, self._fresh = self._fresh, 0
        kept = min(fresh, len(state.values))
        newest = islice(state.values, len(state.values) - kept, None)
        return Events(list(newest), fresh - kept)

    def _take(self, frame: Snap | Delta | Event) -> bool:
        if isinstance(frame, Snap):
            if not isinstance(self.state, TableState):
                self.state = TableState()
            self.state.on_snap(frame)
            return True
        if isinstance(frame, Delta):
            return isinstance(self.state, TableState) and self.state.on_delta(frame)
        if not isinstance(self.state, SequenceState):
            self.state = SequenceState(self._keep)
        taken = self.state.on_event(frame)
        self._fresh += len(frame.values) if taken else 0
        return taken

    def _forget(self) -> None:
        """After a gap: what cannot be gone on with is begun anew. A sequence is given one chance to go on."""
        if self.state is not None and (self._waits or isinstance(self.state, TableState)):
            self.state.lost = True
