"""All sequences of what happens that somebody follows, or has followed a moment ago."""

from collections import OrderedDict
from collections.abc import Callable, Container

from services.widgets.live_sequence import LiveSequence, matches
from services.widgets.recent import Recent
from services.widgets.want import ViewError


SEQUENCES = ("alert", "halt", "news")
"""Sequences that are heard all the time, by the first token of their feeds."""

_MOST_IDLE = 32
"""Sequences that nobody follows any more and that are kept for those who come back: they go on meanwhile."""
_TOKENS = {"alert": 3, "halt": 2, "news": 2, "trades": 2, "status": 1}


class Sequences:
    """Those of one process; *next_epoch* is another at each call."""

    def __init__(self, next_epoch: Callable[[], str]) -> None:
        self._next_epoch = next_epoch
        self._live: OrderedDict[str, LiveSequence] = OrderedDict()
        self._recent = {kind: Recent(next_epoch()) for kind in SEQUENCES}
        self._counted: dict[str, Recent] = {}
        """Numbers of those that are heard only while they are followed, by feed."""

    def expect(self, kind: str) -> None:
        """Those of *kind* are numbered by a stream that is not known yet: until `begin` nobody is told anything."""
        self._recent[kind] = Recent("")

    def begin(self, kind: str, epoch: str, floor: int) -> list[LiveSequence]:
        """The stream of *kind* is *epoch*, and known from behind the number *floor* on; the sequences for which that is news.

        Those of a former stream have ended.
        """
        found = self.of_kind(kind)
        if not self._recent[kind].epoch:
            self._recent[kind].begin(epoch, floor)
        else:
            self._recent[kind] = Recent(epoch, floor)
            for each in found:
                each.has_ended = each.has_successor = True
                del self._live[each.pattern]
        self.cut(kind, floor)
        return found

    def cut(self, kind: str, number: int) -> None:
        """Of *kind* something up to *number* may have been missed."""
        self._recent[kind].cut(number)
        for each in self.of_kind(kind):
            each.cut(number)

    def put(self, feed: str, value: bytes | None, number: int | None) -> list[LiveSequence]:
        """Something has happened; the sequences that it is now part of.

        Args:
            feed: what it is of.
            value: None: it was put without a number before.
            number: in its stream; None: not known yet.
        """
        return self._put(self._recent[_kind(feed)], feed, value, number)

    def count(self, feed: str, value: bytes) -> list[LiveSequence]:
        """The same of what no stream numbers."""
        recent = self._recent.get(_kind(feed)) or self._counted.get(feed)
        return [] if recent is None else self._put(recent, feed, value, recent.number + 1)

    def find(self, pattern: str) -> LiveSequence:
        """The sequence of what *pattern* matches.

        Raises:
            ViewError: it matches nothing that can ever be.
        """
        found = self._live.get(pattern)
        if found is None:
            _check(pattern)
            recent = self._recent.get(_kind(pattern))
            if recent is None:
                recent = self._counted[pattern] = Recent(self._next_epoch())
            found = self._live[pattern] = LiveSequence(pattern, recent)
            for place, feed, value in recent.kept:
                if matches(pattern, feed):
                    found.put(value, place)
        self._live.move_to_end(pattern)
        return found

    def of_kind(self, kind: str) -> list[LiveSequence]:
        """Those whose feeds begin with *kind*."""
        return [each for each in self._live.values() if _kind(each.pattern) == kind]

    def forget_unused(self, used: Container[object]) -> None:
        """Keep those that are *used*, and some that were."""
        idle = [name for name, each in self._live.items() if each not in used]
        heard = [name for name in idle if _kind(name) in SEQUENCES]
        for name in {*idle}.difference(heard[-_MOST_IDLE:]):  # nobody hears the others meanwhile
            del self._live[name]
            self._counted.pop(name, None)

    def _put(
        self, recent: Recent, feed: str, value: bytes | None, number: int | None
    ) -> list[LiveSequence]:
        recent.put(feed, value, number)
        found = [each for each in self._live.values() if matches(each.pattern, feed)]
        for each in found:
            each.put(value, recent.place)
        return found


def _kind(feed: str) -> str:
    return feed.partition("/")[0]


def _check(pattern: str) -> None:
    tokens = pattern.split("/")
    wanted = _TOKENS.get(tokens[0])
    open_end = tokens[-1] == ">" and len(tokens) > 1 and tokens[0] in SEQUENCES
    if wanted is None or not all(tokens) or not (len(tokens) == wanted or open_end):
        raise ViewError(f"there is no feed {pattern[:100]!r}")
    if tokens[0] == "trades" and tokens[1] in ("*", ">"):
        raise ViewError("the tape is followed symbol by symbol: trades/AAPL")
