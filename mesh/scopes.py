"""Which feeds somebody may see: scopes are patterns of feeds, by the rules of subjects.

Tokens are separated by `/`. `*` stands for any one token, and `>`, at the end, for one or more:
`board/*`, `alert/>`, `row/BRK.B`, or `>` for everything.
"""

import re
from collections.abc import Iterable, Iterator


MAX_PATTERN_CHARACTERS = 100
"""As many as the name of a feed in a client's frame; it also bounds what a question costs."""

_PATTERN = re.compile(r"([^\s/*>]+|\*)(/([^\s/*>]+|\*))*(/>)?|>")


def is_pattern(text: str) -> bool:
    """Whether *text* names a feed or, with `*` and `>`, feeds."""
    return (
        len(text) <= MAX_PATTERN_CHARACTERS
        and text.isprintable()
        and _PATTERN.fullmatch(text) is not None
    )


def allowed(scopes: Iterable[str], feed: str) -> bool:
    """Whether whoever has *scopes* may see *feed*, which may be a pattern itself.

    A pattern is allowed only if every feed that it matches is, whether there is such a feed or
    not. What is no pattern is not allowed, and as a scope allows nothing.
    """
    if not is_pattern(feed):
        return False
    patterns = [scope.split("/") for scope in scopes if is_pattern(scope)]
    longest = max(map(len, patterns), default=0)
    return all(
        any(_takes(pattern, member) for pattern in patterns)
        for member in _members(feed.split("/"), longest)
    )


def _members(asked: list[str], longest: int) -> Iterator[list[str]]:
    """One feed for each length that *asked* matches, up to one more than any scope has.

    Its `*` is a token that no scope names: who may see that feed may see all of its length. Beyond
    the *longest* scope only those with `>` are left, and they do not tell lengths apart.
    """
    if asked[-1] != ">":
        yield asked
        return
    for length in range(len(asked), max(len(asked), longest + 1) + 1):
        yield asked[:-1] + ["*"] * (length - len(asked) + 1)


def _takes(pattern: list[str], feed: list[str]) -> bool:
    if pattern[-1] == ">":
        head = pattern[:-1]
        return len(feed) > len(head) and _agree(head, feed)
    return len(feed) == len(pattern) and _agree(pattern, feed)


def _agree(pattern: list[str], feed: list[str]) -> bool:
    return all(token in ("*", found) for token, found in zip(pattern, feed, strict=False))
