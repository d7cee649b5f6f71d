"""Conditions that are refused: where they are wrong, what is said, and that nothing worse happens."""

import inspect
import sys

import msgspec
import pytest

from schemas.widget import View
from services.widgets.where import WhereError, compile_where
from services.widgets.where_syntax import DEEPEST, MOST_CHARACTERS, MOST_NODES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # ^ stands before the place
        ("^", "empty"),
        ("^  ", "empty"),
        ("^volume > 5", "volume_shares"),
        ("last_usd > 5 or ^Last_Usdd < 1", "last_usd"),
        ("^foo > 1", "such as last_usd"),
        ("symbol == ^AAPL", "'AAPL'"),
        ("session == ^pre", "'pre'"),
        ("'é€😀' == symbol and ^foo > 1", "foo is no field"),
        ("  symbol in ('😀', 'é') and 1 < ^foo", "foo is no field"),
        ("symbol == 'é' and last_usd > ^> 1", "'>' does not fit"),
        ("^last_usd", "condition"),
        ("last_usd > 5 and ^gap_pct", "condition"),
        ("not ^5", "condition"),
        ("^(last_usd, 5)", "not a list"),
        ("known(^last_usd > 5)", "not a condition"),
        ("abs(^known(last_usd)) > 5", "not a condition"),
        ("5 < (^not known(last_usd))", "not a condition"),
        ("last_usd > ^'a'", "the text 'a'"),
        ("last_usd in (1, ^'a')", "the text 'a'"),
        ("last_usd in (1, ^bid_usd)", "bid_usd, which is a number"),
        ("^symbol + 1 > 2", "symbol, which is a text"),
        ("symbol == ^5", "the number 5"),
        ("^-5 == symbol", "text in quotes"),
        ("symbol == ^session", "text in quotes"),
        ("symbol in ('A', ^5)", "the number 5"),
        ("symbol in ^'A'", "a list"),
        ("symbol in (^'A')", "a list"),
        ("symbol > ^'A'", "no order"),
        ("session < ^'post'", "no order"),
        ("session == ^'Pre'", "closed, pre, regular, post"),
        ("halt in ('paused', ^'halted')", "limit, paused, resumed"),
        ("trading_day > ^'20260105'", "2026-01-05"),
        ("trading_day > ^'2026-02-30'", "2026-01-05"),
        ("trading_day > ^'monday'", "2026-01-05"),
        ("starts_with(^halt, 'p')", "symbol is expected"),
        ("starts_with(symbol, ^5)", "text in quotes"),
        ("^starts_with(symbol) or 1 < 2", "takes 2, was given 1"),
        ("^known()", "takes 1, was given 0"),
        ("1 < ^abs(1, 2)", "takes 1, was given 2"),
        ("1 < ^min(last_usd)", "at least 2"),
        ("^sqrt(last_usd) > 2", "abs, min, max, known, starts_with"),
        ("^last_usd(1) > 2", "no function"),
        ("^(abs)(1)(2) > 2", "no function"),
        ("^max > 5", "is a function"),
        ("last_usd > ^1e999", "too large"),
        ("last_usd in (^1e999, 2)", "too large"),
        ("volume_shares > 5^m", "5_000_000"),
        ("volume_shares > 0^x1F", "letters"),
        ("last_usd > 5^or known(halt)", "letters"),
        ("last_usd > 5.^and known(halt)", "letters"),
        ("5^not in (last_usd, 5)", "letters"),
        ("last_usd > 1 ^2", "operator or a comma"),
        ("symbol in ('A' ^'B')", "operator or a comma"),
        ("last_usd > ^007", "'007' does not fit"),
        ("last_usd >^", "too early"),
        ("last_usd > 5 and^", "too early"),
        ("last_usd > 5 and ^or gap_pct > 1", "'or' does not fit"),
        ("^(last_usd > 5", "never closed"),
        ("last_usd > 5^)", "closes none"),
        ("last_usd in (1, 2^]", "closes none"),
        ("last_usd ^= 5", "=="),
        ("last_usd ^=> 5", ">="),
        ("last_usd ^≥ 5", ">="),
        ("known(last_usd) ^&& known(bid_usd)", "and"),
        ("^!known(last_usd)", "not"),
        ("last_usd ^<> 5", "!="),
        ("last_usd ^is None", "known"),
        ("last_usd == ^None", "known"),
        ("last_usd > 5 ^if known(last_usd) else 1 < 2", "no meaning"),
        ("session == ^“pre”", "quotes"),
        ("session == ^'pre", "must end"),
        ("session == ^'p\\x72e'", "backslash"),
        ("last_usd > 5^\nand gap_pct > 1", "one line"),
        ("last_usd > 5 ^# cheap", "no meaning"),
        ("last_usd ^\x00> 5", "no meaning"),
        ("^ｌast_usd > 5", "no meaning"),
        ("^+last_usd > 5", "a number is expected"),
    ],
)
def test_error_points_at_the_place(text: str, said: str) -> None:
    """What is wrong is said with its place in characters, whatever stands before it."""
    place = text.index("^")
    with pytest.raises(WhereError) as refused:
        compile_where(text.replace("^", ""))

    assert said in str(refused.value)
    assert refused.value.place == place


