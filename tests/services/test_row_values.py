"""What each event contributes to a row."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mesh.calendar import calendar_with
from schemas.leaderboard import Row
from schemas.market import Bar, Trade
from schemas.naming import MarketClass
from schemas.wire import DecodeError, encode_msgpack
from services.processors.rows import FOLDED, RowFold
from tests.services.knowing import knowing


BARS, MINUTES, TRADES = MarketClass.BARS, MarketClass.MINUTES, MarketClass.TRADES
CLOSES = {"2024-10-02": {"A": 8.0}, "2024-10-03": {"A": 16.0}}


def _at(text: str) -> int:
    moment = text if "T" in text else f"2024-10-02T{text}"
    return round(
        datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("America/New_York")).timestamp()
        * 1000
    )


def _bar(at: str, close: float, length_s: int = 1, **fields: Any) -> Bar:
    start_ms = _at(at)
    given = {
        "day_volume_shares": 700.0,
        "vwap_usd": close,
        "day_vwap_usd": 9.5,
        "official_open_usd": 9.0,
    }
    given |= fields
    return Bar("A", start_ms, start_ms + length_s * 1000, close, close, close, close, 5.0, **given)


def _trade(at: str, price: float, sequence: int, size: float = 100.0, *conditions: int) -> Trade:
    return Trade("A", _at(at), sequence, price, size, conditions, 4, "1")


def _fold(*batches: tuple[MarketClass, list[Any]]) -> RowFold:
    fold = RowFold(None, knowing(CLOSES))
    for market_class, events in batches:
        fold.on_batch(market_class, events)
    return fold


def _row(*batches: tuple[MarketClass, list[Any]]) -> Row:
    [row] = _fold(*batches).on_flush().rows()
    return row


def test_bar_makes_a_whole_row() -> None:
    """A second bar gives last at the end of its window, the vendor's totals, and both changes."""
    assert _row((BARS, [_bar("10:00:00", 10.0)])) == Row(
        symbol="A", trading_day="2024-10-02", session="regular", event_ms=_at("10:00:01"),
        last_usd=10.0, open_usd=9.0, previous_close_usd=8.0, change_usd=2.0, change_pct=25.0,
        change_open_usd=1.0, change_open_pct=1 / 9 * 100, volume_shares=700.0, vwap_usd=9.5,
        gap_usd=1.0, gap_pct=12.5, day_high_usd=10.0, day_low_usd=10.0, session_high_usd=10.0,
        session_low_usd=10.0, session_volume_shares=5.0, session_vwap_usd=10.0, high_distance_pct=0.0,
        low_distance_pct=0.0, vwap_distance_pct=0.0, dollar_volume_usd=6650.0,
        bar_start_ms=_at("10:00:00"), bar_end_ms=_at("10:00:01"), bar_open_usd=10.0,
        bar_high_usd=10.0, bar_low_usd=10.0, bar_close_usd=10.0, bar_volume_shares=5.0,
        bar_vwap_usd=10.0,
    )  # fmt: skip


def test_bar_that_is_sent_again_replaces_the_copy() -> None:
    """The same window with new values is the newer truth, and is not counted twice."""
    first = _bar("10:00:00", 10.0)
    second = _bar("10:00:00", 11.0, day_volume_shares=701.0)

    fold = _fold((BARS, [first]), (BARS, [second]))

    [row] = fold.on_flush().rows()
    assert (row.last_usd, row.volume_shares) == (11.0, 701.0)
    assert (fold.folded[BARS], fold.late[BARS]) == (2, 0)


def test_late_bar_is_counted_and_has_no_effect() -> None:
    """A bar of an earlier window, of today or of yesterday, changes nothing."""
    newest = _bar("10:00:01", 10.0)
    late = [_bar("10:00:00", 99.0), _bar("2024-10-01T10:00:00", 99.0)]

    fold = _fold((BARS, [newest]))
    fold.on_flush()
    fold.on_batch(BARS, late)

    assert (fold.folded[BARS], fold.late[BARS]) == (1, 2)
    assert len(fold.on_flush()) == 0


