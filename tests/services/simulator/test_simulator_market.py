"""The synthetic market: repeatable, consistent with itself, and readable by the listener's decoder."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import takewhile

import msgspec
import pytest

from mesh.calendar import calendar_with, day_at
from schemas.conditions import updates
from schemas.massive import MinuteBar, SecondBar, VendorHalt, VendorQuote, VendorTrade, decode_frame
from schemas.naming import is_symbol
from services.simulator.events import TapeEvent
from services.simulator.market import Market, start_of
from services.simulator.universe import to_grid


START = "2026-01-05T09:28:30"
MINUTES_MS = 60_000


def _market(seed: int = 7, start: str = START, rate: float = 300, symbols: int = 300) -> Market:
    return Market(seed=seed, symbols=symbols, start_ms=start_of(start), trades_a_s=rate)


def _first(market: Iterable[TapeEvent], minutes: float, start: str = START) -> list[TapeEvent]:
    until_ms = start_of(start) + minutes * MINUTES_MS
    return list(takewhile(lambda event: event.time_ms <= until_ms, market))


@pytest.fixture(scope="module")
def opening() -> list[TapeEvent]:
    """Five minutes around an open, of a small market."""
    return _first(_market(), 5)


Decoded = SecondBar | MinuteBar | VendorTrade | VendorQuote | VendorHalt


def _decoded(events: list[TapeEvent]) -> list[Decoded]:
    frame = b"[" + b",".join(event.payload for event in events) + b"]"
    decoded, rejected = decode_frame(frame.decode())
    assert rejected == 0
    return [event for event in decoded if isinstance(event, Decoded)]


def _digest(events: list[TapeEvent]) -> str:
    return sha256(b"\n".join(event.payload for event in events)).hexdigest()


def test_same_seed_gives_same_bytes() -> None:
    """A seed can be run again, byte for byte, and another seed is another market."""
    digests = [_digest(_first(_market(seed), 1)) for seed in (7, 7, 8)]

    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_events_are_valid_and_in_order(opening: list[TapeEvent]) -> None:
    """The listener's decoder takes every event, with the symbol and time that the tape says, in order."""
    decoded = _decoded(opening)

    assert len(decoded) == len(opening)
    assert [event.time_ms for event in opening] == sorted(event.time_ms for event in opening)
    for event, vendor in zip(opening, decoded, strict=True):
        assert is_symbol(event.sym)
        assert event.sym == (vendor.T if isinstance(vendor, VendorHalt) else vendor.sym)
        match vendor:
            case SecondBar():  # or a later moment, if it comes again
                assert event.time_ms >= vendor.e == vendor.s + 1000
            case MinuteBar():
                assert event.time_ms == vendor.e == vendor.s + MINUTES_MS
            case VendorHalt():
                assert event.time_ms == vendor.t // 1_000_000
            case _:
                assert event.time_ms == vendor.t
    assert {event.ev for event in opening} == {"A", "AM", "T", "Q", "LULD"}


@pytest.mark.parametrize("kind", [SecondBar, MinuteBar])
def test_day_volume_is_the_sum_of_bars(
    opening: list[TapeEvent], kind: type[SecondBar | MinuteBar]
) -> None:
    """At each bar, `av` is the sum of the latest versions of all bars so far, and never falls."""
    bars: dict[str, dict[int, float]] = defaultdict(dict)
    before: dict[str, float] = defaultdict(float)
    again = 0
    for bar in _decoded(opening):
        if isinstance(bar, kind):
            again += bar.s in bars[bar.sym]
            bars[bar.sym][bar.s] = bar.v
            assert bar.av == sum(bars[bar.sym].values())
            assert bar.av > before[bar.sym]
            before[bar.sym] = bar.av

    assert len(bars) > 100
    assert (again > 0) == (kind is SecondBar)


