"""What happened lately, of one kind: what a sequence that somebody asks for only now begins with.

Each value has the number that its message has in a stream, so a position means the same in every
process, also in one that has just started and read the stream's tail. While a stream has no leader,
what everybody hears is there before its number is: its place is behind that of the newest number, and
means something in this process alone.
"""

from collections import deque


MOST_RECENT = 2000
PLACES = 1 << 24
"""From one number to the next. A place is the number times this, and one more for each value since that had none."""

_MOST_SPANS = 100


class Recent:
    """The newest of one kind, and how far they reach back.

    Args:
        epoch: of the stream that numbers them; empty: not known yet.
        floor: the number before the first.
    """

    def __init__(self, epoch: str, floor: int = 0) -> None:
        self.epoch = epoch
        self.number = floor
        """The newest."""
        self.place = floor * PLACES
        """Where somebody is who has all."""
        self.floor = self.place
        """Whoever is at a place before this one has missed what is no longer known."""
        self.kept: deque[tuple[int, str, bytes]] = deque()
        """Place, feed and value, oldest first."""
        self._early = 0
        """Values whose numbers are not known yet."""
        self._spans: deque[tuple[int, int]] = deque(maxlen=_MOST_SPANS)
        """Numbers before values that had none, and the last that these were given then."""

    def begin(self, epoch: str, floor: int) -> None:
        """The stream is known now."""
        self.epoch, self.number = epoch, floor
        self.place = self.floor = floor * PLACES

    def cut(self, number: int) -> None:
        """Up to *number* something may have been missed."""
        self.floor = max(self.floor, number * PLACES)

    def put(self, feed: str, value: bytes | None, number: int | None) -> None:
        """The next one. None for a *value*: it came without a number before, which is known now."""
        if number is None:
            self.place += 1
            if not (self._early and self._keeps_early):
                self._spans.append((self.number, self.number))
                self._early = 0
            self._early += 1
        else:
            self.number, self.place = number, number * PLACES
            if value is None and self._early:
                self._early -= 1
                self._spans[-1] = (self._spans[-1][0], number)
        if value is None:
            return
        self.kept.append((self.place, feed, value))
        if len(self.kept) > MOST_RECENT:
            self.floor = self.kept.popleft()[0]

    def is_among_early(self, number: int) -> bool:
        """Whether somebody who is at *number* may lack values that are kept at places before it, since they came without theirs."""
        if any(before < number < last for before, last in self._spans):
            return True
        return self._early > 0 and self._keeps_early and self._spans[-1][0] < number

    @property
    def _keeps_early(self) -> bool:
        """Whether the last values that had no numbers are still there: otherwise these may never come."""
        return self.floor <= self._spans[-1][0] * PLACES
