"""What every board is held to, whichever there are: none is named here."""

from importlib import invalidate_caches
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.leaderboard import Leaderboard, best
from schemas.columns import Columns, columns_of
from schemas.leaderboard import RankedRow, Row
from services import scanners
from services.scanners import boards_of, discover


BOARDS = discover()
boards = pytest.mark.parametrize("board", BOARDS, ids=[board.name for board in BOARDS])

numbers = (
    st.none() | st.sampled_from([0.0, -0.0, 1.0]) | st.floats(allow_nan=False, allow_infinity=False)
)
_KINDS: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(0, 30),
    int | None: st.none() | st.integers(0, 1 << 52),
    str | None: st.none() | st.text(max_size=8),
}
_FIELDS = get_type_hints(Row)


def _rows(board: Leaderboard) -> st.SearchStrategy[Row]:
    """Rows of which the fields that the board's score looks at are anything."""
    looked_at = sorted(set(board.score.__code__.co_names) & set(_FIELDS))
    assert looked_at, f"{board.name} looks at no field of a row"
    always = {
        "symbol": st.text("ABC", min_size=1, max_size=3),
        "trading_day": st.just("2024-10-02"),
        "session": st.sampled_from(["pre", "regular", "post", "closed"]),
        "event_ms": st.integers(0, 1 << 52),
    }
    return st.builds(
        Row, **({name: _KINDS.get(_FIELDS[name], numbers) for name in looked_at} | always)
    )


def _markets(board: Leaderboard) -> st.SearchStrategy[list[Row]]:
    return st.lists(_rows(board), max_size=20, unique_by=lambda row: row.symbol)


def _best(board: Leaderboard, market: list[Row], top: int) -> list[RankedRow]:
    columns = columns_of(market)
    return best(columns, board.score(columns), top)


_LOSERS = '''"""Losers: what has fallen most since the day's official open.

Score: change against the official open, percent, negated.
Source: last price and official open of the day.
Missing: a symbol without an official open today.
"""

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The fall since the open."""
    return -columns.change_open_pct


BOARD = Leaderboard("{name}", score)
'''


_NOT_IN_A_NAME = str.maketrans("[]'= \\", "______")


def _module(board: Leaderboard) -> ModuleType:
    return dict(boards_of(scanners.__name__))[board]


def test_there_are_boards() -> None:
    """Discovery finds every file of the package, by name, and the boards of the first hour among them."""
    names = [board.name for board in BOARDS]
    files = Path(scanners.__file__).parent.glob("[!_]*.py")

    assert names == sorted(path.stem.replace("_", "-") for path in files)
    assert {"gainers", "gappers", "volume"} <= set(names)


@boards
@given(data=st.data())
def test_score_is_a_number_for_each_row(board: Leaderboard, data: st.DataObject) -> None:
    """Whatever is unknown or zero, each row has a finite score or NaN, the same each time, and its own alone."""
    market = data.draw(_markets(board))
    columns = columns_of(market)
    before = columns.matrix.copy()
    scores = board.score(columns)

    assert scores.shape == (len(market),)
    assert not np.isinf(scores).any()
    assert np.array_equal(board.score(columns), scores, equal_nan=True)
    assert np.array_equal(columns.matrix, before, equal_nan=True)
    alone = [board.score(columns_of([row]))[0] for row in market]
    assert np.array_equal(alone, scores, equal_nan=True)


@boards
def test_row_of_which_nothing_is_known_is_off_the_board(board: Leaderboard) -> None:
    """Unknown is NaN and never scored as zero."""
    assert np.isnan(board.score(_unknown())).all()


def _unknown() -> Columns:
    return columns_of([Row("A", "2024-10-02", "regular", 1)])


@boards
@given(data=st.data(), top=st.integers(1, 25))
def test_board_is_ranked_and_bounded(board: Leaderboard, data: st.DataObject, top: int) -> None:
    """At most *top* rows, best first, ranks from 1 on, ties by symbol, and nobody better was left out."""
    market = data.draw(_markets(board))
    found = _best(board, market, top)

    assert len(found) <= top
    assert [row.rank for row in found] == list(range(1, len(found) + 1))
    places = [(-row.score, row.symbol) for row in found]
    assert places == sorted(places)
    chosen = {row.symbol for row in found}
    left_out = board.score(columns_of([row for row in market if row.symbol not in chosen]))
    left_out = left_out[~np.isnan(left_out)]
    assert not len(left_out) or (len(found) == top and left_out.max() <= found[-1].score)


@boards
@given(data=st.data())
def test_order_of_rows_does_not_matter(board: Leaderboard, data: st.DataObject) -> None:
    """The same rows in any order make the same board."""
    market = data.draw(_markets(board))
    shuffled = data.draw(st.permutations(market))

    assert _best(board, shuffled, 10) == _best(board, market, 10)


@boards
@pytest.mark.parametrize("part", ["Score:", "Source:", "Missing:"])
def test_docstring_says_what_a_reader_needs(board: Leaderboard, part: str) -> None:
    """How it is scored, from what, and what keeps a row off: in the module's own text."""
    lines = (_module(board).__doc__ or "").splitlines()

    assert any(line.startswith(part) and line.removeprefix(part).strip() for line in lines)


@pytest.fixture
def package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Path:
    """A folder that is a package of boards, with the ones of the product in it; named after the test."""
    folder = tmp_path / f"boards_of_{request.node.name.translate(_NOT_IN_A_NAME)}"
    folder.mkdir()
    for path in Path(scanners.__file__).parent.glob("*.py"):
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.syspath_prepend(tmp_path)
    invalidate_caches()
    return folder


def test_new_board_is_one_file(package: Path) -> None:
    """A file that is put into the package is a board, and nothing else is touched."""
    before = [board.name for board in BOARDS]
    (package / "losers_since_open.py").write_text(_LOSERS.replace("{name}", "losers-since-open"))

    found = [board for board, _ in boards_of(package.name)]

    assert sorted(board.name for board in found) == sorted([*before, "losers-since-open"])
    [new] = [board for board in found if board.name == "losers-since-open"]
    fallen = _unknown()
    fallen.change_open_pct[:] = -5.0
    assert new.score(fallen).tolist() == [5.0]


def test_board_that_is_not_named_after_its_file_is_refused(package: Path) -> None:
    """The mistake is a sentence that names the file and the name that it wants, before anything runs."""
    (package / "losers.py").write_text(_LOSERS.replace("{name}", "fallers"))

    with pytest.raises(
        ValueError, match=r"the board of losers\.py must be named 'losers', was 'fallers'"
    ):
        boards_of(package.name)


@pytest.mark.parametrize("text", ["", "BOARD = 'losers'\n"])
def test_file_without_a_board_is_refused(package: Path, text: str) -> None:
    """A file of the package that declares no board is a mistake, and is named."""
    (package / "losers.py").write_text(text)

    with pytest.raises(ValueError, match=f"{package.name}.losers must declare BOARD"):
        boards_of(package.name)