ATTACKS = [
    "__import__('os').system('id') == 0",
    "__import__('os')",
    "eval('1') > 0",
    "symbol.__class__.__mro__[1].__subclasses__()",
    "symbol.upper() == 'A'",
    "'A'.join(symbol) == 'A'",
    "(lambda: 1)() > 0",
    "[x for x in (1, 2)] == 1",
    "min(x for x in (1, 2)) > 0",
    "{1, 2} == last_usd",
    "{'a': 1}['a'] > 0",
    "(last_usd := 5) > 4",
    "last_usd[0] > 1",
    "last_usd[0:1] > 1",
    "[1, 2][0] > last_usd",
    "known(*symbol)",
    "min(**halt) > 1",
    "min(last_usd, *symbol) > 1",
    "min(last_usd, key=5) > 1",
    "last_usd in (*symbol, 1)",
    "await symbol",
    "(yield)",
    "last_usd if known(last_usd) else 5",
    "9**9**9 > 1",
    "'a'*10**9 == symbol",
    "'a' * 1000000000 == symbol",
    "symbol in ('a' * 1000000000,)",
    "1 << 10000000000 > last_usd",
    "last_usd % 2 == 0",
    "last_usd // 2 == 0",
    "last_usd @ 2 == 0",
    "~5 < last_usd",
    "5 & 4 < last_usd",
    "1j * 1j < last_usd",
    "b'A' == symbol",
    "f'{__import__(1)}' == symbol",
    "rb'A' == symbol",
    "u'A' == symbol",
    "'''A''' == symbol",
    '"""A""" == symbol',
    "'\\N{DIGIT ONE}' == symbol",
    "'\\d' == symbol",
    "'\ud800' == symbol",
    "symbol == '\x00'",
    "... == symbol",
    "True",
    "True == 1",
    "__debug__",
    "not None",
    "last_usd > 1; last_usd > 2",
    "import os",
    "last_usd > 5 or\\\nlast_usd < 1",
    "# coding: latin-1",
    "\ufefflast_usd > 5",
    "\x0clast_usd > 5",
    "\x85last_usd > 5",
    "١ < last_usd",
    "last_usd > 1) or (last_usd < 5",
    "1" * 400 + " < last_usd",
    "-" * 999 + "1",
    "- " * 400 + "last_usd > 1",
    "not " * 240 + "last_usd > 1",
    "(" * 999,
    "(" * 60 + "last_usd" + ")" * 60 + " > 1",
    "[" * 500 + "]" * 500,
    "known(" * 150,
    "abs(" * 100 + "last_usd" + ")" * 100 + " > 1",
    "trades+" * 60 + "trades > 1",
    "(trades in " * 40 + "trades" + ")" * 40,
    "a " * 500,
    "_" * 1000,
    "A" * 1000,
    "'" * 999,
    ("known(trades) or " * 58)[:990],
]


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_attack_is_refused(text: str, recwarn: pytest.WarningsRecorder) -> None:
    """What belongs to Python and not to conditions is refused, quickly and with a place in the text."""
    with pytest.raises(WhereError) as refused:
        compile_where(text)

    assert 0 <= refused.value.place <= len(text)
    assert str(refused.value)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("largest", "larger", "place", "said"),
    [
        ("1 < 2".ljust(MOST_CHARACTERS), "1 < 2".ljust(MOST_CHARACTERS + 1), 1000, "characters"),
        ("(" * DEEPEST + "1<2" + ")" * DEEPEST, "(" * 51 + "1<2" + ")" * 51, 50, "brackets"),
        ("-" * (DEEPEST - 2) + "1 < 2", "-" * (DEEPEST - 1) + "1 < 2", 49, "operations"),
        ("1<" * (MOST_NODES - 2) + "1", "1<" * (MOST_NODES - 1) + "1", 398, "names"),
    ],
    ids=["characters", "brackets", "operations", "nodes"],
)
def test_limit_is_told(largest: str, larger: str, place: int, said: str) -> None:
    """A condition at a limit compiles, and one that is larger by one is told which limit it crosses where."""
    compile_where(largest)
    with pytest.raises(WhereError, match=said) as refused:
        compile_where(larger)

    assert refused.value.place == place


def test_longest_condition_is_that_of_a_view() -> None:
    """What a view may hold by its declaration is never too long to compile, nor the other way round."""
    msgspec.convert({"where": "1" * MOST_CHARACTERS}, View)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"where": "1" * (MOST_CHARACTERS + 1)}, View)


def test_caller_that_is_deep_in_its_stack_is_told_the_same() -> None:
    """What the parser cannot nest any more is an error of the text, however little stack is left to it."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        with pytest.raises(WhereError, match="deep"):
            compile_where("-" * 900 + "1 < 2")
    finally:
        sys.setrecursionlimit(usual)
