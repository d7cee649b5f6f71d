"""Views of a market and of boards: what a reader of one row after the other would show."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.leaderboard import Instant
from schemas.columns import FIELDS, columns_of
from schemas.leaderboard import Row
from schemas.widget import Snap, View
from schemas.wire import encode_json
from services.widgets.catalogue import Catalogue, Live
from services.widgets.live_table import LiveTable
from services.widgets.want import BOARD_COLUMNS, ViewError, changed, want
from tests.services.widgets.boards import board, encoded, show_market
from tests.services.widgets.chance_market import (
    COLUMNS,
    LEADERBOARDS,
    board_of,
    instant_of,
    markets,
    selected,
    shown,
    views,
)


def nothing() -> None:
    """Be woken."""


def snap_of(live: Live) -> Snap:
    """The whole of a table."""
    assert isinstance(live, LiveTable)
    return msgspec.json.decode(live.begin(recovered=None).numbered(1), type=Snap)


def seen(live: Live) -> tuple[list[list[Any]], int]:
    """The rows of a table, and how many there are in all."""
    snap = snap_of(live)
    return snap.rows, snap.total


def catalogue_of(rows: list[Row], put: int | None = None) -> Catalogue:
    """The market, and boards of which *put* rows were put."""
    catalogue = Catalogue("e", LEADERBOARDS)
    show_market(catalogue, columns_of(rows), instant_of(rows), 5.0)
    if put is not None:
        for each in LEADERBOARDS:
            value = encode_json(board_of(each.name, rows, put, 1))
            catalogue.put_board(each.name, value, 6.0)
    return catalogue


feeds = st.sampled_from(["row/*", "row/>", "range/*", "row/A", "range/BRK.B", "row/Z"])
boards = st.sampled_from(["board/gainers", "board/recent"])


@given(markets, feeds, views(of_board=False))
def test_view_of_rows_is_what_single_rows_say(rows: list[Row], feed: str, view: View) -> None:
    """Any choice, order and part of the rows of the market is the one that plain sorting and slicing give."""
    live = catalogue_of(rows).follow(feed, view, nothing)

    assert seen(live) == selected(feed, view, rows)


@given(markets, boards, views(of_board=True), st.integers(0, 3))
def test_view_of_a_board_is_of_the_whole_market(
    rows: list[Row], feed: str, view: View, put: int
) -> None:
    """A condition, an order and a choice see rows that were never put, under the board's floors and its greatest age."""
    asked = want(feed, view)
    live = catalogue_of(rows, put).follow(feed, view, nothing)
    found = board_of(feed.removeprefix("board/"), rows, put, 1)
    is_put = asked.is_whole and (asked.top or 0) <= max(len(found.rows), 1)

    assert seen(live) == (shown(found, view, rows) if is_put else selected(feed, view, rows))


@given(markets, markets, boards, views(of_board=True))
def test_view_of_a_board_follows_market_and_board(
    before: list[Row], rows: list[Row], feed: str, view: View
) -> None:
    """Whoever follows has the same after a change as somebody who comes then."""
    catalogue = catalogue_of(before, 2)
    live = catalogue.follow(feed, view, nothing)
    show_market(catalogue, columns_of(rows), instant_of(rows), 7.0)
    name = feed.removeprefix("board/")
    catalogue.put_board(name, encode_json(board_of(name, rows, 2, 2)), 8.0)

    assert seen(live) == seen(catalogue_of(rows, 2).follow(feed, view, nothing))


def test_board_that_shrinks_is_shown_shrunk() -> None:
    """Where fewer rows are put than a view has places, the view is that of the market at once, not at its next change."""
    rows = [
        Row(
            each, "2026-01-05", "regular", 1, last_usd=2.0, change_open_pct=5.0, volume_shares=100.0
        )
        for each in "ABC"
    ]
    catalogue = catalogue_of(rows, 3)
    live = catalogue.follow("board/gainers", View(columns=["score"], top=2), nothing)
    assert seen(live) == ([["A", 5], ["B", 5]], 3)

    show_market(catalogue, columns_of(rows[:1]), instant_of(rows), 7.0)
    catalogue.put_board("gainers", encode_json(board_of("gainers", rows[:1], 3, 2)), 8.0)

    assert seen(live) == ([["A", 5]], 1)


def test_board_without_a_filter_is_what_was_put() -> None:
    """What KV holds is shown as it is, whatever the market is by now."""
    catalogue = catalogue_of([Row("A", "2026-01-05", "regular", 1, last_usd=5.0)])
    catalogue.put_board("gainers", encoded(("B", 3.0, 1.5), ("A", 1.0, None)), 6.0)
    rows, total = seen(
        catalogue.follow("board/gainers", View(columns=["score", "last_usd"]), nothing)
    )

    assert (rows, total) == ([["B", 3, 1.5], ["A", 1, None]], 2)


@given(st.sampled_from(["market", "score"]))
def test_filter_on_a_board_holds_without_a_market_or_a_score(lacks: str) -> None:
    """Where the market cannot be asked, the condition is asked of the rows that were put: none is shown for which it is false."""
    catalogue = Catalogue("e", LEADERBOARDS if lacks == "market" else ())
    if lacks == "score":
        rows = [
            Row("B", "2026-01-05", "regular", 1, atr_usd=2.0),
            Row("Z", "2026-01-05", "regular", 1),
        ]
        show_market(catalogue, columns_of(rows), instant_of(rows), 1.0)
    catalogue.put_board("gainers", encoded(("C", 4.0, 0.5), ("A", 3.0, 1.5), ("B", 1.0, 2.5)), 6.0)

    def rows_of(view: View) -> tuple[list[list[Any]], int]:
        return seen(catalogue.follow("board/gainers", view, nothing))

    assert rows_of(View(columns=["score"], where="last_usd > 1")) == ([["A", 3], ["B", 1]], 2)
    assert rows_of(View(columns=["last_usd"], sort="last_usd", top=2)) == (
        [["B", 2.5], ["A", 1.5]],
        3,
    )
    assert rows_of(View(columns=["score"], symbols=["C", "Z"])) == ([["C", 4]], 1)
    if lacks == "score":
        assert rows_of(View(columns=["atr_usd"], where="atr_usd > 1")) == ([["B", 2]], 1)


