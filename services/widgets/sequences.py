"""All sequences of what happens that somebody follows, or has followed a moment ago."""

from collections import OrderedDict, deque
from collections.abc import Callable, Container

from services.widgets.live_sequence import LiveSequence, matches
from services.widgets.want import ViewError


SEQUENCES = ("alert", "halt", "news")
"""Sequences that are heard all the time, by the first token of their feeds."""

_MOST_IDLE = 32
"""Sequences that nobody follows any more and that are kept for those who come back: they go on meanwhile."""
_MOST_HAPPENED = 2000
_TOKENS = {"alert": 3, "halt": 2, "news": 2, "trades": 2, "status": 1}


class Sequences:
    """Those of one process; *next_epoch* is another at each call."""

    def __init__(self, next_epoch: Callable[[], str]) -> None:
        self._next_epoch = next_epoch
        self._live: OrderedDict[str, LiveSequence] = OrderedDict()
        self._happened: dict[str, deque[tuple[str, bytes]]] = {}

    def put(self, feed: str, value: bytes) -> list[LiveSequence]:
        """Something has happened; the sequences that it is now part of."""
        kind = feed.partition("/")[0]
        if kind in SEQUENCES:
            self._happened.setdefault(kind, deque(maxlen=_MOST_HAPPENED)).append((feed, value))
        found = [each for each in self._live.values() if matches(each.pattern, feed)]
        for each in found:
            each.put(value)
        return found

    def find(self, pattern: str) -> LiveSequence:
        """The sequence of what *pattern* matches.

        Raises:
            ViewError: it matches nothing that can ever be.
        """
        found = self._live.get(pattern)
        if found is None:
            _check(pattern)
            found = self._live[pattern] = LiveSequence(pattern, self._next_epoch())
            for feed, value in self._happened.get(pattern.partition("/")[0], ()):
                if matches(pattern, feed):
                    found.put(value)
        self._live.move_to_end(pattern)
        return found

    def of_kind(self, kind: str) -> list[LiveSequence]:
        """Those whose feeds begin with *kind*."""
        return [each for each in self._live.values() if each.pattern.partition("/")[0] == kind]

    def forget_unused(self, used: Container[object]) -> None:
        """Keep those that are *used*, and some that were."""
        idle = [name for name, each in self._live.items() if each not in used]
        heard = [name for name in idle if name.partition("/")[0] in SEQUENCES]
        for name in {*idle}.difference(heard[-_MOST_IDLE:]):  # nobody hears the others meanwhile
            del self._live[name]


def _check(pattern: str) -> None:
    tokens = pattern.split("/")
    wanted = _TOKENS.get(tokens[0])
    open_end = tokens[-1] == ">" and len(tokens) > 1 and tokens[0] in SEQUENCES
    if wanted is None or not all(tokens) or not (len(tokens) == wanted or open_end):
        raise ViewError(f"there is no feed {pattern[:100]!r}")
    if tokens[0] == "trades" and tokens[1] in ("*", ">"):
        raise ViewError("the tape is followed symbol by symbol: trades/AAPL")
