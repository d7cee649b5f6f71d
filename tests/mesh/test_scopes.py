"""Scopes: what a pattern allows, against a matcher that tries every feed of a small world."""

import re
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mesh.scopes import MAX_PATTERN_CHARACTERS, allowed, is_pattern


LONGEST = 3
WORLD = [
    "/".join(tokens)
    for length in range(1, LONGEST + 2)  # one more than any pattern of the test
    for tokens in product("abz", repeat=length)  # no pattern names z
]

tokens = st.sampled_from(["a", "b", "*"])
patterns = st.builds(
    lambda head, tail: "/".join([*head, *tail]),
    st.lists(tokens, min_size=1, max_size=LONGEST - 1),
    st.lists(st.sampled_from(["a", "*", ">"]), max_size=1),
) | st.just(">")


def _matches(pattern: str, feed: str) -> bool:
    expression = "/".join({"*": "[^/]+", ">": ".+"}.get(each, each) for each in pattern.split("/"))
    return re.fullmatch(expression, feed) is not None


@settings(max_examples=500)
@given(st.lists(patterns, max_size=4), patterns)
@example(["a/*", "a/*/>"], "a/>")  # no scope alone allows it, both together do
@example(["*", "*/*", "*/*/*"], ">")
@example(["a/*", "b/*"], "*/a")
@example(["a", "b"], "*")
@example([], ">")
def test_pattern_is_allowed_if_everything_it_matches_is(scopes: list[str], asked: str) -> None:
    """A pattern is allowed exactly if each feed of a small world that it matches is matched by a scope."""
    everything = all(
        any(_matches(scope, feed) for scope in scopes) for feed in WORLD if _matches(asked, feed)
    )

    assert allowed(scopes, asked) is everything


@given(st.lists(patterns, max_size=4), patterns, patterns)
def test_another_scope_takes_nothing_away(scopes: list[str], more: str, asked: str) -> None:
    """Whoever may see a feed may still see it with one scope more, and each scope allows itself."""
    assert allowed([*scopes, more], more)
    assert not allowed(scopes, asked) or allowed([*scopes, more], asked)


@pytest.mark.parametrize(
    ("scope", "feed", "is_allowed"),
    [
        ("board/*", "board/gainers", True),
        ("board/*", "board/*", True),
        ("board/*", "board/>", False),
        ("board/*", "board", False),
        ("board/*", "boards/gainers", False),
        ("alert/>", "alert/high/AAPL", True),
        ("alert/>", "alert/*/AAPL", True),
        ("alert/>", "alert", False),
        ("alert/*/AAPL", "alert/>", False),
        ("alert/*/AAPL", "alert/high/AAPL", True),
        ("alert/*/AAPL", "alert/high/MSFT", False),
        ("row/AAPL", "row/AAPL", True),
        ("row/AAPL", "row/aapl", False),
        ("row/BRK.B", "row/BRK.B", True),
        ("row/AAPL", "row/*", False),
        (">", "status", True),
        (">", ">", True),
        (">", "*", True),
    ],
)
def test_scope_allows_what_subjects_would(scope: str, feed: str, *, is_allowed: bool) -> None:
    """The examples of the documentation, and their neighbours."""
    assert allowed([scope], feed) is is_allowed


NO_PATTERNS = (
    "", "/", "a/", "/a", "a//b", ">/a", "a/>/b", "a*", "*a", "a>", "**", ">>", "a b", " a", "a\n", "a/\x00",
    "a\u2028b", "a\x85", "a\ud800", "a" * (MAX_PATTERN_CHARACTERS + 1),
)  # fmt: skip


@pytest.mark.parametrize("text", NO_PATTERNS)
def test_what_is_no_pattern_allows_nothing(text: str) -> None:
    """A malformed feed is not allowed by any scope, and a malformed scope allows no feed, not even itself."""
    assert not is_pattern(text)
    assert not allowed([">"], text)
    assert not allowed([text], "a")
    assert not allowed([text], text)


@given(st.text(max_size=20), st.text("ab*>/ ", max_size=12))
def test_any_text_is_answered(feed: str, other: str) -> None:
    """Whatever is asked, the answer is yes or no; with `>` it is whether the text is a pattern."""
    for text in (feed, other):
        assert allowed([">"], text) is is_pattern(text)
        assert not allowed([], text)
