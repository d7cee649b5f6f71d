"""Frames as they are shared: encoded once, and numbered for each client that gets them."""

from schemas.widget import Delta, Event, Snap
from schemas.wire import encode_json


_TEXT = 0x81
"""The last frame of a text."""
_IN_TWO_BYTES, _IN_EIGHT_BYTES = 126, 127
"""Lengths that say that the length follows."""
_ID = b'"id":0'
_MOST_NUMBERS = 8
"""Pages of the same kind number alike: with these few most clients share the bytes."""


class Frame:
    """An encoded frame that takes whoever gets it to *seq*; it lacks the number of the subscription."""

    __slots__ = ("_after", "_before", "_framed", "_numbered", "seq")

    def __init__(self, before: bytes, after: bytes, seq: int) -> None:
        self.seq = seq
        self._before = before
        self._after = after
        self._numbered: dict[int, bytes] = {}
        self._framed: dict[int, bytes] = {}

    def numbered(self, subscription: int) -> bytes:
        """The frame for a client: the same bytes for all that gave the subscription the same number."""
        found = self._numbered.get(subscription)
        if found is None:
            found = b'%b"id":%d%b' % (self._before, subscription, self._after)
            if len(self._numbered) < _MOST_NUMBERS:
                self._numbered[subscription] = found
        return found

    def framed(self, subscription: int) -> bytes:
        """The same as a message of a WebSocket, ready to be sent: not copied once more for each client."""
        found = self._framed.get(subscription)
        if found is None:
            found = text_message(self.numbered(subscription))
            if len(self._framed) < _MOST_NUMBERS:
                self._framed[subscription] = found
        return found


def frame(content: Snap | Delta | Event, seq: int | None = None) -> Frame:
    """*content*, whose `id` is 0, encoded; *seq* is where it takes whoever gets it, if that is not its own."""
    before, _, after = encode_json(content).partition(_ID)  # the first: `id` leads
    return Frame(before, after, content.seq if seq is None else seq)


def text_message(payload: bytes) -> bytes:
    """*payload* as one whole text frame of a server. Source: RFC 6455, 5.2."""
    length = len(payload)
    if length < _IN_TWO_BYTES:
        head = bytes((_TEXT, length))
    elif length < 1 << 16:
        head = bytes((_TEXT, _IN_TWO_BYTES)) + length.to_bytes(2, "big")
    else:
        head = bytes((_TEXT, _IN_EIGHT_BYTES)) + length.to_bytes(8, "big")
    return head + payload