@pytest.mark.parametrize("market_class", [BARS, MINUTES])
def test_official_open_is_not_taken_back(market_class: MarketClass) -> None:
    """A bar without the open keeps the one before it on the same day, and not on the next."""
    fold = _fold(
        (market_class, [_bar("09:30:00", 9.5)]),
        (market_class, [_bar("09:31:00", 10.0, official_open_usd=None)]),
    )
    [row] = fold.on_flush().rows()
    assert row.open_usd == 9.0

    fold.on_batch(market_class, [_bar("2024-10-03T04:00:00", 10.0, official_open_usd=None)])

    [row] = fold.on_flush().rows()
    assert row.open_usd is None


@pytest.mark.parametrize(
    ("bar", "minute", "trade", "last"),
    [
        ("10:00:59", "10:00:00", "10:00:59.999", 1.0),
        ("10:00:59", "10:00:00", "10:01:00.000", 3.0),
        ("10:00:58", "10:00:00", "10:00:30.000", 2.0),
        ("10:01:00", "10:00:00", "10:01:00.999", 1.0),
    ],
)
def test_last_is_the_newest_of_all_classes(bar: str, minute: str, trade: str, last: float) -> None:
    """The latest end of a window or trade gives the last price; at one instant trade, then second bar."""
    row = _row(
        (BARS, [_bar(bar, 1.0)]),
        (MINUTES, [_bar(minute, 2.0, 60)]),
        (TRADES, [_trade(trade, 3.0, 1)]),
    )

    assert row.last_usd == last


def test_totals_come_from_the_newest_bar() -> None:
    """Volume, VWAP and open are those of the bar whose window ends last, not sums of trades."""
    second = _bar("10:00:58", 1.0, day_volume_shares=100.0, day_vwap_usd=1.5)
    minute = _bar("10:00:00", 2.0, 60, day_volume_shares=200.0, day_vwap_usd=2.5)

    row = _row((BARS, [second]), (MINUTES, [minute]), (TRADES, [_trade("10:02:00", 3.0, 1)]))

    assert (row.volume_shares, row.vwap_usd, row.open_usd) == (200.0, 2.5, 9.0)
    assert (row.last_usd, row.event_ms) == (3.0, _at("10:02:00"))


def test_new_trading_day_resets_a_symbol() -> None:
    """With its first event of a day, nothing of the day before is left in a row, whichever class it comes in."""
    for market_class, event in (
        (BARS, _bar("2024-10-03T04:00:00", 12.0, day_volume_shares=None, day_vwap_usd=None, official_open_usd=None)),
        (TRADES, _trade("2024-10-03T04:00:00", 12.0, 1, 3.0, 12)),
    ):  # fmt: skip
        row = _row(
            (BARS, [_bar("10:00:00", 10.0)]),
            (MINUTES, [_bar("10:00:00", 10.0, 60)]),
            (TRADES, [_trade("10:00:00", 10.0, 500)]),
            (market_class, [event]),
        )

        assert (row.trading_day, row.session, row.last_usd) == ("2024-10-03", "pre", 12.0)
        assert (row.open_usd, row.change_open_pct) == (None, None)
        assert (row.previous_close_usd, row.change_pct) == (16.0, -25.0)
        assert row.volume_shares == (None if market_class is BARS else 3.0)


def test_symbol_with_trades_alone_has_a_whole_row() -> None:
    """Volume, VWAP and open come from eligible trades where there are no bars."""
    row = _row(
        (
            TRADES,
            [
                _trade("09:29:59", 7.0, 1, 100.0, 12),
                _trade("09:30:00", 8.5, 2, 10.0, 37),
                _trade("09:30:00", 9.0, 3, 100.0),
                _trade("09:30:01", 10.0, 4, 300.0, 14, 41),
                _trade("09:30:02", 50.0, 5, 1000.0, 15),
            ],
        )
    )

    notional = 7.0 * 100 + 8.5 * 10 + 9.0 * 100 + 10.0 * 300
    assert (row.last_usd, row.open_usd, row.volume_shares) == (10.0, 9.0, 510.0)
    assert row.vwap_usd == notional / 510
    assert (row.event_ms, row.session) == (_at("09:30:02"), "regular")


