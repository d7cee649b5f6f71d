"""Alerts of tapes made by hand: one table for each kind."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.alert import Alert, AlertKind, Breach
from schemas.market import Bar, Halt, Trade
from schemas.naming import MarketClass
from schemas.reference import Stair, SymbolDay
from services.processors.known import Knowledge
from services.processors.rows import RowFold


BARS, TRADES, HALTS = MarketClass.BARS, MarketClass.TRADES, MarketClass.HALTS
DAY, TOMORROW = "2024-10-02", "2024-10-03"
FORM_T, ODD_LOT, OPENING = 12, 37, 15
HIGH, LOW, UP, DOWN = AlertKind.HIGH, AlertKind.LOW, AlertKind.RUNNING_UP, AlertKind.RUNNING_DOWN
SPIKE, BLOCK, NEAR = AlertKind.VOLUME_SPIKE, AlertKind.BLOCK, AlertKind.NEAR_BAND

Print = tuple[Any, ...]
"""Time, price, shares, condition codes."""
Found = tuple[Any, ...]


def _at(text: str) -> int:
    moment = datetime.fromisoformat(text if "T" in text else f"{DAY}T{text}")
    return round(moment.replace(tzinfo=ZoneInfo("America/New_York")).timestamp() * 1000)


def _trades(prints: Sequence[Print], symbol: str = "A") -> list[Trade]:
    return [
        Trade(symbol, _at(at), number, price, size, tuple(codes), 4, "1")
        for number, (at, price, size, *codes) in enumerate(prints)
    ]


def _bars(prints: Sequence[Print]) -> list[Bar]:
    """A second bar of each print."""
    return [
        Bar("A", start_ms, start_ms + 1000, price, price, price, price, size, None, None, None, None, 100.0)
        for start_ms, price, size in ((_at(at) // 1000 * 1000, price, size) for at, price, size, *_ in prints)
    ]  # fmt: skip


def _alerts(*batches: tuple[MarketClass, Sequence[Any]], by_bars: bool = False, known: SymbolDay | None = None) -> list[Alert]:  # fmt: skip
    knowledge = Knowledge()
    if known is not None:
        knowledge.days = {DAY: {"A": known}, TOMORROW: {"A": known}}
    fold = RowFold(None, knowledge, by_bars=by_bars)
    for market_class, events in batches:
        fold.on_batch(market_class, events)
    fold.on_flush()
    return list(fold.unsent.values())


def _of(prints: Sequence[Print], kinds: set[AlertKind], *, by_bars: bool, known: SymbolDay | None = None) -> list[Alert]:  # fmt: skip
    batch: tuple[MarketClass, Sequence[Any]] = (BARS, _bars(prints)) if by_bars else (TRADES, _trades(prints))  # fmt: skip
    return [each for each in _alerts(batch, by_bars=by_bars, known=known) if each.kind in kinds]


KNOWN = SymbolDay(
    "A", 10.0, previous_high_usd=12.5, previous_low_usd=7.5, history_days=30,
    highs=[Stair(1, 12.5), Stair(4, 14.0)], lows=[Stair(1, 7.5), Stair(9, 6.0)],
)  # fmt: skip

EXTREMES: dict[str, tuple[list[Print], list[Found]]] = {
    # prints; kind, time, price, level passed, breaches, days since
    "the first print of a session is silent": (
        [("04:00:00", 10.0, 1), ("09:30:00", 11.0, 1), ("16:00:00", 12.0, 1)], [],
    ),
    "a print at the high is none": ([("10:00:00", 10.0, 1), ("10:00:01", 10.0, 1)], []),
    "high and low": (
        [("10:00:00", 10.0, 1), ("10:00:01", 10.5, 1), ("10:00:02", 9.5, 1)],
        [(HIGH, "10:00:01", 10.5, 10.0, [], 0), (LOW, "10:00:02", 9.5, 10.0, [], 0)],
    ),
    "within five minutes there is no other": (
        [("10:00:00", 10.0, 1), ("10:00:01", 10.1, 1), ("10:05:00", 10.2, 1)],
        [(HIGH, "10:00:01", 10.1, 10.0, [], 0)],
    ),
    "after exactly five minutes there is": (
        [("10:00:00", 10.0, 1), ("10:00:01", 10.1, 1), ("10:05:00", 10.2, 1), ("10:05:01", 10.3, 1)],
        [(HIGH, "10:00:01", 10.1, 10.0, [], 0), (HIGH, "10:05:01", 10.3, 10.2, [], 0)],
    ),
    "what passes the high of the pre-market says so": (
        [("08:00:00", 11.0, 1), ("09:30:00", 10.0, 1), ("09:30:01", 11.5, 1)],
        [(HIGH, "09:30:01", 11.5, 10.0, [("pre", 11.0)], 0)],
    ),
    "a print at that high does not, the next one does": (
        [("08:00:00", 11.0, 1), ("09:30:00", 10.0, 1), ("09:30:01", 11.0, 1), ("09:36:00", 11.1, 1)],
        [(HIGH, "09:30:01", 11.0, 10.0, [], 0), (HIGH, "09:36:00", 11.1, 11.0, [("pre", 11.0)], 0)],
    ),
    "it is told once": (
        [("08:00:00", 11.0, 1), ("09:30:00", 10.0, 1), ("09:30:01", 11.5, 1), ("09:36:00", 11.6, 1)],
        [(HIGH, "09:30:01", 11.5, 10.0, [("pre", 11.0)], 0), (HIGH, "09:36:00", 11.6, 11.5, [], 0)],
    ),
    "an opening print beyond it is silent, and it is behind": (
        [("08:00:00", 11.0, 1), ("09:30:00", 11.5, 1), ("09:31:00", 11.6, 1)],
        [(HIGH, "09:31:00", 11.6, 11.5, [], 0)],
    ),
    "all levels with one print, the nearest first": (
        [("08:00:00", 11.0, 1), ("09:30:00", 11.2, 1), ("16:00:00", 10.0, 1), ("16:00:01", 13.0, 1)],
        [(HIGH, "16:00:01", 13.0, 10.0, [("regular", 11.2), ("pre", 11.0), ("previous day", 12.5)], 3)],
    ),
    "lows likewise": (
        [("08:00:00", 9.0, 1), ("09:30:00", 8.8, 1), ("16:00:00", 10.0, 1), ("16:00:01", 7.0, 1)],
        [(LOW, "16:00:01", 7.0, 10.0, [("regular", 8.8), ("pre", 9.0), ("previous day", 7.5)], 8)],
    ),
    "a low at the level of before is no breach": (
        [("08:00:00", 9.0, 1), ("09:30:00", 10.0, 1), ("09:30:01", 9.0, 1)],
        [(LOW, "09:30:01", 9.0, 10.0, [], 0)],
    ),
    "beyond all that is known": (
        [("10:00:00", 10.0, 1), ("10:00:01", 15.0, 1), ("10:00:02", 5.0, 1)],
        [
            (HIGH, "10:00:01", 15.0, 10.0, [("previous day", 12.5)], 30),
            (LOW, "10:00:02", 5.0, 10.0, [("previous day", 7.5)], 30),
        ],
    ),
    "yesterday's sessions do not count": (
        [("10:00:00", 11.0, 1), (f"{TOMORROW}T09:30:00", 10.0, 1), (f"{TOMORROW}T09:30:01", 11.5, 1)],
        [(HIGH, f"{TOMORROW}T09:30:01", 11.5, 10.0, [], 0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("by_bars", [False, True])
@pytest.mark.parametrize("name", EXTREMES)
def test_high_and_low_of_the_session(name: str, *, by_bars: bool) -> None:
    """Kind, time, price, level, breaches and days since are those of the table, by trades and by bars."""
    prints, expected = EXTREMES[name]
    found = [
        (each.kind, each.event_ms, each.price_usd, each.level_usd, each.breaches, each.days_since)
        for each in _of(prints, {HIGH, LOW}, by_bars=by_bars, known=KNOWN)
    ]

    assert found == [
        (kind, _at(at), price, level, [Breach(*each) for each in breaches], since)
        for kind, at, price, level, breaches, since in expected
    ]


def test_trades_that_set_no_high_are_no_alert() -> None:
    """Odd lots, Form T in the regular session, and trades that came after their session had ended."""
    prints = [
        ("09:00:00", 10.0, 100, FORM_T), ("09:30:00", 10.0, 100), ("09:30:01", 11.0, 5, ODD_LOT),
        ("09:30:02", 12.0, 100, FORM_T), ("09:29:59", 13.0, 100, FORM_T),
    ]  # fmt: skip

    assert _of(prints, {HIGH, LOW}, by_bars=False) == []


def test_symbols_and_kinds_cool_down_by_themselves() -> None:
    """A high of one symbol silences neither its lows nor the highs of another."""
    prints = [("10:00:00", 10.0, 1), ("10:00:01", 10.5, 1), ("10:00:02", 9.5, 1)]
    found = _alerts((TRADES, [*_trades(prints), *_trades(prints, "B")]))

    assert sorted((each.symbol, each.kind) for each in found if each.kind in {HIGH, LOW}) == [
        ("A", HIGH), ("A", LOW), ("B", HIGH), ("B", LOW),
    ]  # fmt: skip


def test_cooldown_goes_on_in_a_successor() -> None:
    """Who resumes knows what was fired, and hands on what is not known to be stored."""
    prints = [("10:00:00", 10.0, 1), ("10:00:01", 10.1, 1), ("10:05:00", 10.2, 1), ("10:05:01", 10.3, 1)]  # fmt: skip
    fold = RowFold(None, Knowledge())
    for trade in _trades(prints):
        fold.on_batch(TRADES, [trade])
        fold = RowFold(fold.snapshot(), Knowledge())

    highs = [each.event_ms for each in fold.unsent.values() if each.kind is HIGH]
    assert highs == [_at("10:00:01"), _at("10:05:01")]


def _runs(from_usd: float, to_usd: float, shares: float, after_s: int) -> list[Print]:
    return [
        ("10:00:00", from_usd, shares / 2),
        (f"10:00:{after_s:02}", to_usd, shares / 2),
        ("10:01:30", to_usd, 1),
    ]


@pytest.mark.parametrize("by_bars", [False, True])
@pytest.mark.parametrize(
    ("from_usd", "to_usd", "kind"),
    [
        (0.50, 0.55, UP), (0.50, 0.5499, None), (0.99, 1.089, UP), (1.0, 1.08, UP), (1.0, 1.0799, None),
        (1.99, 2.1492, UP), (2.0, 2.12, UP), (2.0, 2.1199, None), (4.0, 4.16, UP), (4.0, 4.15, None),
        (8.0, 8.16, UP), (8.0, 8.15, None), (9.99, 10.18, None), (10.0, 10.10, UP), (10.0, 10.09, None),
        (100.0, 101.0, UP), (100.0, 100.99, None),
        (0.50, 0.45, DOWN), (0.50, 0.4501, None), (1.0, 0.92, DOWN), (1.0, 0.9201, None),
        (2.0, 1.88, DOWN), (4.0, 3.84, DOWN), (8.0, 7.84, DOWN), (10.0, 9.90, DOWN), (10.0, 9.91, None),
        (100.0, 99.0, DOWN), (100.0, 99.01, None),
    ],
)  # fmt: skip
def test_run_begins_at_the_move_of_its_price(
    from_usd: float, to_usd: float, kind: AlertKind | None, *, by_bars: bool
) -> None:
    """By the table: 10 % below $1, 8 below $2, 6 below $4, 4 below $8, 2 below $10, 1 from there on."""
    found = _of(_runs(from_usd, to_usd, 2000.0, 20), {UP, DOWN}, by_bars=by_bars)

    assert [each.kind for each in found] == ([] if kind is None else [kind])
    for each in found:
        assert each.move_pct == pytest.approx((to_usd - from_usd) / from_usd * 100)
        assert (each.event_ms, each.price_usd) == (_at("10:00:20") + 999, to_usd)


@pytest.mark.parametrize("by_bars", [False, True])
@pytest.mark.parametrize(
    ("shares", "after_s", "is_run"),
    [(1001.0, 20, True), (1000.0, 20, False), (2000.0, 49, True), (2000.0, 59, True)],
)
def test_run_takes_shares(shares: float, after_s: int, *, is_run: bool, by_bars: bool) -> None:
    """More than a thousand shares within the minute; the price may have come from its begin."""
    found = _of(_runs(10.0, 10.5, shares, after_s), {UP, DOWN}, by_bars=by_bars)

    assert [each.kind for each in found] == ([UP] if is_run else [])


def test_slow_move_is_no_run() -> None:
    """What took more than a minute is none, however far it came."""
    prints = [("10:00:09", 10.0, 2000), ("10:01:10", 10.5, 2000), ("10:02:20", 10.5, 1)]

    assert _of(prints, {UP, DOWN}, by_bars=False) == []


def _spike(each: float, shares: float, minutes: int = 10) -> list[Print]:
    """So many shares in each of the minutes until 10:10, then those in question."""
    begin = datetime.fromisoformat(f"{DAY}T10:10:00")
    before = [(begin - timedelta(minutes=back)).isoformat() for back in range(minutes, 0, -1)]
    return [*((at, 10.0, each) for at in before), ("10:10:30", 10.0, shares), ("10:10:31", 10.0, 1)]


@pytest.mark.parametrize("by_bars", [False, True])
@pytest.mark.parametrize(
    ("each", "shares", "minutes", "is_spike"),
    [
        (100.0, 10_000.0, 10, True),
        (100.0, 9_999.0, 10, False),  # too few
        (2000.0, 10_000.0, 10, True),  # five times
        (2001.0, 10_000.0, 10, False),
        (100.0, 10_000.0, 9, False),  # has not traded for ten minutes
        (100.0, 10_000.0, 50, True),
        (2000.0, 10_000.0, 59, True),
        (2001.0, 10_000.0, 59, False),
    ],
)
def test_volume_spike(
    each: float, shares: float, minutes: int, *, is_spike: bool, by_bars: bool
) -> None:
    """Ten thousand shares in a minute, five times an average one, after ten minutes of trading."""
    found = _of(_spike(each, shares, minutes), {SPIKE}, by_bars=by_bars)

    expected = [(_at("10:10:30") + 999, 10.0, shares)] if is_spike else []
    assert [(spike.event_ms, spike.price_usd, spike.size_shares) for spike in found] == expected


@pytest.mark.parametrize("by_bars", [False, True])
@pytest.mark.parametrize(
    ("price_usd", "shares", "codes", "is_block"),
    [
        (20.0, 10_000.0, (), True), (20.0, 9_999.0, (), False), (19.99, 10_000.0, (), False),
        (19.99, 10_006.0, (), True), (1000.0, 9_999.0, (), False), (20.0, 10_000.0, (OPENING,), False),
    ],
)  # fmt: skip
def test_block(
    price_usd: float, shares: float, codes: tuple[int, ...], *, is_block: bool, by_bars: bool
) -> None:
    """At least 10,000 shares and $200,000 that count for volume; a trade also where bars make the other alerts."""
    trades = _trades([("10:00:00.123", price_usd, shares, *codes)])
    found = _alerts((TRADES, trades), by_bars=by_bars)

    assert [(each.kind, each.event_ms, each.price_usd, each.size_shares) for each in found] == (
        [(BLOCK, _at("10:00:00.123"), price_usd, shares)] if is_block else []
    )


def _halts(steps: Sequence[tuple[Any, ...]]) -> list[Halt]:
    return [Halt("A", _at(at), number, upper, lower, (code,)) for number, (at, code, upper, lower) in enumerate(steps)]  # fmt: skip


BANDED = [("10:00:00", 16, 11.0, 9.0)]


@pytest.mark.parametrize(
    ("prints", "expected"),
    [
        ([("10:00:10", 10.95, 1)], [("10:00:00", 10.95, 11.0)]),
        ([("10:00:10", 9.05, 1)], [("10:00:00", 9.05, 9.0)]),
        ([("10:00:10", 10.5, 1)], []),
        ([("09:59:59", 10.95, 1)], []),
        ([("10:00:10", 10.95, 1, ODD_LOT)], []),
        ([("10:00:10", 10.95, 1), ("10:07:10", 10.96, 1)], [("10:00:00", 10.95, 11.0)]),
    ],
)
def test_price_near_a_band(prints: list[Print], expected: list[Found]) -> None:
    """A last sale within a percent of a band in force makes one alert of that band, dated by its begin."""
    found = _alerts((HALTS, _halts(BANDED)), (TRADES, _trades(prints)))

    assert [(each.event_ms, each.price_usd, each.level_usd) for each in found if each.kind is NEAR] == [
        (_at(at), price, level) for at, price, level in expected
    ]  # fmt: skip


def test_states_of_trading() -> None:
    """Limit, halt and resumption with their times, the band that was reached, and when they end by rule."""
    steps = [
        ("10:00:00", 21, 11.0, 9.0), ("10:00:10", 25, None, None), ("10:06:00", 21, 9.0, 8.0),
        ("10:20:00", 17, None, None), ("10:25:00", 18, 9.5, 8.5),
    ]  # fmt: skip
    found = _alerts((HALTS, _halts(steps)))

    kinds = AlertKind.LIMIT, AlertKind.HALT, AlertKind.RESUME
    assert [(each.kind, each.event_ms, each.level_usd, each.until_ms) for each in found] == [
        (kinds[0], _at("10:00:10"), 9.0, _at("10:00:25")), (kinds[1], _at("10:00:25"), 9.0, _at("10:05:25")),
        (kinds[2], _at("10:06:00"), None, None), (kinds[1], _at("10:20:00"), None, _at("10:25:00")),
        (kinds[2], _at("10:25:00"), None, None),
    ]  # fmt: skip
    assert {each.price_usd for each in found} == {None}


def test_alert_carries_the_row_of_its_moment() -> None:
    """Id, day, session and the row are those of the symbol; a row that is not there yet has these alone."""
    fold = RowFold(None, Knowledge())
    fold.on_batch(TRADES, _trades([("10:00:00", 10.0, 1), ("10:00:01.5", 10.5, 7)], "BRK.B"))
    [row] = fold.on_flush().rows()
    [high] = fold.unsent.values()
    [halted] = _alerts((HALTS, _halts([("09:00:00", 17, None, None)])))

    event_ms = _at("10:00:01.5")
    assert high == Alert(
        f"high-BRK/B-{event_ms}", HIGH, "BRK.B", DAY, "regular", event_ms, 10.5, 10.0, [], None, None,
        None, None, row,
    )  # fmt: skip
    assert (row.last_usd, row.volume_shares) == (10.5, 8.0)
    assert list(fold.unsent) == [high.id]
    assert (halted.symbol, halted.session, halted.row.symbol) == ("A", "pre", "A")
    assert (halted.row.session, halted.row.event_ms, halted.row.last_usd) == ("pre", _at("09:00:00"), None)  # fmt: skip
