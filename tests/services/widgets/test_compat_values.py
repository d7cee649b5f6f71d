"""Our values under the old names: every field, every unit, and what is unknown."""

from typing import Any

import msgspec
import pytest

from schemas.alert import Breach
from schemas.leaderboard import Row
from schemas.wire import DecodeError, encode_json
from services.widgets.compat_market import Market
from services.widgets.compat_names import parse
from services.widgets.compat_ranges import Extremes, SessionRange
from services.widgets.compat_values import (
    bar,
    quote,
    range_alert,
    ranking,
    top_trades,
    trades,
)  # fmt: skip
from tests.services.widgets.compat_serving import NOW_MS, a_board, a_row, an_alert


BARE = Row("ABCD", "2026-01-05", "pre", NOW_MS)


def test_values_quote_has_the_26_fields() -> None:
    """Their names and their order are the old system's."""
    assert " ".join(quote(BARE)) == (
        "symbol volume free_float accumulated_volume relative_volume official_open_price vwap open close high low "
        "aggregate_vwap average_size avg_volume prev_day_close prev_day_open prev_day_high prev_day_low "
        "prev_day_volume prev_day_vwap change pct_change change_since_open pct_change_since_open "
        "start_timestamp end_timestamp"
    )


def test_values_unknown_is_null() -> None:
    """What is not known is null in a quote, a bar and a place on a board, and never 0."""
    board = a_board()
    place = ranking(board, [None])[0]

    assert [value for value in quote(BARE).values() if value is not None] == ["ABCD"]
    assert set(bar(BARE).values()) == {"A", "ABCD", None}
    assert place["avg_volume"] is None
    assert place["close"] == 5.5


def test_values_numbers_that_were_wrong_are_right() -> None:
    """Relative volume is of the time of day, and what is since the open is since the official one."""
    row = a_row(relative_volume=3.0, volume_ratio=0.2, open_usd=5.0, bar_open_usd=4.7)

    assert quote(row)["relative_volume"] == 3.0
    assert quote(row)["open"] == 5.0
    assert quote(a_row(open_usd=None, change_open_usd=None))["change_since_open"] is None


def test_values_row_of_another_day_does_not_fill_a_board() -> None:
    """Yesterday's row of a symbol says nothing about its place today."""
    board = a_board()

    assert ranking(board, [a_row(trading_day="2026-01-02")])[0]["prev_day_high"] is None
    assert ranking(board, [a_row()])[0]["prev_day_high"] == 4.2


@pytest.mark.parametrize(
    ("kind", "session", "breaches", "note"),
    [
        ("high", "regular", [("pre", 6.0)], "Broke pre-market high of $6.00"),
        ("low", "regular", [("pre", 3.005)], "Broke pre-market low of $3.00"),
        ("high", "post", [("pre", 6.0), ("regular", 5.0)], "Broke regular session high of $5.00"),
        ("low", "post", [("pre", 3.5)], "Broke pre-market low of $3.50"),
        ("high", "pre", [("previous day", 4.2)], "Broke previous day high of $4.20"),
        ("high", "regular", [], None),
    ],
)
def test_values_alert_notes_what_was_broken(
    kind: str, session: str, breaches: list[tuple[str, float]], note: str | None
) -> None:
    """The first level that applies, in the old order and words; null if there is none."""
    alert = msgspec.structs.replace(
        an_alert(kind), session=session, breaches=[Breach(*each) for each in breaches]
    )

    assert range_alert(alert)["note"] == note


@pytest.mark.parametrize(
    ("ours", "old"), [("pre", "pre_market"), ("regular", "regular"), ("post", "after_hours")]
)
def test_values_alert_has_old_sessions_and_seconds(ours: str, old: str) -> None:
    """A session has its old name, and the time is that of the print, in seconds."""
    alert = msgspec.structs.replace(an_alert(at_ms=NOW_MS + 250), session=ours)

    assert range_alert(alert)["session"] == old
    assert range_alert(alert)["timestamp"] == (NOW_MS + 250) / 1000


