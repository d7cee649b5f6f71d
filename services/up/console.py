"""What `mesh up` says on the terminal: one line each, coloured where a person looks at it."""

import os
import sys
from typing import Any, TextIO


_COLOURS = {"good": "32", "warn": "33", "bad": "31", "quiet": "2", "strong": "1"}
_HIDDEN = frozenset({"service", "event", "level", "timestamp", "exception"})
_NAME_WIDTH = 13


class Console:
    """Lines on *stream*; standard error, so that a summary on standard output can be piped."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._coloured = self._stream.isatty() and "NO_COLOR" not in os.environ

    def line(self, tone: str, name: str, text: str) -> None:
        """A line about the program *name*."""
        mark = {"good": "●", "warn": "▲", "bad": "✖"}.get(tone, "·")
        self._stream.write(f"{self.paint(tone, mark)} {name:{_NAME_WIDTH}} {text}\n")
        self._stream.flush()

    def paint(self, tone: str, text: str) -> str:
        """*text* in the colour of *tone*, where colours are wanted."""
        code = _COLOURS.get(tone)
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured and code else text


def facts(record: dict[str, Any]) -> str:
    """The fields of a log record that a person wants, as `name value` pairs."""
    shown = (f"{key} {_plain(value)}" for key, value in record.items() if key not in _HIDDEN)
    return " · ".join(shown)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
