"""One line of a JSON tape: an event object, or a whole frame of them as the vendor sent it.

A frame is an array, so its first character tells. What feeds a benchmark is made of frames: they
go out as they are, and nothing is done for each event.
"""

from collections import Counter
from contextlib import suppress

import msgspec

from schemas.wire import DecodeError, Wire, json_decoder
from services.simulator.events import NS_PER_MS, TapeEvent


MALFORMED = "malformed"
"""The `ev` of a line that cannot be read; it goes to every connection."""
FRAME = "frame"
"""The `ev` of a line that is a whole frame."""

_BARS = frozenset({"A", "AM"})
_NS_FROM = 100_000_000_000_000
_PLAUSIBLE_MS = (946_684_800_000, 4_102_444_800_000)
"""2000 to 2099, as in `schemas.massive`."""
_BEGINNINGS = {
    **{ev: f'{{"ev":"{ev}","sym":"'.encode() for ev in ("T", "Q", "A", "AM")},
    "LULD": b'{"ev":"LULD","T":"',
}
"""How the vendor's events begin, the most frequent first. The longer they are, the faster they are found."""


class _Peek(Wire, frozen=True):
    ev: str
    sym: str = ""
    T: str = ""
    t: int | None = None
    e: int | None = None


_peek = json_decoder(_Peek).decode
_objects = json_decoder(list[msgspec.Raw]).decode


def read(line: bytes, since_ms: int) -> TapeEvent:
    """*line*, not earlier than *since_ms*; what cannot be read keeps the time of the line before it."""
    if line.startswith(b"["):
        return TapeEvent(max(since_ms, time_ms_of(line)), FRAME, "", line)
    try:
        event = _peek(line)
    except DecodeError:
        return TapeEvent(since_ms, MALFORMED, "", line)
    return TapeEvent(max(since_ms, _known_ms(event)), event.ev, event.sym or event.T, line)


def is_readable(line: bytes) -> bool:
    """Whether *line* is an event or a frame that ends with one."""
    return _last(line) is not None


def time_ms_of(line: bytes) -> int:
    """When a live feed would know *line*, 0 if it does not say; a frame is known with its last event."""
    event = _last(line)
    return 0 if event is None else _known_ms(event)


def events_of(frame: TapeEvent) -> list[TapeEvent] | None:
    """The events of a frame, all at its time; None if it is broken."""
    try:
        return [read(bytes(raw), frame.time_ms) for raw in _objects(frame.payload)]
    except DecodeError:
        return None


def count(frame: bytes) -> Counter[str]:
    """How many events of each type a frame holds; decoded only if it is not written as the vendor does."""
    counts: Counter[str] = Counter()
    missing = frame.count(b"{")
    for ev, beginning in _BEGINNINGS.items():
        if not missing:
            return counts
        found = frame.count(beginning)
        if found:
            counts[ev] = found
            missing -= found
    if not missing:
        return counts
    events = events_of(TapeEvent(0, FRAME, "", frame))
    return Counter([MALFORMED] if events is None else [event.ev for event in events])


def _last(line: bytes) -> _Peek | None:
    """The event, or the last one of a frame: the vendor's objects are flat."""
    with suppress(DecodeError):
        if line.startswith(b"["):
            return _peek(line[line.rfind(b"{") : line.rfind(b"}") + 1])
        return _peek(line)
    return None


def _known_ms(event: _Peek) -> int:
    time = event.e if event.ev in _BARS else event.t
    if time is None:
        return 0
    time_ms = time // NS_PER_MS if time >= _NS_FROM else time
    # a time in another unit would carry all that follows it out of its day
    return time_ms if _PLAUSIBLE_MS[0] <= time_ms < _PLAUSIBLE_MS[1] else 0
