"""Leaderboards, one file each: a new file with a `BOARD` is a new board, and nothing else is touched.

A board's module says in its docstring how it is scored (`Score:`), from what (`Source:`), and what
keeps a row off it (`Missing:`). Boards of one's own need not lie here: `MESH_BOARDS` names a package of them.
"""

from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules
from types import ModuleType

from mesh.errors import SettingsError
from mesh.leaderboard import Leaderboard, checked


def discover(further: str = "") -> list[Leaderboard]:
    """The boards of this package, and of the package *further* if it is given, by name.

    Raises:
        SettingsError: there is no such package.
        ValueError: a module has no `BOARD`, or one that is not named after its file; or two are named alike.
    """
    return [board for board, _ in _found(further)]


def described(further: str = "") -> list[tuple[str, str]]:
    """(name, how it is scored) of each board that `discover` finds; raises what that does."""
    return [(board.name, _score_line(module)) for board, module in _found(further)]


def boards_of(package: str) -> list[tuple[Leaderboard, ModuleType]]:
    """The board of every module of *package*, with the module.

    Raises:
        ValueError: as `discover`.
    """
    return [(_board(module), module) for module in _modules(package)]


def _found(further: str) -> list[tuple[Leaderboard, ModuleType]]:
    found = boards_of(__name__)
    if further:
        found += boards_of(_existing(further))
    found.sort(key=lambda pair: pair[0].name)
    names = [board.name for board, _ in found]
    for name, following in pairwise(names):
        if name == following:
            raise ValueError(f"a board must have a name of its own, two are named {name!r}")
    return found


def _modules(package: str) -> Iterator[ModuleType]:
    for module in iter_modules(import_module(package).__path__):
        yield import_module(f"{package}.{module.name}")


def _existing(package: str) -> str:
    try:
        if hasattr(import_module(package), "__path__"):
            return package
    except ModuleNotFoundError as error:
        if error.name is None or not f"{package}.".startswith(f"{error.name}."):
            raise  # it is there, and what it imports is not
    raise SettingsError(
        [f"MESH_BOARDS was {package!r}, which is no package that Python finds; see PYTHONPATH"]
    )


def _board(module: ModuleType) -> Leaderboard:
    board = getattr(module, "BOARD", None)
    if not isinstance(board, Leaderboard):
        raise ValueError(f"{module.__name__} must declare BOARD, a Leaderboard")  # noqa: TRY004 (a module is no type)
    return checked(board, module.__name__.rpartition(".")[2])


def _score_line(module: ModuleType) -> str:
    lines = (module.__doc__ or "").splitlines()
    scores = (line.removeprefix("Score:") for line in lines if line.startswith("Score:"))
    return next(scores, "").strip().removesuffix(".")
