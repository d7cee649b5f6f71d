"""What may be named in a condition: fields of a row, functions, and the texts that a field may hold."""

import ast
from datetime import date
from difflib import get_close_matches

from schemas.leaderboard import HALTS, SESSIONS, Row
from services.widgets.where_syntax import WhereError


FIELDS = frozenset(Row.__struct_fields__)
TEXT_FIELDS = frozenset({"symbol", "trading_day", "session", "halt"})
"""All others are numbers."""
FUNCTIONS = {
    "abs": "abs(gap_pct)",
    "min": "min(bid_usd, last_usd)",
    "max": "max(bid_usd, last_usd)",
    "known": "known(bid_usd)",
    "starts_with": "starts_with(symbol, 'BRK')",
}
"""How each is written."""

_NAMED = {"session": SESSIONS, "halt": HALTS}
_MOST_SHOWN = 40
_MOST_ALIKE = 3


def check_names(tree: ast.expr) -> None:
    """That each name in *tree* is a field, or a function with as many values as it takes.

    Raises:
        WhereError: one is not, with those that are spelled alike.
    """
    called = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _check_call(node)
            called.add(node.func)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node not in called and node.id not in FIELDS:
            raise WhereError(_unknown(node.id), node.col_offset)


def code_of(field: str, text: str, place: int) -> float:
    """The number that columns hold for *text* in a text *field* other than the symbol; *place* is for the error.

    Raises:
        WhereError: the field never holds that text.
    """
    if field == "trading_day":
        return _day(text, place)
    names = _NAMED[field]
    if text not in names:
        raise WhereError(
            f"{field} is never {_shown(text)!r}; it is one of {', '.join(names)}", place
        )
    return float(names.index(text))


def unexpected(node: ast.expr, expected: str) -> WhereError:
    """That *node* is none of what is *expected* in its place."""
    return WhereError(f"{expected} is expected here, not {_described(node)}", node.col_offset)


def _shown(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _described(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=value):
            kind = "text" if isinstance(value, str) else "number"
            return f"the {kind} {_shown(repr(value))}"
        case ast.Name(id=name):
            return f"{name}, which is a {'text' if name in TEXT_FIELDS else 'number'}"
        case ast.Tuple() | ast.List():
            return "a list"
        case (
            ast.Compare()
            | ast.BoolOp()
            | ast.UnaryOp(op=ast.Not())
            | ast.Call(func=ast.Name(id="known" | "starts_with"))
        ):
            return "a condition"
        case ast.BinOp() | ast.UnaryOp(op=ast.USub()) | ast.Call():
            return "a number"
        case _:  # an item of a list, a list unpacked, a plus as a sign
            return "this"


def _check_call(node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        named = _shown(node.func.id) if isinstance(node.func, ast.Name) else "this"
        raise WhereError(
            f"{named} is no function; there are {', '.join(FUNCTIONS)}", node.func.col_offset
        )
    name, given = node.func.id, len(node.args)
    least, most = {"abs": (1, 1), "known": (1, 1), "starts_with": (2, 2)}.get(name, (2, given))
    if not least <= given <= most:
        takes = f"{least}" if least == most else f"at least {least}"
        raise WhereError(
            f"{name} takes {takes}, was given {given}; it is written {FUNCTIONS[name]}",
            node.col_offset,
        )


def _unknown(name: str) -> str:
    if name in FUNCTIONS:
        return f"{name} is a function; it is written {FUNCTIONS[name]}"
    said = f"{_shown(name)} is no field of a row"
    if name.isupper() or any(name in names for names in _NAMED.values()):
        return f"{said}; a text is written in quotes: '{_shown(name)}'"
    wanted = name.lower()
    holding = [field for field in Row.__struct_fields__ if wanted in field]
    holding.sort(key=lambda field: not field.startswith(wanted))
    close = get_close_matches(wanted, Row.__struct_fields__, n=_MOST_ALIKE)
    alike = list(dict.fromkeys((*holding[:2], *close)))[:_MOST_ALIKE]
    if alike:
        return f"{said}; did you mean {' or '.join(alike)}?"
    return f"{said}, such as last_usd, change_pct or volume_shares"


def _day(text: str, place: int) -> float:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:  # it also reads 20260105 and 2026-W02-1
        raise WhereError(f"{_shown(text)!r} is no trading day; one is written 2026-01-05", place)
    return float(day.toordinal())
