"""Frames as they are shared: encoded once, and numbered for each client that gets them."""

from schemas.widget import Delta, Event, Snap
from schemas.wire import encode_json


_ID = b'"id":0'
_MOST_NUMBERS = 8
"""Pages of the same kind number alike: with these few most clients share the bytes."""


class Frame:
    """An encoded frame that takes whoever gets it to *seq*; it lacks the number of the subscription."""

    __slots__ = ("_after", "_before", "_numbered", "seq")

    def __init__(self, before: bytes, after: bytes, seq: int) -> None:
        self.seq = seq
        self._before = before
        self._after = after
        self._numbered: dict[int, bytes] = {}

    def numbered(self, subscription: int) -> bytes:
        """The frame for a client: the same bytes for all that gave the subscription the same number."""
        found = self._numbered.get(subscription)
        if found is None:
            found = b'%b"id":%d%b' % (self._before, subscription, self._after)
            if len(self._numbered) < _MOST_NUMBERS:
                self._numbered[subscription] = found
        return found


def frame(content: Snap | Delta | Event) -> Frame:
    """*content*, whose `id` is 0, encoded."""
    before, _, after = encode_json(content).partition(_ID)  # the first: `id` leads
    return Frame(before, after, content.seq)
