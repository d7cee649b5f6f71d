"""Every event that is logged, found where it is: an event is a constant in the call that logs it."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path


LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
_LOGS = ("log", "_log")
_EVERY = "every program"


@dataclass
class Event:
    """One event, wherever it is logged."""

    name: str
    levels: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


def found(root: Path) -> list[Event]:
    """The events of all programs below *root*, by name.

    Raises:
        ValueError: a call logs what is no constant.
    """
    events: dict[str, Event] = {}
    for package in ("mesh", "services"):
        for path in sorted((root / package).rglob("*.py")):
            if "node_modules" not in path.parts:
                _add(events, path, path.relative_to(root))
    return [events[name] for name in sorted(events)]


def _add(events: dict[str, Event], path: Path, place: Path) -> None:
    for call, level in _calls(ast.parse(path.read_text())):
        for name in _names(call, place):
            event = events.setdefault(name, Event(name))
            event.levels.add("error" if level == "exception" else level)
            event.programs.add(_EVERY if place.parts[0] == "mesh" else place.parts[1])
            event.fields.update(each.arg or "…" for each in call.keywords)


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Calls of a log, and with which level."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name in _LOGS and node.func.attr in LEVELS:
                yield node, node.func.attr


def _names(call: ast.Call, place: Path) -> Iterator[str]:
    event = call.args[0]
    choices: Iterable[ast.expr] = (
        (event.body, event.orelse) if isinstance(event, ast.IfExp) else (event,)
    )
    for each in choices:
        if not (isinstance(each, ast.Constant) and isinstance(each.value, str)):
            raise ValueError(  # noqa: TRY004 (it is no type that is wrong)
                f"{place}:{call.lineno}: an event must be a constant"
            )
        yield each.value
