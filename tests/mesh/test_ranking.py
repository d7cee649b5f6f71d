"""Ranking rows into boards, against a full sort."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.leaderboard import Contenders, Instant, Leaderboard, best, board_at, checked
from schemas.leaderboard import PackedRow, Row


scores = st.none() | st.floats() | st.sampled_from([0.0, -0.0, 1.0, 1.0, -1.0])
markets = st.dictionaries(st.text("ABab.:", min_size=1, max_size=3), scores, max_size=30)


def _row(symbol: str, day: str = "2024-10-02") -> PackedRow:
    return PackedRow(symbol, day, "regular", 1, *[None] * 9)


def _sorted(market: Mapping[str, float | None]) -> list[tuple[int, str, float]]:
    placed = [
        (symbol, score)
        for symbol, score in market.items()
        if score is not None and math.isfinite(score)
    ]
    placed.sort(key=lambda pair: pair[0])
    placed.sort(key=lambda pair: pair[1], reverse=True)
    return [(rank, symbol, score) for rank, (symbol, score) in enumerate(placed, start=1)]


@given(markets, st.integers(0, 40), st.randoms(use_true_random=False))
def test_best_is_the_head_of_a_full_sort(
    market: dict[str, float | None], top: int, chance: st.DataObject
) -> None:
    """Whatever order the rows come in: best first, ties by symbol, unknown and infinite scores left out."""
    rows = [_row(symbol) for symbol in market]
    chance.shuffle(rows)  # type: ignore[attr-defined]  # a random.Random

    found = best(rows, lambda row: market[row.symbol], top)

    assert [(row.rank, row.symbol, row.score) for row in found] == _sorted(market)[:top]


def test_zero_ranks_and_unknown_does_not() -> None:
    """Zero is a number, above the negative ones; None is off the board."""
    market = {"A": None, "B": 0.0, "C": -1.0, "D": math.nan, "E": math.inf, "F": -math.inf}

    found = best(map(_row, market), lambda row: market[row.symbol], 10)

    assert [row.symbol for row in found] == ["B", "C"]


@given(st.lists(markets, min_size=1, max_size=6), st.integers(1, 12))
def test_contenders_hold_the_best_however_the_market_moves(
    history: list[dict[str, float | None]], top: int
) -> None:
    """Whatever rose, fell, tied, came, went or became unknown since the last time: the same head of the market."""
    market: dict[str, float | None] = {}

    def score(row: Row) -> float | None:
        return market[row.symbol]

    contenders = Contenders(score, top)
    for moved in history:
        market.clear()
        market.update(moved)
        rows = [_row(symbol) for symbol in market]

        assert best(contenders.among(rows), score, top) == best(rows, score, top)


def test_contenders_of_a_market_at_rest_are_few() -> None:
    """Once it is known who the best are, the other rows are left out."""
    rows = [_row(f"S{number}") for number in range(100)]
    contenders = Contenders(lambda row: float(row.symbol[1:]), 5)
    contenders.among(rows)

    assert {row.symbol for row in contenders.among(rows)} == {f"S{n}" for n in range(90, 100)}


def test_rows_of_other_days_are_off_the_board() -> None:
    """Before its first event of a day, a symbol is not on that day's board with yesterday's values."""
    rows = [_row("OLD", "2024-10-01"), _row("NEW"), _row("TOMORROW", "2024-10-03")]
    instant = Instant("2024-10-02", 7, "regular")

    board = board_at(instant, Leaderboard("all", lambda _: 1.0), rows, seq=3, top=10)

    assert [row.symbol for row in board.rows] == ["NEW"]
    assert (board.board, board.trading_day, board.session, board.asof_ms, board.seq) == (
        "all", "2024-10-02", "regular", 7, 3,
    )  # fmt: skip


def test_board_without_rows_is_a_board() -> None:
    """A market in which nothing ranks gives an empty board, not none."""
    board = board_at(
        Instant("2024-10-02", 7, "pre"),
        Leaderboard("none", lambda _: None),
        [_row("A")],
        seq=1,
        top=5,
    )

    assert board.rows == []


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("gainers", "losers"),
        ("low_float", "low_float"),
        ("Gainers", "Gainers"),
        ("", ""),
        ("a b", "a b"),
    ],
)
def test_board_that_is_not_named_after_its_file_is_refused(name: str, module: str) -> None:
    """A board's name is its file's name with hyphens, and can be a key; the sentence names both."""
    with pytest.raises(ValueError, match=f"the board of {module}.py must be named"):
        checked(Leaderboard(name, lambda _: None), module)


def test_board_that_is_named_after_its_file_passes() -> None:
    """Words of a module's name are joined by hyphens in the board's."""
    board = Leaderboard("low-float", lambda _: None)

    assert checked(board, "low_float") is board
