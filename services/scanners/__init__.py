"""Leaderboards, one file each: a new file with a `BOARD` is a new board, and nothing else is touched.

A board's module says in its docstring how it is scored (`Score:`), from what (`Source:`), and what
keeps a row off it (`Missing:`).
"""

from importlib import import_module
from pkgutil import iter_modules

from mesh.leaderboard import Leaderboard, checked


def discover(package: str = __name__) -> list[Leaderboard]:
    """The boards of every module of *package*, by name.

    Raises:
        ValueError: a module has no `BOARD`, or one that is not named after its file.
    """
    found = []
    for module in iter_modules(import_module(package).__path__):
        board = getattr(import_module(f"{package}.{module.name}"), "BOARD", None)
        if not isinstance(board, Leaderboard):
            raise ValueError(f"{package}.{module.name} must declare BOARD, a Leaderboard")  # noqa: TRY004 (a module is no type)
        found.append(checked(board, module.name))
    return sorted(found)
