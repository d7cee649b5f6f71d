"""09:30 and midnight without an event in the minutes around them: what stands still, what begins anew."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mesh.partition import partition_of
from schemas.leaderboard import Row
from schemas.market import Bar, Quote, Trade
from schemas.naming import MarketClass, symbol_token
from services.processors.rows import RowFold
from tests.services.knowing import knowing


DAY, NEXT = "2024-10-02", "2024-10-03"
CLOSES = {DAY: {"A": 8.0, "B": 8.0}, NEXT: {"A": 16.0, "B": 16.0}}
PARTITIONS = 2
FORM_T = 12
BARS, TRADES, QUOTES = MarketClass.BARS, MarketClass.TRADES, MarketClass.QUOTES

Batch = tuple[MarketClass, list[Any]]
Rows = dict[str, Row]
CROSSINGS = ("in one process", "with the process down over the boundary", "in two partitions", "in two, both down")  # fmt: skip


def _at(text: str) -> int:
    moment = datetime.fromisoformat(text if "T" in text else f"{DAY}T{text}")
    return round(moment.replace(tzinfo=ZoneInfo("America/New_York")).timestamp() * 1000)


def _trade(at: str, price: float, sequence: int, size: float, *codes: int) -> Batch:
    """Of A, and the same of B, so that there is something in either partition."""
    return TRADES, [Trade(symbol, _at(at), sequence, price, size, codes, 4, "1") for symbol in "AB"]


def _bar(at: str, price: float, size: float, day_shares: float, day_vwap: float, opened: float | None) -> Batch:  # fmt: skip
    start_ms = _at(at)
    return BARS, [
        Bar(symbol, start_ms, start_ms + 1000, price, price, price, price, size, day_shares, price, day_vwap, opened)
        for symbol in "AB"
    ]  # fmt: skip


def _quote(at: str, bid: float, ask: float) -> Batch:
    return QUOTES, [Quote(each, _at(at), 1, bid, 1.0, ask, 1.0, None, ()) for each in "AB"]


class Market:
    """Some partitions."""

    def __init__(self, partitions: int) -> None:
        self.folds = [RowFold(None, knowing(CLOSES)) for _ in range(partitions)]
        self._rows: Rows = {}

    def take(self, batches: Sequence[Batch]) -> Rows:
        """All rows after *batches*, which are flushed one by one."""
        for market_class, events in batches:
            for number, fold in enumerate(self.folds):
                mine = [each for each in events if self._partition(each.symbol) == number]
                fold.on_batch(market_class, mine)
            self._flush()
        self._flush()  # a successor has something to say even if no batch came
        return dict(self._rows)

    def go_down(self) -> None:
        """Every partition comes back from its snapshot, to somebody who has seen no row."""
        self._rows.clear()
        self.folds = [RowFold(fold.snapshot(), knowing(CLOSES)) for fold in self.folds]

    def alerts(self) -> list[tuple[str, str, int]]:
        """Kind, symbol and time of all so far."""
        unsent = [each for fold in self.folds for each in fold.unsent.values()]
        return sorted((each.kind, each.symbol, each.event_ms) for each in unsent)

    def _flush(self) -> None:
        for fold in self.folds:
            self._rows |= {row.symbol: row for row in fold.on_flush().rows()}

    def _partition(self, symbol: str) -> int:
        return partition_of(symbol_token(symbol), len(self.folds))


def _cross(how: str, before: Sequence[Batch], after: Sequence[Batch]) -> tuple[Row, Row, Market]:
    """The row of A before the boundary and after it; that of B is the same, wherever it is folded."""
    market = Market(PARTITIONS if "two" in how else 1)
    first = market.take(before)
    if "down" in how:
        market.go_down()
        assert market.take([]) == first
    second = market.take(after)
    for rows in (first, second):
        assert _without_symbol(rows["A"]) == _without_symbol(rows["B"])
    return first["A"], second["A"], market


def _without_symbol(row: Row) -> list[Any]:
    return [getattr(row, name) for name in Row.__struct_fields__[1:]]


def _fields(row: Row, names: str) -> list[Any]:
    return [getattr(row, name) for name in names.split()]


GAP = "session last_usd open_usd gap_usd gap_pct change_pct change_open_pct"
SESSION = "session_high_usd session_low_usd session_volume_shares session_vwap_usd"
WHOLE_DAY = "day_high_usd day_low_usd volume_shares"

PRE_TRADES = [
    _trade("09:27:00", 10.0, 1, 100.0, FORM_T), _trade("09:28:30", 12.0, 2, 300.0, FORM_T),
]  # fmt: skip
PRE_BARS = [
    _bar("09:27:00", 10.0, 100.0, 100.0, 10.0, None), _bar("09:28:30", 12.0, 300.0, 400.0, 11.5, None),
]  # fmt: skip
OPEN_TRADES = [_trade("09:32:10", 9.0, 3, 200.0)]
OPEN_BARS = [_bar("09:32:10", 9.0, 200.0, 600.0, 32 / 3, 9.0)]
LATER_TRADES = [_trade("09:40:00", 11.0, 4, 200.0)]
LATER_BARS = [_bar("09:40:00", 11.0, 200.0, 800.0, 10.75, 9.0)]


def test_there_are_two_partitions() -> None:
    """The two symbols of these tapes are not in the same one."""
    assert {partition_of(symbol_token(each), PARTITIONS) for each in "AB"} == {0, 1}


@pytest.mark.parametrize("how", CROSSINGS)
@pytest.mark.parametrize(
    ("before", "after"), [(PRE_TRADES, OPEN_TRADES), (PRE_BARS, OPEN_BARS)], ids=["trades", "bars"]
)
def test_open_is_crossed_without_an_event_at_it(
    how: str, before: list[Batch], after: list[Batch]
) -> None:
    """The first event of the regular session, minutes later, opens the day, freezes the gap and begins the session."""
    pre, opened, _ = _cross(how, before, after)

    assert _fields(pre, GAP) == ["pre", 12.0, None, 4.0, 50.0, 50.0, None]
    assert _fields(pre, SESSION) == [12.0, 10.0, 400.0, 11.5]
    assert _fields(opened, GAP) == ["regular", 9.0, 9.0, 1.0, 12.5, 12.5, 0.0]
    assert _fields(opened, SESSION) == [9.0, 9.0, 200.0, pytest.approx(9.0)]
    assert _fields(opened, WHOLE_DAY) == [12.0, 9.0, 600.0]
    assert opened.vwap_usd == pytest.approx((1000 + 3600 + 1800) / 600)


@pytest.mark.parametrize("how", CROSSINGS)
@pytest.mark.parametrize(
    ("before", "after"),
    [(PRE_TRADES + OPEN_TRADES, LATER_TRADES), (PRE_BARS + OPEN_BARS, LATER_BARS)],
    ids=["trades", "bars"],
)
def test_gap_stands_still_from_the_open_on(
    how: str, before: list[Batch], after: list[Batch]
) -> None:
    """Later prices move the change and not the gap, also in a process that did not see the open."""
    _, later, _ = _cross(how, before, after)

    assert _fields(later, GAP) == ["regular", 11.0, 9.0, 1.0, 12.5, 37.5, pytest.approx(200 / 9)]
    assert _fields(later, SESSION) == [11.0, 9.0, 400.0, pytest.approx(10.0)]


@pytest.mark.parametrize("how", CROSSINGS)
def test_first_print_after_the_open_is_silent_and_the_next_is_not(how: str) -> None:
    """Highs and lows of the regular session are its own, and name the pre-market's when they pass it."""
    after = [*OPEN_TRADES, _trade("09:40:00", 13.0, 4, 200.0)]
    *_, market = _cross(how, PRE_TRADES, after)

    highs = [(symbol, event_ms) for kind, symbol, event_ms in market.alerts() if kind in {"high", "low"}]  # fmt: skip
    assert sorted(highs) == sorted(
        (symbol, _at(at)) for symbol in "AB" for at in ("09:28:30", "09:40:00")
    )
    passed = [each.breaches[0] for fold in market.folds for each in fold.unsent.values() if each.breaches]  # fmt: skip
    assert [(each.session, each.level_usd) for each in passed] == [("pre", 12.0)] * 2


