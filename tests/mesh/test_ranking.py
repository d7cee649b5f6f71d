"""Ranking rows into boards, against a full sort."""

import math
from collections.abc import Mapping
from typing import Any, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.leaderboard import Instant, Leaderboard, best, board_at, checked
from schemas.columns import Columns, Numbers, columns_of
from schemas.leaderboard import HALTS, SESSIONS, RankedRow, Row


scores = st.none() | st.floats() | st.sampled_from([0.0, -0.0, 1.0, 1.0, -1.0])
markets = st.dictionaries(st.text("ABab.:", min_size=1, max_size=3), scores, max_size=30)


def _market(*symbols: str, day: str = "2024-10-02", event_ms: int = 1) -> Columns:
    return columns_of([Row(symbol, day, "regular", event_ms) for symbol in symbols])


def _scores(columns: Columns, market: Mapping[str, float | None]) -> Numbers:
    return np.array([market[symbol] for symbol in columns.symbols], np.float64)


def _sorted(market: Mapping[str, float | None]) -> list[tuple[int, str, float]]:
    placed = [
        (symbol, score)
        for symbol, score in market.items()
        if score is not None and math.isfinite(score)
    ]
    placed.sort(key=lambda pair: pair[0])
    placed.sort(key=lambda pair: pair[1], reverse=True)
    return [(rank, symbol, score) for rank, (symbol, score) in enumerate(placed, start=1)]


@given(markets, st.integers(0, 40), st.data())
def test_best_is_the_head_of_a_full_sort(
    market: dict[str, float | None], top: int, data: st.DataObject
) -> None:
    """Whatever order the rows come in: best first, ties by symbol, unknown and infinite scores left out."""
    columns = _market(*data.draw(st.permutations(list(market))))

    found = best(columns, _scores(columns, market), top)

    assert [(row.rank, row.symbol, row.score) for row in found] == _sorted(market)[:top]


def test_zero_ranks_and_unknown_does_not() -> None:
    """Zero is a number, above the negative ones; unknown is off the board."""
    market = {"A": None, "B": 0.0, "C": -1.0, "D": math.nan, "E": math.inf, "F": -math.inf}
    columns = _market(*market)

    found = best(columns, _scores(columns, market), 10)

    assert [row.symbol for row in found] == ["B", "C"]


def test_ties_at_the_last_place_go_by_symbol() -> None:
    """Of rows that are equally good, the first symbols are on the board, wherever they stand in the columns."""
    columns = _market("D", "B", "Z", "C", "A")

    found = best(columns, np.array([1.0, 1.0, 2.0, 1.0, 1.0]), 3)

    assert [(row.rank, row.symbol) for row in found] == [(1, "Z"), (2, "A"), (3, "B")]


rows = st.builds(
    Row,
    symbol=st.text("AB", min_size=1, max_size=3),
    trading_day=st.just("2024-10-02"),
    session=st.sampled_from(SESSIONS),
    event_ms=st.integers(0, 1 << 52),
    halt=st.none() | st.sampled_from(HALTS),
    **{
        name: st.none() | st.floats(allow_nan=False, allow_infinity=False)
        for name, kind in get_type_hints(RankedRow).items()
        if kind == float | None
    },
)


@given(st.lists(rows, unique_by=lambda row: row.symbol), st.integers(1, 5))
def test_ranked_row_takes_each_field_from_its_own(market: list[Row], top: int) -> None:
    """No field of a ranked row is filled from another one, or from another row."""
    by_symbol = {row.symbol: row for row in market}
    shared = set(RankedRow.__struct_fields__) & set(Row.__struct_fields__)

    for place in best(columns_of(market), np.arange(0.0, len(market)), top):
        row = by_symbol[place.symbol]
        assert place.score == market.index(row)
        assert all(getattr(place, field) == getattr(row, field) for field in shared)
    assert shared == set(RankedRow.__struct_fields__) - {"rank", "score"}


def _joined(*parts: Columns) -> Columns:
    return columns_of([row for part in parts for row in part.rows()])


def test_rows_of_other_days_are_off_the_board() -> None:
    """Before its first event of a day, a symbol is not on that day's board with yesterday's values."""
    columns = _joined(
        _market("OLD", day="2024-10-01"), _market("NEW"), _market("TOMORROW", day="2024-10-03")
    )
    instant = Instant("2024-10-02", 7, "regular")

    board = board_at(instant, Leaderboard("all", lambda c: c.event_ms), columns, seq=3, top=10)

    assert [row.symbol for row in board.rows] == ["NEW"]
    assert (board.board, board.trading_day, board.session, board.asof_ms, board.seq) == (
        "all", "2024-10-02", "regular", 7, 3,
    )  # fmt: skip


def test_rows_of_events_too_long_ago_are_off_a_board_of_the_last_minutes() -> None:
    """What the score is about is over: a row of exactly the age is still on the board."""
    columns = _joined(
        _market("NOW", event_ms=70_000),
        _market("EDGE", event_ms=10_000),
        _market("OLD", event_ms=9_999),
    )
    instant = Instant("2024-10-02", 70_000, "regular")
    board = Leaderboard("last", lambda c: c.event_ms, max_age_s=60.0)

    found = board_at(instant, board, columns, seq=1, top=10)

    assert [row.symbol for row in found.rows] == ["NOW", "EDGE"]


def test_what_cannot_be_computed_is_off_the_board() -> None:
    """A score may divide by what is zero or unknown: such rows do not rank, and nothing is said about it."""
    columns = _market("A", "B", "C", "D")
    columns.volume_shares[:] = [0.0, 2.0, np.nan, 0.0]
    columns.last_usd[:] = [1.0, 1.0, 1.0, 0.0]
    board = Leaderboard("per-share", lambda c: c.last_usd / c.volume_shares)

    found = board_at(Instant("2024-10-02", 1, "regular"), board, columns, seq=1, top=10)

    assert [(row.symbol, row.score) for row in found.rows] == [("B", 0.5)]


def test_board_without_rows_is_a_board() -> None:
    """A market in which nothing ranks gives an empty board, not none."""
    board = Leaderboard("none", lambda c: c.last_usd)
    instant = Instant("2024-10-02", 7, "pre")

    assert board_at(instant, board, _market("A"), seq=1, top=5).rows == []
    assert board_at(instant, board, _market(), seq=1, top=5).rows == []


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
        checked(Leaderboard(name, lambda c: c.last_usd), module)


def test_board_that_is_named_after_its_file_passes() -> None:
    """Words of a module's name are joined by hyphens in the board's."""
    board = Leaderboard("low-float", lambda c: c.last_usd)

    assert checked(board, "low_float") is board


def test_score_of_a_field_that_rows_do_not_have_is_refused() -> None:
    """A misspelt field is an error before anything runs, and the sentence says where the names are."""
    board = Leaderboard("gainers", lambda c: c.change_percent)

    with pytest.raises(
        AttributeError, match=r"no field 'change_percent'; see schemas\.leaderboard\.Row"
    ):
        checked(board, "gainers")


def test_score_that_is_no_column_is_refused() -> None:
    """One number for the whole market, or none, is a mistake that is named before anything runs."""
    scores: tuple[Any, ...] = (lambda c: c.last_usd.max(), lambda _: None)
    for score in scores:
        with pytest.raises(ValueError, match=r"the score of gainers.py must be a column"):
            checked(Leaderboard("gainers", score), "gainers")
