"""Reading a condition: its text, checked word by word, as the syntax tree that Python's parser makes of it.

The words are checked first, because the parser takes far more than a condition may hold, joins texts that
stand side by side, and has an opinion on lines, comments, backslashes and prefixes of texts. What is left
for it are names, numbers, texts and operators within limits, of which it neither warns nor runs out of stack.
"""

import ast
import keyword
import re


MOST_CHARACTERS = 1000
"""As `View.where` declares."""
MOST_NODES = 200
"""Names, constants, operations and lists in one condition."""
DEEPEST = 50
"""Levels of brackets, and of operations in operations."""

_WORDS = re.compile(
    r"""(?P<space>[ \t]+)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
    | (?P<text>'[^'\\\x00-\x1f\x7f\ud800-\udfff]*'|"[^"\\\x00-\x1f\x7f\ud800-\udfff]*")
    | (?P<foreign>\*\*|//|<<|>>|<>)
    | (?P<open>[(\[])
    | (?P<close>[)\]])
    | (?P<sign><=|>=|==|!=|[-+*/<>,])""",
    re.VERBOSE,
)
_OPERATORS = frozenset({"and", "or", "not", "in"})
_CLOSING = {"(": ")", "[": "]"}
_INSTEAD = {
    "=": "write == for equal, >= for at least and <= for at most",
    "&": "write and",
    "|": "write or",
    "!": "write not, or != for unequal",
    "<>": "write !=",
    "≠": "write !=",
    "≥": "write >=",
    "≤": "write <=",
    "−": "write -",
    "{": "write a list in round or square brackets, as in ('pre', 'post')",
    "“": "write a text in quotes, ' or \"",
    "”": "write a text in quotes, ' or \"",
    "’": "write a text in quotes, ' or \"",
    "‘": "write a text in quotes, ' or \"",
    "\n": "write all of it in one line",
    "\r": "write all of it in one line",
    "None": "write not known(bid_usd) for what is unknown",
    "is": "write ==, !=, known(bid_usd) or not known(bid_usd)",
}


class WhereError(ValueError):
    """A text that is no condition; the message is for whoever wrote it."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place
        """Where it is wrong: a character of the text from 0 on, or its length if something is missing at the end."""


def read(text: str) -> ast.expr:
    """The tree of *text*; `col_offset` of each expression in it is its place in characters.

    Raises:
        WhereError: it is no expression of the words that there are, or too large.
    """
    if len(text) > MOST_CHARACTERS:
        raise WhereError(
            f"a condition has at most {MOST_CHARACTERS} characters, this one has {len(text)}",
            MOST_CHARACTERS,
        )
    if not text.strip(" \t"):
        raise WhereError("the condition is empty; write one such as last_usd > 5", 0)
    _check_words(text)
    tree = _parsed(text)
    _check_size(tree)
    return tree


def _check_words(text: str) -> None:
    place = 0
    operand = False
    number_end = -1
    opened: list[int] = []
    while place < len(text):
        word = _WORDS.match(text, place)
        if word is None or word.lastgroup == "foreign":
            raise _foreign(text, place, word[0] if word else text[place])
        if word.lastgroup != "space":
            _check_name(word, number_end)
            _check_bracket(text, word, opened)
            is_operand = word.lastgroup in {"name", "number", "text"} and word[0] not in _OPERATORS
            if operand and is_operand:
                raise _missing(text, word)
            operand = is_operand or word.lastgroup == "close"
        place = word.end()
        if word.lastgroup == "number":
            number_end = place
    if opened:
        raise WhereError(f"the bracket {text[opened[-1]]} is never closed", opened[-1])
    if not operand:
        raise WhereError("the condition ends too early: something is missing here", len(text))


def _foreign(text: str, place: int, word: str) -> WhereError:
    if word in {"'", '"'}:
        return WhereError(
            f"the text that begins here must end with {word}, without a backslash or control character in it",
            place,
        )
    instead = _INSTEAD.get(word, "there are + - * / < <= > >= == != and or not in")
    return WhereError(f"{word!r} has no meaning in a condition; {instead}", place)


def _check_name(word: re.Match[str], number_end: int) -> None:
    name = word[0]
    if word.lastgroup == "name" and word.start() == number_end:  # the parser warns of 5or
        raise WhereError(
            "a number has no letters behind it; write 5 million as 5_000_000 or 5e6", number_end
        )
    if keyword.iskeyword(name) and name not in _OPERATORS:
        instead = _INSTEAD.get(name, "there are fields of a row, numbers, texts, and or not in")
        raise WhereError(f"{name!r} has no meaning in a condition; {instead}", word.start())


def _check_bracket(text: str, word: re.Match[str], opened: list[int]) -> None:
    place = word.start()
    if word.lastgroup == "open":
        if len(opened) == DEEPEST:
            raise WhereError(f"brackets may be {DEEPEST} deep, not deeper", place)
        opened.append(place)
    elif word.lastgroup == "close" and (not opened or _CLOSING[text[opened.pop()]] != word[0]):
        raise WhereError(f"the bracket {word[0]} closes none that is open", place)


def _missing(text: str, word: re.Match[str]) -> WhereError:
    place = word.start()
    if word.lastgroup == "text" and text[place - 1].isalnum():
        return WhereError("a text has no letters before its quotes", place)
    return WhereError(f"an operator or a comma is missing before {word[0][:40]}", place)


def _parsed(text: str) -> ast.expr:
    line = text.lstrip(" \t")  # which the parser would take for an indented block
    before = len(text) - len(line)
    try:
        tree = ast.parse(line, mode="eval").body
    except SyntaxError as error:
        place = min(before + max((error.offset or 1) - 1, 0), len(text))
        raise WhereError(f"{_word_at(text, place)!r} does not fit here", place) from None
    except (RecursionError, MemoryError):
        raise WhereError("the condition is nested too deep", before) from None
    in_bytes = line.encode()
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            node.col_offset = before + len(in_bytes[: node.col_offset].decode())
    return tree


def _word_at(text: str, place: int) -> str:
    word = _WORDS.match(text, place)
    return word[0][:40] if word else text[place:][:1]


def _check_size(tree: ast.expr) -> None:
    pending = [(tree, 1)]
    nodes = 0
    while pending:
        node, level = pending.pop()
        nodes += 1
        if level > DEEPEST:
            raise WhereError(f"operations may be {DEEPEST} deep, not deeper", node.col_offset)
        if nodes > MOST_NODES:
            raise WhereError(
                f"a condition has at most {MOST_NODES} names, constants and operations",
                node.col_offset,
            )
        inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        pending += [(child, level + 1) for child in reversed(inner)]