def test_bars_are_what_the_trades_make_of_them(opening: list[TapeEvent]) -> None:
    """By the vendor's condition rules the trades of a second give its bar, late prints apart."""
    open_ms = day_at(opening[0].time_ms).open_ms
    traded: dict[tuple[str, int], list[float]] = defaultdict(list)
    checked = 0
    for event in _decoded(opening):
        if isinstance(event, VendorTrade):
            rules = updates(event.c or ())
            assert rules.volume
            if rules.extended_last if event.t < open_ms else rules.last:
                traded[event.sym, event.t // 1000].append(event.p)
        elif isinstance(event, SecondBar):
            prices = traded[event.sym, event.s // 1000]
            assert (event.o, event.h, event.l, event.c) == (
                prices[0], max(prices), min(prices), prices[-1],
            )  # fmt: skip
            checked += 1

    assert checked > 1000


def test_official_open_is_the_first_regular_price(opening: list[TapeEvent]) -> None:
    """`op` is 0 before 09:30 and from then on the open of the symbol's first regular bar."""
    open_ms = day_at(opening[0].time_ms).open_ms
    opens: dict[str, float] = {}
    for bar in _decoded(opening):
        if isinstance(bar, SecondBar | MinuteBar) and bar.s < open_ms:
            assert not bar.op or bar.sym in opens  # a minute bar may begin before and end after
        elif isinstance(bar, SecondBar):
            assert bar.op == opens.setdefault(bar.sym, bar.o)

    assert len(opens) > 100


def test_sequences_grow_by_symbol(opening: list[TapeEvent]) -> None:
    """A trade's sequence is greater than that of the symbol's trade before."""
    last: dict[str, int] = defaultdict(int)
    for trade in _decoded(opening):
        if isinstance(trade, VendorTrade):
            assert trade.q > last[trade.sym]
            last[trade.sym] = trade.q


def test_opening_brings_a_burst(opening: list[TapeEvent]) -> None:
    """The first seconds after 09:30 have far more trades than the minute before has in each second."""
    open_ms = day_at(opening[0].time_ms).open_ms
    trades = [event.time_ms for event in opening if event.ev == "T"]
    before_a_s = sum(open_ms - 60_000 <= t < open_ms for t in trades) / 60
    after_a_s = sum(open_ms <= t < open_ms + 10_000 for t in trades) / 10

    assert after_a_s > 20 * before_a_s


@pytest.mark.parametrize("rate", [0.5, 2_000])
def test_rate_scales_all_channels(rate: float) -> None:
    """One number scales the load, from a trickle to a flood."""
    noon = "2026-01-05T11:30:00"
    events = _first(_market(start=noon, rate=rate), 0.5, noon)
    trades = sum(event.ev == "T" for event in events)

    assert 0.2 * rate * 30 < trades < 3 * rate * 30 + 60
    assert len(events) > 1.3 * trades


def test_small_universe_has_the_awkward_names() -> None:
    """Share classes, preferreds in mixed case and warrants are there from ten symbols on."""
    bars = _market(symbols=10).day_bars("2026-01-02")

    assert len(bars) == 10
    assert {"BRK.B", "BACpL", "ACHR.WS", "BF.B"} < set(bars)


def test_universe_is_large_and_unique() -> None:
    """Twenty thousand symbols are all different and valid, with a positive close each."""
    bars = _market(symbols=20_000).day_bars("2026-01-02")

    assert len(bars) == 20_000
    assert all(is_symbol(sym) and bar.close_usd > 0 for sym, bar in bars.items())


def _closes(events: list[TapeEvent], accept: Callable[[int], bool]) -> dict[str, float]:
    return {
        bar.sym: bar.c for bar in _decoded(events) if isinstance(bar, SecondBar) and accept(bar.s)
    }


def test_night_is_skipped_and_closes_agree() -> None:
    """After 20:00 comes 04:00 of the next trading day; its previous closes are the last regular prices."""
    start = "2026-01-02T15:50:00"  # a Friday
    market = _market(start=start, rate=20, symbols=50)
    events = _first(market, 3 * 24 * 60 - 11 * 60, start)
    friday, monday = day_at(events[0].time_ms), day_at(events[-1].time_ms)
    times = [event.time_ms for event in events]
    closes = _closes(events, lambda s: s < friday.close_ms)

    bars = market.day_bars(friday.name)

    assert (friday.name, monday.name) == ("2026-01-02", "2026-01-05")
    assert not [t for t in times if friday.post_end_ms < t < monday.pre_ms]
    assert closes == {sym: bars[sym].close_usd for sym in closes}
    assert len(closes) > 40
    assert min(times) >= start_of(start)


@pytest.mark.parametrize(
    ("start", "first_day", "day_before"),
    [
        ("2026-01-03T12:00:00", "2026-01-05", "2026-01-02"),  # a Saturday
        ("2025-12-24T17:30:00", "2025-12-26", "2025-12-24"),  # after a half day's end
        ("2026-01-05T01:00:00", "2026-01-05", "2026-01-02"),  # before 04:00
    ],
)
def test_market_begins_when_there_is_one(start: str, first_day: str, day_before: str) -> None:
    """A start outside of trading hours becomes 04:00 of the next trading day."""
    market = _market(start=start)
    day = day_at(next(iter(market)).time_ms)

    assert day.name == first_day
    assert day.session(next(iter(market)).time_ms) == "pre"
    assert len(market.day_bars(day_before)) == 300


def test_market_keeps_to_the_closures_of_an_operator() -> None:
    """A day that the operator closed is skipped like a holiday."""
    calendar = calendar_with("2026-01-05")
    start_ms = start_of("2026-01-05T09:30:00")
    market = Market(seed=7, symbols=300, start_ms=start_ms, trades_a_s=300, calendar=calendar)

    assert day_at(next(iter(market)).time_ms).name == "2026-01-06"
    assert len(market.day_bars("2026-01-02")) == 300


@pytest.mark.parametrize(
    ("price_usd", "e4"), [(10.006, 100_100), (0.99994, 9_999), (0.00001, 1), (1.004, 10_000)]
)
def test_prices_stay_on_their_grid(price_usd: float, e4: int) -> None:
    """Whole cents from one dollar on, four decimals below, never zero."""
    assert to_grid(price_usd) == e4


def test_extra_fields_are_the_vendors(opening: list[TapeEvent]) -> None:
    """Bars have the average trade size and both VWAPs, within the window's range."""
    bar = next(msgspec.json.decode(e.payload) for e in reversed(opening) if e.ev == "A")

    assert bar["l"] <= bar["vw"] <= bar["h"]
    assert bar["z"] > 0
    assert bar["a"] > 0
