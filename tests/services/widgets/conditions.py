"""Conditions by chance: as trees, as text, and as somebody understands them who looks at one row at a time."""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from schemas.leaderboard import HALTS, SESSIONS, Row


Tree = tuple[Any, ...]
"""What it is, and its parts: trees, or constants."""

DAYS = ("2026-01-02", "2026-01-05", "2026-01-06")
SYMBOLS = ("A", "AB", "BRK.B", "BACpL", "é")
TEXTS = {"symbol": SYMBOLS, "trading_day": DAYS, "session": SESSIONS, "halt": HALTS}
NUMBERS = ("last_usd", "bid_usd", "gap_pct", "trades", "event_ms")

CALCULATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
BINDS = {
    "or": 0, "and": 1, "not": 2, "compare": 3, "in": 3, "not in": 3, "+": 4, "-": 4, "*": 5, "/": 5, "minus": 6,
}  # fmt: skip
"""How strongly; all else is one word, which nothing takes apart."""

few_numbers = st.sampled_from([0.0, 1.0, 2.0, 0.5, 3.0, 1e308, 1e-308, 9.0])
amounts = st.none() | few_numbers | few_numbers.map(operator.neg)
rows = st.builds(
    Row,
    symbol=st.sampled_from(SYMBOLS),
    trading_day=st.sampled_from(DAYS),
    session=st.sampled_from(SESSIONS),
    event_ms=st.integers(0, 3),
    last_usd=amounts,
    bid_usd=amounts,
    gap_pct=amounts,
    trades=st.none() | st.integers(0, 3),
    halt=st.none() | st.sampled_from(HALTS),
)

_literals = st.tuples(st.just("number"), few_numbers | st.integers(0, 3))
_numbers: st.SearchStrategy[Tree] = st.recursive(
    _literals | st.tuples(st.just("field"), st.sampled_from(NUMBERS)),
    lambda part: (
        st.tuples(st.sampled_from(sorted(CALCULATIONS)), part, part)
        | st.tuples(st.sampled_from(["minus", "abs"]), part)
        | st.tuples(st.sampled_from(["min", "max"]), part, part)
    ),
    max_leaves=4,
)
_signed = _literals | st.tuples(st.just("minus"), _literals)


def _text_conditions(field: str) -> st.SearchStrategy[Tree]:
    texts = st.tuples(st.just("text"), st.sampled_from(TEXTS[field]))
    named = st.just(("text field", field))
    ordered = ["<", "<=", ">", ">="] if field == "trading_day" else []
    signs = st.sampled_from(["==", "!=", *ordered])
    return (
        st.tuples(st.just("compare"), named, signs, texts)
        | st.tuples(st.just("compare"), texts, signs, named)
        | st.tuples(st.sampled_from(["in", "not in"]), named, st.lists(texts, max_size=3))
        | st.tuples(st.just("known"), named)
    )


_signs = st.sampled_from(sorted(COMPARISONS))
conditions: st.SearchStrategy[Tree] = st.recursive(
    st.tuples(st.just("compare"), _numbers, _signs, _numbers)
    | st.tuples(st.just("compare"), _numbers, _signs, _numbers, _signs, _numbers)
    | st.tuples(st.sampled_from(["in", "not in"]), _numbers, st.lists(_signed, max_size=3))
    | st.tuples(st.just("known"), _numbers)
    | st.tuples(st.just("starts_with"), st.sampled_from(["", "A", "BRK", "é"]))
    | st.sampled_from(sorted(TEXTS)).flatmap(_text_conditions),
    lambda part: (
        st.tuples(st.sampled_from(["and", "or"]), part, part)
        | st.tuples(st.sampled_from(["and", "or"]), part, part, part)
        | st.tuples(st.just("not"), part)
    ),
    max_leaves=6,
)


def text_of(tree: Tree) -> str:
    """How *tree* is written with as few brackets as there can be."""
    binds = BINDS.get(tree[0], 7)
    match tree:
        case ("number" | "text", value):
            text = repr(value)
        case ("field" | "text field", name):
            text = name
        case ("starts_with", start):
            text = f"starts_with(symbol, {start!r})"
        case ("in" | "not in" as sign, part, options):
            text = f"{_within(part, 4)} {sign} [{', '.join(map(text_of, options))}]"
        case ("compare", *words):
            text = " ".join(word if isinstance(word, str) else _within(word, 4) for word in words)
        case ("minus" | "not" as sign, part):
            text = f"{'-' if sign == 'minus' else 'not '}{_within(part, binds)}"
        case (sign, first, *rest) if sign in BINDS:
            text = f" {sign} ".join(
                [_within(first, binds), *(_within(part, binds + 1) for part in rest)]
            )
        case (name, *parts):
            text = f"{name}({', '.join(map(text_of, parts))})"
        case _:
            raise AssertionError(tree)
    return text


def _within(tree: Tree, binding: int) -> str:
    text = text_of(tree)
    return text if BINDS.get(tree[0], 7) >= binding else f"({text})"


def value_of(tree: Tree, row: Row) -> Any:
    """A number, a text or a truth; None is unknown."""
    value: Any
    match tree:
        case ("number" | "text", value):
            pass
        case ("field" | "text field", name):
            value = getattr(row, name)
        case ("starts_with", start):
            value = row.symbol.startswith(start)
        case ("known", part):
            value = value_of(part, row) is not None
        case ("not", part):
            truth = value_of(part, row)
            value = None if truth is None else not truth
        case ("and" | "or" as name, *parts):
            value = _decided([value_of(part, row) for part in parts], by=name == "or")
        case ("in" | "not in" as sign, part, options):
            wanted = value_of(part, row)
            found = wanted in [value_of(option, row) for option in options]
            value = None if wanted is None else found == (sign == "in")
        case ("compare", *words):
            value = _compared([w if isinstance(w, str) else value_of(w, row) for w in words])
        case (name, *parts):
            value = _calculated(name, [value_of(part, row) for part in parts])
        case _:
            raise AssertionError(tree)
    return value


def _decided(truths: Sequence[bool | None], *, by: bool) -> bool | None:
    """One that is *by* decides; without it, one that is unknown leaves it open."""
    if by in truths:
        return by
    return None if None in truths else not by


def _compared(words: Sequence[Any]) -> bool | None:
    links = [
        None if left is None or right is None else COMPARISONS[sign](left, right)
        for left, sign, right in zip(words[::2], words[1::2], words[2::2], strict=False)
    ]
    return _decided(links, by=False)


def _calculated(name: str, values: Sequence[float | None]) -> float | None:
    numbers = [float(value) for value in values if value is not None]
    if len(numbers) < len(values) or (name == "/" and numbers[1] == 0):
        return None
    match name:
        case "abs":
            result = abs(numbers[0])
        case "minus":
            result = -numbers[0]
        case "min":
            result = min(numbers)
        case "max":
            result = max(numbers)
        case _:
            result = CALCULATIONS[name](*numbers)
    return result if math.isfinite(result) else None