def test_odd_lot_is_volume_and_not_last() -> None:
    """A trade of less than a round lot counts its shares, and leaves last and open alone."""
    row = _row((TRADES, [_trade("10:00:00", 10.0, 1), _trade("10:00:01", 99.0, 2, 5.0, 37)]))

    assert (row.last_usd, row.volume_shares, row.open_usd) == (10.0, 105.0, 10.0)


@pytest.mark.parametrize(
    ("at", "moves"),
    [("09:29:59.999", True), ("09:30:00", False), ("15:59:59.999", False), ("16:00:00", True)],
)
def test_form_t_moves_last_in_extended_hours_only(at: str, moves: bool) -> None:
    """A Form T trade is a last sale before 09:30 and from 16:00 on, and never the open."""
    row = _row((TRADES, [_trade(at, 10.0, 1, 100.0, 12)]))

    assert row.last_usd == (10.0 if moves else None)
    assert row.open_usd is None
    assert row.volume_shares == 100.0


def test_open_is_the_first_regular_trade_that_is_eligible() -> None:
    """Trades before 09:30 and odd lots are no open; what comes after does not replace it."""
    row = _row(
        (
            TRADES,
            [
                _trade("09:29:59.999", 1.0, 1),
                _trade("09:30:00", 2.0, 2, 1.0, 37),
                _trade("09:30:00.001", 3.0, 3),
                _trade("15:59:59", 4.0, 4),
            ],
        )
    )

    assert row.open_usd == 3.0


def test_closed_day_has_no_open() -> None:
    """A trade at noon of a holiday is a last price, but no session and no official open."""
    row = _row((TRADES, [_trade("2025-01-09T12:00:00", 10.0, 1)]))

    assert (row.trading_day, row.session) == ("2025-01-09", "closed")
    assert (row.last_usd, row.open_usd) == (10.0, None)


def test_volume_is_unknown_until_a_trade_counts() -> None:
    """Repeats of volume that was counted elsewhere are no volume; a trade of nothing that counts is zero shares."""
    repeated = _trade("16:00:01", 10.0, 1, 1000.0, 15)
    empty = _trade("16:00:02", 10.0, 2, 0.0)

    before, after = _row((TRADES, [repeated])), _row((TRADES, [repeated, empty]))

    assert (before.volume_shares, before.vwap_usd) == (None, None)
    assert (after.volume_shares, after.vwap_usd) == (0.0, None)


def test_open_of_one_class_of_bars_serves_the_other() -> None:
    """When the newest bar has no open yet, the one that a minute bar told is the day's open."""
    second = _bar("10:01:00", 10.0, official_open_usd=None)

    row = _row((BARS, [second]), (MINUTES, [_bar("10:00:00", 9.5, 60)]))

    assert (row.last_usd, row.open_usd) == (10.0, 9.0)


@pytest.mark.parametrize("sequence", [4, 5])
def test_late_trade_is_counted_and_has_no_effect(sequence: int) -> None:
    """A trade whose sequence was passed, or the same one again, changes nothing, whatever its time."""
    fold = _fold((TRADES, [_trade("10:00:00", 10.0, 5)]))
    fold.on_flush()

    fold.on_batch(
        TRADES, [_trade("10:00:01", 99.0, sequence), _trade("2024-10-01T10:00:00", 9.0, 7)]
    )

    assert (fold.folded[TRADES], fold.late[TRADES]) == (1, 2)
    assert len(fold.on_flush()) == 0


