"""What every board is held to, whichever there are: none is named here."""

import math
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.leaderboard import Leaderboard, best
from schemas.leaderboard import PackedRow, Row
from services import scanners
from services.scanners import discover


BOARDS = discover()
boards = pytest.mark.parametrize("board", BOARDS, ids=[board.name for board in BOARDS])

numbers = (
    st.none() | st.sampled_from([0.0, -0.0, 1.0]) | st.floats(allow_nan=False, allow_infinity=False)
)
rows = st.builds(
    PackedRow,
    symbol=st.text("ABC", min_size=1, max_size=3),
    trading_day=st.just("2024-10-02"),
    session=st.sampled_from(["pre", "regular", "post", "closed"]),
    event_ms=st.integers(0, 1 << 52),
    **dict.fromkeys(Row.__struct_fields__[4:], numbers),
)
markets = st.lists(rows, max_size=20, unique_by=lambda row: row.symbol)

_LOSERS = '''"""Losers: what has fallen most since the day's official open.

Score: change against the official open, percent, negated.
Source: last price and official open of the day.
Missing: a symbol without an official open today.
"""

from mesh.leaderboard import Leaderboard
from schemas.leaderboard import Row


def score(row: Row) -> float | None:
    """The fall since the open."""
    return None if row.change_open_pct is None else -row.change_open_pct


BOARD = Leaderboard("{name}", score)
'''


_NOT_IN_A_NAME = str.maketrans("[]'= \\", "______")


def _module(board: Leaderboard) -> ModuleType:
    return import_module(f"{scanners.__name__}.{board.name.replace('-', '_')}")


def test_there_are_boards() -> None:
    """Discovery finds every file of the package, by name, and the boards of the first hour among them."""
    names = [board.name for board in BOARDS]
    files = Path(scanners.__file__).parent.glob("[!_]*.py")

    assert names == sorted(path.stem.replace("_", "-") for path in files)
    assert {"gainers", "gappers", "volume"} <= set(names)


@boards
@given(row=rows)
def test_score_is_finite_or_none(board: Leaderboard, row: PackedRow) -> None:
    """Whatever is unknown or zero in a row, its score is a finite number or None, and the same each time."""
    score = board.score(row)

    assert score is None or math.isfinite(score)
    assert board.score(row) == score


@boards
def test_row_of_which_nothing_is_known_is_off_the_board(board: Leaderboard) -> None:
    """Unknown is None and never scored as zero."""
    row = PackedRow("A", "2024-10-02", "regular", 1, *[None] * 9)

    assert board.score(row) is None


@boards
@given(market=markets, top=st.integers(1, 25))
def test_board_is_ranked_and_bounded(board: Leaderboard, market: list[PackedRow], top: int) -> None:
    """At most *top* rows, best first, ranks from 1 on, ties by symbol, and nobody better was left out."""
    found = best(market, board.score, top)

    assert len(found) <= top
    assert [row.rank for row in found] == list(range(1, len(found) + 1))
    places = [(-row.score, row.symbol) for row in found]
    assert places == sorted(places)
    chosen = {row.symbol for row in found}
    left_out = [
        score
        for row in market
        if row.symbol not in chosen and (score := board.score(row)) is not None
    ]
    assert not left_out or (len(found) == top and max(left_out) <= found[-1].score)


@boards
@given(market=markets, data=st.data())
def test_order_of_rows_does_not_matter(
    board: Leaderboard, market: list[PackedRow], data: st.DataObject
) -> None:
    """The same rows in any order make the same board."""
    shuffled = data.draw(st.permutations(market))

    assert best(shuffled, board.score, 10) == best(market, board.score, 10)


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

    found = discover(package.name)

    assert [board.name for board in found] == sorted([*before, "losers-since-open"])
    [new] = [board for board in found if board.name == "losers-since-open"]
    unknown = PackedRow("A", "2024-10-02", "regular", 1, *[None] * 9)
    fallen = msgspec.structs.replace(unknown, change_open_pct=-5.0)
    assert new.score(fallen) == 5.0


def test_board_that_is_not_named_after_its_file_is_refused(package: Path) -> None:
    """The mistake is a sentence that names the file and the name that it wants, before anything runs."""
    (package / "losers.py").write_text(_LOSERS.replace("{name}", "fallers"))

    with pytest.raises(
        ValueError, match=r"the board of losers\.py must be named 'losers', was 'fallers'"
    ):
        discover(package.name)


@pytest.mark.parametrize("text", ["", "BOARD = 'losers'\n"])
def test_file_without_a_board_is_refused(package: Path, text: str) -> None:
    """A file of the package that declares no board is a mistake, and is named."""
    (package / "losers.py").write_text(text)

    with pytest.raises(ValueError, match=f"{package.name}.losers must declare BOARD"):
        discover(package.name)