def test_values_trades_that_are_too_old_are_not_top_trades() -> None:
    """A symbol that has not traded for five minutes is not among them; without any there is no value."""
    old = a_row(symbol="OLD", event_ms=NOW_MS - 300_000)
    found = top_trades([old, a_row()])

    assert found is not None
    assert list(found["symbols"]) == ["ABCD"]
    assert top_trades([]) is None
    assert trades(BARE) is None


def _ranges(*rows: tuple[str, str, float, float, float, float]) -> dict[str, Any]:
    sessions = SessionRange()
    for day, session, high, low, day_high, day_low in rows:
        sessions.take(Extremes(day, session, day_high, day_low, high, low))
    return {name: value for name, value in sessions.fields().items() if value is not None}


def test_values_ranges_are_remembered_by_session() -> None:
    """Each session keeps its extremes when the next begins; a closed market changes nothing."""
    found = _ranges(
        ("1", "pre", 5.0, 4.0, 5.0, 4.0), ("1", "regular", 4.5, 4.4, 5.0, 4.0),
        ("1", "post", 4.6, 4.3, 5.0, 4.0), ("1", "closed", 9.0, 1.0, 9.0, 1.0),
    )  # fmt: skip

    assert found == {
        "pre_market_high": 5.0, "pre_market_low": 4.0, "regular_session_high": 4.5,
        "regular_session_low": 4.4, "after_hours_high": 4.6, "after_hours_low": 4.3,
    }  # fmt: skip


def test_values_ranges_of_another_day_are_forgotten() -> None:
    """Yesterday's extremes are in no session of today."""
    found = _ranges(("1", "regular", 5.0, 4.0, 5.0, 4.0), ("2", "pre", 3.0, 2.0, 3.0, 2.0))

    assert found == {"pre_market_high": 3.0, "pre_market_low": 2.0}


def test_values_ranges_of_the_pre_market_follow_from_those_of_the_day() -> None:
    """Whoever comes after the open knows an extreme of the pre-market as long as it is that of the day."""
    found = _ranges(("1", "regular", 5.0, 4.0, 6.0, 4.0), ("1", "regular", 7.0, 4.0, 7.0, 4.0))

    assert found == {
        "pre_market_high": 6.0, "regular_session_high": 7.0, "regular_session_low": 4.0,
    }  # fmt: skip


def test_values_market_says_what_changed() -> None:
    """A value names what it changes; the same again names nothing, and one without a new bar no bar."""
    market = Market()
    names = ["quote:ABCD", "daily_range:ABCD", "stocks:agg:ABCD"]

    assert market.take_row("ABCD", encode_json(a_row())) == names
    assert market.take_row("ABCD", encode_json(a_row())) == []
    assert market.take_row("ABCD", encode_json(a_row(bid_usd=1.0))) == names[:2]
    assert market.take_board("gainers", encode_json(a_board())) == ["scanners:top_gainers"]
    assert market.take_board("gainers", encode_json(a_board())) == []


def test_values_market_forgets_what_is_deleted() -> None:
    """A name whose value was deleted has none."""
    market = Market()
    market.take_row("ABCD", encode_json(a_row()))
    market.take_board("gainers", encode_json(a_board()))
    market.take_row("ABCD", None)
    market.take_board("gainers", None)
    market.take_halt("ABCD", None)

    for text in ("quote:ABCD", "scanners:top_gainers", "stocks:luld:ABCD"):
        name = parse(text)
        assert name is not None
        assert market.value(name) is None


def test_values_market_refuses_garbage_and_keeps_what_it_has() -> None:
    """A value that cannot be read is an error, and the one before it stays."""
    market = Market()
    market.take_row("ABCD", encode_json(a_row()))
    for take in (market.take_row, market.take_board, market.take_halt):
        with pytest.raises(DecodeError):
            take("ABCD", b"garbage")
    with pytest.raises(DecodeError):
        market.take_board("gainers", encode_json(a_board("volume")))

    name = parse("quote:ABCD")
    assert name is not None
    assert market.value(name) is not None