def test_trade_of_an_earlier_time_is_volume_and_not_last() -> None:
    """With a sequence that goes on but a time that goes back, the shares count and the price does not."""
    row = _row((TRADES, [_trade("10:00:01", 10.0, 1), _trade("10:00:00", 99.0, 2)]))

    assert (row.last_usd, row.volume_shares, row.event_ms) == (10.0, 200.0, _at("10:00:01"))


def test_sequences_begin_again_with_a_day() -> None:
    """The first trade of a day is taken although yesterday's numbers were greater."""
    fold = _fold(
        (TRADES, [_trade("19:00:00", 10.0, 9000, 100.0, 12)]),
        (TRADES, [_trade("2024-10-03T09:30:00", 11.0, 1)]),
    )

    assert fold.late[TRADES] == 0
    [row] = fold.on_flush().rows()
    assert (row.trading_day, row.open_usd) == ("2024-10-03", 11.0)


def test_classes_that_rows_are_not_made_of_are_left_alone() -> None:
    """Quotes, halts and unknown events are neither folded nor counted."""
    fold = RowFold(None, knowing(CLOSES))
    for market_class in set(MarketClass) - {*FOLDED, MarketClass.CANARY}:
        fold.on_batch(market_class, [object()])

    assert len(fold.on_flush()) == 0
    assert set(fold.folded.values()) == set(fold.late.values()) == {0}


def test_previous_closes_complete_rows_when_they_come() -> None:
    """Closes that arrive after the events complete every row at the next flush."""
    knowledge = knowing({})
    fold = RowFold(None, knowledge)
    fold.on_batch(BARS, [_bar("10:00:00", 10.0)])
    [before] = fold.on_flush().rows()

    knowledge.days = knowing(CLOSES).days
    fold.on_references()

    [after] = fold.on_flush().rows()
    assert (before.previous_close_usd, before.change_pct) == (None, None)
    assert (after.previous_close_usd, after.change_pct) == (8.0, 25.0)


def test_session_is_that_of_the_calendar_in_force() -> None:
    """After an early close that an operator named, bars are of the post-market and trades open nothing."""
    fold = RowFold(None, knowing(CLOSES), calendar_with("2024-10-02T14:00"))
    fold.on_batch(BARS, [_bar("13:59:59", 10.0)])
    [before] = fold.on_flush().rows()
    fold.on_batch(BARS, [_bar("14:00:00", 10.0)])
    [after] = fold.on_flush().rows()

    assert (before.session, after.session) == ("regular", "post")

    closed = RowFold(None, knowing(CLOSES), calendar_with("2024-10-02"))
    closed.on_batch(TRADES, [_trade("10:00:00", 8.0, 1)])
    [row] = closed.on_flush().rows()
    assert (row.session, row.open_usd) == ("closed", None)


def test_price_that_did_not_change_is_a_change_of_zero() -> None:
    """Zero percent is a number, not unknown."""
    row = _row((BARS, [_bar("10:00:00", 8.0, official_open_usd=8.0)]))

    assert (row.change_usd, row.change_pct, row.change_open_pct) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "snapshot", [b"", b"\x96", b"\x96\x02", encode_msgpack([9, *[[]] * 8, {}, {}])]
)
def test_snapshot_of_another_version_is_refused(snapshot: bytes) -> None:
    """State that is laid out otherwise is refused with a sentence, not misread."""
    with pytest.raises(ValueError, match="must be of version 4"):
        RowFold(snapshot, knowing(CLOSES))


def test_snapshot_that_was_cut_off_is_refused() -> None:
    """Half a snapshot is an error that the owner knows, wherever it ends."""
    whole = _fold(
        (BARS, [_bar("10:00:00", 8.0)]), (TRADES, [_trade("10:00:00", 8.0, 1)])
    ).snapshot()

    for end in range(2, len(whole)):
        with pytest.raises((ValueError, DecodeError)):
            RowFold(whole[:end], knowing(CLOSES))
