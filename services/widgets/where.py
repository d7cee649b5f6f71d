"""Conditions on the fields of a row, as `View.where` holds them: `gap_pct > 5 and session == 'pre'`.

A small part of Python's expressions, documented in the README under "Conditions". The text is never run: it
becomes a tree, and the tree, if its types fit, numpy operations on whole columns.

The logic is three-valued. A comparison with an unknown value is unknown, and so is its negation; `and` is false if
one side is, `or` true if one side is, whatever the other. Each part of a condition is therefore compiled for what
is wanted of it: the rows for which it is true, or those for which it is false, which `not` exchanges.
"""

import ast
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from schemas.columns import Columns, Mask
from services.widgets.where_names import FIELDS, TEXT_FIELDS, check_names, code_of, unexpected
from services.widgets.where_syntax import WhereError, read
from services.widgets.where_values import (
    Symbols,
    Table,
    Values,
    column,
    constant,
    literal,
    number_of,
)


__all__ = ["Where", "WhereError", "compile_where"]

Holds = Callable[[Table], Mask]
"""Whether it holds for each row, or one answer without dimensions for all."""

_COMPARISONS: dict[tuple[type[ast.cmpop], bool], Callable[[Any, Any], Mask]] = {
    (ast.Lt, True): np.less,
    (ast.Lt, False): np.greater_equal,
    (ast.LtE, True): np.less_equal,
    (ast.LtE, False): np.greater,
    (ast.Gt, True): np.greater,
    (ast.Gt, False): np.less_equal,
    (ast.GtE, True): np.greater_equal,
    (ast.GtE, False): np.less,
    (ast.Eq, True): np.equal,
    (ast.Eq, False): lambda left, right: (left < right) | (left > right),
    (ast.NotEq, True): lambda left, right: (left < right) | (left > right),
    (ast.NotEq, False): np.equal,
}
"""By operator and whether it is wanted to hold. None of them holds for NaN, wanted or not."""


class Where:
    """A compiled condition, to be asked of any number of tables; calls must not overlap."""

    __slots__ = ("_holds", "_symbols", "fields", "text")

    def __init__(self, text: str, fields: frozenset[str], holds: Holds) -> None:
        self.text = text
        self.fields = fields
        """The fields of a row that it reads: if none of these changed, a row is taken or left as before."""
        self._holds = holds
        self._symbols = Symbols()

    def mask(self, columns: Columns) -> Mask:
        """Whether each row is taken, in their order: those for which the condition is true, not unknown.

        Of 11,000 rows a comparison takes some 25 µs; symbols other than those of the call before a millisecond, once.
        """
        table = Table(columns.matrix, lambda: self._symbols.texts(columns.symbols))
        with np.errstate(all="ignore"):  # what cannot be calculated is unknown, and no news
            return np.full(len(columns), self._holds(table), dtype=np.bool_)


def compile_where(text: str) -> Where:
    """The condition that *text* says: compiled once, to be asked often.

    Raises:
        WhereError: it is none; the error says where, and what was expected.
    """
    tree = read(text)
    check_names(tree)
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return Where(text, FIELDS & named, _condition(tree, wanted=True))


def _condition(node: ast.expr, *, wanted: bool) -> Holds:
    """For which rows *node* is true, or false if that is wanted: of what is unknown, neither."""
    match node:
        case ast.BoolOp():
            parts = [_condition(part, wanted=wanted) for part in node.values]
            return _joined(parts, every=isinstance(node.op, ast.And) == wanted)
        case ast.UnaryOp(op=ast.Not()):
            return _condition(node.operand, wanted=not wanted)
        case ast.Compare():
            sides = pairwise([node.left, *node.comparators])
            links = [
                _comparison(left, op, right, wanted=wanted)
                for (left, right), op in zip(sides, node.ops, strict=True)
            ]
            return _joined(links, every=wanted)
        case ast.Call(func=ast.Name(id="known"), args=[value]):
            return _known(value, wanted=wanted)
        case ast.Call(func=ast.Name(id="starts_with"), args=[field, start]):
            return _starts_with(field, start, wanted=wanted)
        case _:
            raise unexpected(node, "a condition, such as last_usd > 5,")


def _joined(parts: Sequence[Holds], *, every: bool) -> Holds:
    join = np.logical_and if every else np.logical_or
    return lambda table: reduce(join, (part(table) for part in parts))


def _known(node: ast.expr, *, wanted: bool) -> Holds:
    field = _text_field(node)
    if field == "symbol":
        return lambda _: np.array(wanted)
    values = number_of(node) if field is None else column(field)
    return lambda table: np.isnan(values(table)) != wanted


def _starts_with(node: ast.expr, start: ast.expr, *, wanted: bool) -> Holds:
    if _text_field(node) != "symbol":
        raise unexpected(node, "symbol")
    beginning = _text(start)
    return lambda table: np.strings.startswith(table.symbols(), beginning) == wanted


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, *, wanted: bool) -> Holds:
    if isinstance(op, ast.In | ast.NotIn):
        return _membership(left, right, wanted=isinstance(op, ast.In) == wanted)
    compare = _COMPARISONS[type(op), wanted]
    field = _text_field(left) or _text_field(right)
    if field is None:
        return _compared(number_of(left), compare, number_of(right))
    on_left = _text_field(left) is not None
    other = right if on_left else left
    is_equality = isinstance(op, ast.Eq | ast.NotEq)
    if field != "trading_day" and not is_equality:
        raise WhereError(
            f"{field} has no order: compare it by ==, !=, in or not in", right.col_offset
        )
    if field == "symbol":
        return _among_symbols([_text(other)], wanted=isinstance(op, ast.Eq) == wanted)
    sides = column(field), constant(_code(field, other))
    return _compared(sides[not on_left], compare, sides[on_left])


def _compared(left: Values, compare: Callable[[Any, Any], Mask], right: Values) -> Holds:
    return lambda table: compare(left(table), right(table))


def _membership(node: ast.expr, options: ast.expr, *, wanted: bool) -> Holds:
    if not isinstance(options, ast.Tuple | ast.List):
        raise unexpected(options, "a list, such as ('pre', 'post') or [1, 2],")
    field = _text_field(node)
    if field is None:
        return _among(number_of(node), [literal(each) for each in options.elts], wanted=wanted)
    if field == "symbol":
        return _among_symbols([_text(each) for each in options.elts], wanted=wanted)
    return _among(column(field), [_code(field, each) for each in options.elts], wanted=wanted)


def _among(values: Values, options: Sequence[float], *, wanted: bool) -> Holds:
    among = np.array(options, dtype=np.float64)

    def holds(table: Table) -> Mask:
        numbers = values(table)
        found: Mask = np.isin(numbers, among)
        return found if wanted else ~(found | np.isnan(numbers))

    return holds


def _among_symbols(options: Sequence[str], *, wanted: bool) -> Holds:
    among = np.array(options, dtype=np.str_)
    return lambda table: np.isin(table.symbols(), among, invert=not wanted)


def _text(node: ast.expr) -> str:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        raise unexpected(node, "a text in quotes")
    return node.value


def _code(field: str, node: ast.expr) -> float:
    return code_of(field, _text(node), node.col_offset)


def _text_field(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) and node.id in TEXT_FIELDS else None