REGULAR = [
    _trade("15:58:00", 14.0, 7, 500.0), _bar("15:58:00", 14.0, 500.0, 5000.0, 13.0, 9.0),
    _quote("15:58:01", 13.9, 14.1), _trade("19:57:00", 15.0, 8, 50.0, FORM_T),
]  # fmt: skip
PER_DAY = (
    "open_usd change_open_usd change_open_pct bid_usd ask_usd spread_usd bar_start_ms bar_close_usd "
    "block_usd halt halt_ms"
)


@pytest.mark.parametrize("how", CROSSINGS)
def test_day_is_crossed_without_an_event_at_midnight_or_at_four(how: str) -> None:
    """The first trade of the next day, whenever it comes, begins a row in which nothing of the day before is left."""
    after = [_trade(f"{NEXT}T04:17:00", 12.0, 1, 10.0, FORM_T)]
    before, first, _ = _cross(how, REGULAR, after)

    assert (before.trading_day, before.session, before.open_usd) == (DAY, "post", 9.0)
    assert (first.trading_day, first.session, first.trades) == (NEXT, "pre", 1)
    assert _fields(first, "previous_close_usd change_pct gap_pct") == [16.0, -25.0, -25.0]
    assert _fields(first, WHOLE_DAY) == [12.0, 12.0, 10.0]
    assert _fields(first, SESSION) == [12.0, 12.0, 10.0, 12.0]
    assert _fields(first, PER_DAY) == [None] * len(PER_DAY.split())


