"""Names of the replaced system, and patterns over them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alert import AlertKind
from services.scanners import discover
from services.widgets.compat_names import BOARDS, Kind, Name, Pattern, is_pattern, of_symbol, parse
from services.widgets.compat_values import SCORES


@pytest.mark.parametrize(
    ("text", "kind", "of"),
    [
        ("scanners:top_gainers", Kind.BOARD, "gainers"),
        ("daily_range_lod_alert", Kind.ALERTS, AlertKind.LOW),
        ("news:feed:latest", Kind.NEWS, ""),
        ("quote:BRK.B", Kind.QUOTE, "BRK.B"),
        ("daily_range:BACpL", Kind.RANGE, "BACpL"),
        ("news:ticker:A", Kind.NEWS, "A"),
        ("stocks:agg:A", Kind.BAR, "A"),
        ("stocks:luld:A", Kind.BAND, "A"),
        ("tta:all_symbols:widget", Kind.TRADES, ""),
        ("tta:A:widget", Kind.TRADES, "A"),
    ],
)
def test_names_declared_ones_are_known(text: str, kind: Kind, of: str) -> None:
    """Each name of the old system says what it is of here."""
    assert parse(text) == Name(text, kind, of)


@pytest.mark.parametrize(
    "text",
    ["", "quote:", "quote:A B", "quote:*", "quote:A\n", "tta:A:recent", "symbol:A:data", "scanners:losers",
     "stocks:trades:A", "cache:top_stocks", "QUOTE:A", "quote:" + "A" * 33, "tta::widget", "quote:\u0130"],
)  # fmt: skip
def test_names_all_others_are_not(text: str) -> None:
    """What is not declared is no name: no other key, no pattern, nothing that could not be a symbol."""
    assert parse(text) is None


@given(
    st.sampled_from([Kind.QUOTE, Kind.RANGE, Kind.BAR, Kind.BAND]),
    st.from_regex(r"[A-Z.]{1,8}", fullmatch=True),
)
def test_names_of_symbols_are_parsed_back(kind: Kind, symbol: str) -> None:
    """A name that is built for a symbol is the declared name of that symbol."""
    assert parse(of_symbol(kind, symbol)) == Name(of_symbol(kind, symbol), kind, symbol)


def test_names_of_boards_are_of_boards_that_exist() -> None:
    """Every old board has one of ours, and a field that it is sorted by."""
    assert set(BOARDS.values()) == set(SCORES)
    assert set(BOARDS.values()) <= {board.name for board in discover()}


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "quote:A", True),
        ("quote:*", "quote:A", True),
        ("quote:*", "daily_range:A", False),
        ("*:A", "quote:A", True),
        ("*:A", "quote:AB", False),
        ("q*e:*", "quote:A", True),
        ("quote:A*", "quote:A", True),
        ("quote:?*", "quote:", False),
        ("quote:[AB]*", "quote:BX", True),
        ("quote:[^AB]*", "quote:BX", False),
        ("quote:[^AB]*", "quote:CX", True),
        ("quote:[A-C]*", "quote:B", True),
        ("quote:[C-A]*", "quote:B", True),
        ("quote:[A*", "quote:A", True),
        ("quote:[]*", "quote:A", False),
        ("quote:\\**", "quote:*A", True),
        ("quote:\\**", "quote:A", False),
        ("quote:[\\]]*", "quote:]", True),
        ("*\\", "a\\", True),
        ("", "", True),
        ("", "a", False),
        ("**", "", True),
    ],
)
def test_names_pattern_follows_the_rules_of_redis(
    pattern: str, name: str, *, matches: bool
) -> None:
    """Stars, question marks, brackets, ranges, negation and backslashes mean what they mean in Redis."""
    assert Pattern(pattern).matches(name) is matches


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_names_pattern_equals_a_regular_expression(pattern: str, name: str) -> None:
    """Against an independent matcher, for every pattern of stars and question marks."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")

    assert Pattern(pattern).matches(name) == (re.fullmatch(expression, name) is not None)


@given(st.text(max_size=40), st.text(max_size=40))
def test_names_pattern_takes_any_text(pattern: str, name: str) -> None:
    """No pattern is an error, however odd."""
    Pattern(pattern).matches(name)


def test_names_pattern_that_would_ruin_a_regular_expression_is_quick() -> None:
    """Many stars cost no more than the product of both lengths."""
    assert not Pattern("a*" * 120 + "b").matches("a" * 250)


def test_names_only_a_star_makes_a_pattern() -> None:
    """As in the old system, a feed with a question mark or brackets alone is taken literally."""
    assert is_pattern("quote:*")
    assert not is_pattern("quote:?")
    assert not is_pattern("quote:[A-Z]")