def test_column_that_a_board_does_not_hold_follows_the_market() -> None:
    """What is not put with a board comes from the market: when that is known at last, and whenever it changes."""
    catalogue = Catalogue("e", LEADERBOARDS)
    catalogue.put_board("gainers", encoded(("A", 3.0, 1.5)), 6.0)
    live = catalogue.follow("board/gainers", View(columns=["atr_usd", "score"]), nothing)
    assert seen(live)[0] == [["A", None, 3]]

    for atr_usd in (0.5, 0.75):
        rows = [Row("A", "2026-01-05", "regular", 1, atr_usd=atr_usd)]
        show_market(catalogue, columns_of(rows), instant_of(rows), 7.0)
        assert seen(live)[0] == [["A", atr_usd, 3]]


def test_rows_without_a_number_are_last_whatever_the_order() -> None:
    """Infinite is unknown too, as conditions and frames have it: it is neither first nor last of the numbers."""
    rows = [Row(symbol, "2026-01-05", "regular", 1) for symbol in "ABCDE"]
    columns = columns_of(rows)
    columns.last_usd[:] = [float("inf"), 1.0, float("-inf"), 2.0, float("nan")]
    catalogue = Catalogue("e")
    show_market(catalogue, columns, Instant("2026-01-05", 1, "regular"), 5.0)

    for sort, order in (("last_usd", "DBACE"), ("+last_usd", "BDACE")):
        live = catalogue.follow("row/*", View(columns=["last_usd"], sort=sort), nothing)
        assert snap_of(live).rows == [[each, {"B": 1, "D": 2}.get(each)] for each in order]


@pytest.mark.parametrize(
    ("feed", "view", "place"),
    [
        ("board/gainers", View(columns=["lastt"]), None),
        ("board/gainers", View(columns=["symbol"]), None),
        ("board/gainers", View(columns=[]), None),
        ("row/*", View(columns=["score"]), None),
        ("row/*", View(sort="score"), None),
        ("row/*", View(sort="-last_usd"), None),
        ("row/*", View(sort="+"), None),
        ("row/*", View(window=(3, 3)), None),
        ("row/*", View(window=(4, 3)), None),
        ("row/*", View(where="last_usd > foo"), 11),
        ("row/*", View(where="score > 1"), 0),
        ("board/nobody", View(), None),
        ("board", View(), None),
        ("board/", View(), None),
        ("board/gainers/A", View(), None),
        ("row/A/B", View(), None),
    ],
)
def test_view_that_is_none_is_refused(feed: str, view: View, place: int | None) -> None:
    """What a feed does not have is refused with words, and a condition with the place."""
    with pytest.raises(ViewError) as refused:
        catalogue_of([], 0).follow(feed, view, nothing)

    assert refused.value.place == place


def test_columns_are_given_as_asked_for() -> None:
    """The symbol first, and each column once, in the order of the view; all of a feed's if none are named."""
    catalogue = catalogue_of([], 0)

    def columns(feed: str, *names: str) -> list[str]:
        view = View(columns=list(names) or None)
        return snap_of(catalogue.follow(feed, view, nothing)).columns

    assert columns("row/*", "gap_pct", "symbol", "bid_usd", "gap_pct") == [
        "symbol",
        "gap_pct",
        "bid_usd",
    ]
    assert columns("row/*") == ["symbol", *FIELDS]
    assert columns("board/gainers") == ["symbol", *BOARD_COLUMNS]
    assert "rank" not in BOARD_COLUMNS


@given(views(of_board=False), views(of_board=False))
def test_set_changes_what_it_names(view: View, change: View) -> None:
    """A field that is absent stays, one that is null is as the feed has it."""
    assert changed(view, View()) == view
    assert changed(view, change) == change
    assert changed(view, View(top=None)) == msgspec.structs.replace(view, top=None)
    assert want("row/*", changed(View(top=3, sort="gap_pct"), View(top=5))) == want(
        "row/*", View(top=5, sort="gap_pct")
    )


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b'{"board":"gainers"}',
        encoded(("A", 1.0, 2.0), ("A", 2.0, 2.0)),
        encoded(("A", 1.0, 2.0)).replace(b'"regular"', b'"lunch"'),
        encoded(("A", 1.0, 2.0)).replace(b'"event_ms":1767623465000', b'"event_ms":1' + b"0" * 400),
    ],
)
def test_value_that_is_no_board_is_refused(value: bytes) -> None:
    """Whatever lies under a board's key, the worst that comes of it is a ValueError; the board stays as it was."""
    catalogue = Catalogue("e")
    catalogue.put_board("gainers", encode_json(board(("B", 3.0, 1.5))), 6.0)
    with pytest.raises(ValueError, match=r"."):
        catalogue.put_board("gainers", value, 7.0)

    assert seen(catalogue.follow("board/gainers", View(columns=["score"]), nothing)) == (
        [["B", 3]],
        1,
    )


def test_market_columns_are_those_of_the_reference() -> None:
    """The fields that rows by chance have are fields of rows: the reference speaks of the same table."""
    assert set(COLUMNS) <= set(FIELDS)