@pytest.mark.parametrize("how", CROSSINGS)
def test_day_that_begins_in_its_regular_session_has_that_alone(how: str) -> None:
    """A symbol that rests until after 09:30 of the next day has its open there, and no pre-market."""
    after = [_bar(f"{NEXT}T09:45:00", 20.0, 30.0, 130.0, 18.0, 18.0)]
    _, first, _ = _cross(how, REGULAR, after)

    assert (first.trading_day, first.trades) == (NEXT, None)
    assert _fields(first, GAP) == ["regular", 20.0, 18.0, 2.0, 12.5, 25.0, pytest.approx(100 / 9)]
    assert _fields(first, "day_high_usd session_high_usd volume_shares") == [20.0, 20.0, 130.0]


@pytest.mark.parametrize("how", CROSSINGS)
def test_events_of_the_day_before_are_late_in_the_next(how: str) -> None:
    """What comes of yesterday after today has begun changes nothing, and is counted."""
    today = [_trade(f"{NEXT}T04:17:00", 12.0, 1, 10.0, FORM_T)]
    _, first, market = _cross(how, REGULAR, today)
    again = market.take(REGULAR[:1] + REGULAR[3:])

    assert again["A"] == first
    assert sum(fold.late[TRADES] for fold in market.folds) == 4


@pytest.mark.parametrize("how", CROSSINGS)
def test_windows_do_not_end_with_the_day(how: str) -> None:
    """Windows are of event time: the next morning they hold what was printed then, and no more."""
    after = [_trade(f"{NEXT}T04:17:00", 12.0, 1, 10.0, FORM_T)]
    before, first, _ = _cross(how, REGULAR, after)

    windows = "trades_1m trades_5m trades_1h volume_1h_shares"
    assert _fields(before, windows) == [1, 1, 1, 50.0]
    assert _fields(first, windows) == [1, 1, 1, 10.0]
