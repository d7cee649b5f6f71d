"""Feed and cache names of the replaced system: which there are, what each is of, and what a pattern means.

A name is declared here or it does not exist: nothing else can be read or subscribed to, whatever a
client asks for. Not taken over are names of raw trades and quotes (`stocks:trades:*`,
`stocks:quotes:*`), of the legacy boards (`cache:*`), and internal keys; no widget reads any of them.
"""

from enum import Enum
from typing import NamedTuple

from schemas.alert import AlertKind
from schemas.naming import is_symbol


class Kind(Enum):
    """What a name is of."""

    BOARD = "scanners"
    QUOTE = "quote"
    RANGE = "daily_range"
    ALERTS = "alerts"
    """New highs or new lows of a session; a list as a cache, newest first."""
    NEWS = "news"
    """A list as a cache, as alerts are."""
    BAR = "stocks:agg"
    BAND = "stocks:luld"
    TRADES = "tta"
    """Top trades: only a cache, never published."""


class Name(NamedTuple):
    """A declared name."""

    text: str
    kind: Kind
    of: str
    """Our board, alert kind or symbol; empty for what is of the whole market."""

    @property
    def is_list(self) -> bool:
        """Whether its values are events, each of which counts; of all other names only the newest does."""
        return self.kind in (Kind.ALERTS, Kind.NEWS)


BOARDS = {
    "scanners:top_gainers": "gainers",
    "scanners:top_gappers": "gappers",
    "scanners:top_volume": "volume",
}
"""Names of the old boards, and ours that have the same score."""
ALERTS = {
    "daily_range_hod_alert": AlertKind.HIGH,
    "daily_range_lod_alert": AlertKind.LOW,
}
ALL_TRADES = "tta:all_symbols:widget"

_FIXED = {
    **{text: Name(text, Kind.BOARD, board) for text, board in BOARDS.items()},
    **{text: Name(text, Kind.ALERTS, kind) for text, kind in ALERTS.items()},
    "news:feed:latest": Name("news:feed:latest", Kind.NEWS, ""),
    ALL_TRADES: Name(ALL_TRADES, Kind.TRADES, ""),
}
_OF_SYMBOL = (
    ("quote:", "", Kind.QUOTE),
    ("daily_range:", "", Kind.RANGE),
    ("news:ticker:", "", Kind.NEWS),
    ("stocks:agg:", "", Kind.BAR),
    ("stocks:luld:", "", Kind.BAND),
    ("tta:", ":widget", Kind.TRADES),
)


def parse(text: str) -> Name | None:
    """The name that *text* is, literally; None if it is not declared."""
    fixed = _FIXED.get(text)
    if fixed is not None:
        return fixed
    for prefix, suffix, kind in _OF_SYMBOL:
        if text.startswith(prefix) and text.endswith(suffix):
            symbol = text[len(prefix) : len(text) - len(suffix)]
            return Name(text, kind, symbol) if is_symbol(symbol) else None
    return None


def of_symbol(kind: Kind, symbol: str) -> str:
    """The name of *kind* (one that only symbols have) for *symbol*: `quote:BRK.B`."""
    return f"{kind.value}:{symbol}"


def is_pattern(text: str) -> bool:
    """Whether a feed means all names that match it: as in the old system, only with a `*`."""
    return "*" in text


class _Character(NamedTuple):
    ranges: tuple[tuple[str, str], ...]
    """First and last character of each."""
    negated: bool = False

    def takes(self, character: str) -> bool:
        found = any(first <= character <= last for first, last in self.ranges)
        return found != self.negated


_ANY = _Character((), negated=True)
_STAR = None


class Pattern:
    """A pattern by the rules of Redis: `*`, `?`, `[abc]`, `[^a-z]`, and a backslash before what is meant literally.

    Matching takes time that grows with the product of both lengths, whatever the pattern.
    """

    __slots__ = ("_tokens",)

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)

    def matches(self, name: str) -> bool:
        """Whether *name* is one of those that are meant."""
        tokens, at, token = self._tokens, 0, 0
        star, resume = -1, 0
        while at < len(name):
            wanted = tokens[token] if token < len(tokens) else _Character(())
            if wanted is _STAR:
                star, resume = token, at
                token += 1
            elif wanted.takes(name[at]):
                at, token = at + 1, token + 1
            elif star >= 0:  # let the last star take one character more
                resume += 1
                at, token = resume, star + 1
            else:
                return False
        return all(left is _STAR for left in tokens[token:])


def _tokens(text: str) -> list[_Character | None]:
    found: list[_Character | None] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == "[":
            at, token = _bracket(text, at + 1)
            found.append(token)
            continue
        if character == "*":
            if not found or found[-1] is not _STAR:
                found.append(_STAR)
        elif character == "?":
            found.append(_ANY)
        else:
            if character == "\\" and at + 1 < len(text):
                at += 1
                character = text[at]
            found.append(_Character(((character, character),)))
        at += 1
    return found


def _bracket(text: str, at: int) -> tuple[int, _Character]:
    """Where the text goes on after a bracket that was opened before *at*, and what it takes.

    One that is never closed ends with the text, as in Redis.
    """
    negated = text[at : at + 1] == "^"
    at += negated
    ranges = []
    while at < len(text) and text[at] != "]":
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
            ranges.append((text[at], text[at]))
        elif text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            first, last = sorted((text[at], text[at + 2]))
            ranges.append((first, last))
            at += 2
        else:
            ranges.append((text[at], text[at]))
        at += 1
    return at + 1, _Character(tuple(ranges), negated)
