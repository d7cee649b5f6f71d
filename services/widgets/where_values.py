"""What conditions compare: numbers of the rows, calculated column by column, and their symbols."""

import ast
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.columns import PLACE, Numbers
from services.widgets.where_names import TEXT_FIELDS, unexpected
from services.widgets.where_syntax import WhereError


Texts = npt.NDArray[np.str_]


class Table(NamedTuple):
    """The rows that a condition is asked of."""

    matrix: Numbers
    """As in `Columns`."""
    symbols: Callable[[], Texts]


class Symbols:
    """Symbols as numpy compares them. Those of the last table are kept, for the next mostly has the same."""

    __slots__ = ("_listed", "_texts")

    def __init__(self) -> None:
        self._listed: list[str] = []
        self._texts: Texts = np.array([], dtype=np.str_)

    def texts(self, symbols: Sequence[str]) -> Texts:
        """*symbols* in an array; not to be changed."""
        if self._listed != symbols:
            self._listed = list(symbols)
            self._texts = np.array(self._listed, dtype=np.str_)
        return self._texts


Values = Callable[[Table], Numbers]
"""A number for each row, or one without dimensions for all; NaN is unknown, infinity does not occur."""

_CALCULATIONS: dict[type[ast.operator], Callable[[Numbers, Numbers], Numbers]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
}


def number_of(node: ast.expr) -> Values:
    """What *node* calculates. Raises WhereError if that is no number."""
    match node:
        case ast.Constant(value=int() | float()):
            return constant(literal(node))
        case ast.Name(id=name) if name not in TEXT_FIELDS:
            return column(name)
        case ast.UnaryOp(op=ast.USub()):
            return _calculated(np.negative, [node.operand])
        case ast.BinOp() if type(node.op) in _CALCULATIONS:
            return _calculated(_CALCULATIONS[type(node.op)], [node.left, node.right])
        case ast.Call(func=ast.Name(id="abs")):
            return _calculated(np.absolute, node.args)
        case ast.Call(func=ast.Name(id="min" | "max" as name)):
            pick = np.minimum if name == "min" else np.maximum
            return _calculated(lambda *values: reduce(pick, values), node.args)
        case _:
            raise unexpected(node, "a number")


def _calculated(calculate: Callable[..., Numbers], parts: Sequence[ast.expr]) -> Values:
    values = [number_of(part) for part in parts]
    return lambda table: _finite(calculate(*[value(table) for value in values]))


def column(name: str) -> Values:
    """A field of the rows, coded if it is a text; not the symbol."""
    line = PLACE[name]
    return lambda table: _finite(table.matrix[line])


def _finite(numbers: Numbers) -> Numbers:
    infinite = np.isinf(numbers)
    return np.where(infinite, np.nan, numbers) if infinite.any() else numbers


def constant(value: float) -> Values:
    """The same for all rows."""
    number = np.array(value)
    return lambda _: number


def literal(node: ast.expr) -> float:
    """The number that is written there. Raises WhereError if it is none, or larger than there are."""
    match node:
        case ast.Constant(value=int() | float() as value):
            if abs(value) > sys.float_info.max:
                raise WhereError("this number is too large", node.col_offset)
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as operand):
            return -literal(operand)
        case _:
            raise unexpected(node, "a number such as 5 or -0.5")
