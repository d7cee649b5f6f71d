"""Arithmetic on daily bars: hand-computed cases, and an independent computation by a database."""

from collections.abc import Sequence
from datetime import date

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reference import Extremes, Stair, SymbolDay
from services.reference import daily
from services.reference.daily import Bar, Facts, Split


TODAY = date(2026, 1, 5).toordinal()


def _bars(closes: Sequence[float], volume: float = 1000.0) -> list[Bar]:
    """A bar a day before today, newest first; a high and low one dollar off."""
    return [
        Bar(TODAY - ago, close, close + 1, close - 1, close, volume, close)
        for ago, close in enumerate(closes, start=1)
    ]


def _market(count: int, half: frozenset[int] = frozenset()) -> daily.Market:
    days = [TODAY - ago for ago in range(count + 1)]
    return daily.market_before(TODAY, days, half.__contains__)


def test_today_is_not_part_of_the_average() -> None:
    """By hand: 100, 200 and 300 shares before, a million today: the average is 200 of three days."""
    bars = [Bar(TODAY - ago, 9, 10, 8, 9, 100.0 * ago, None) for ago in (1, 2, 3)]
    found = daily.measured("F", bars, _market(3), ())

    assert (found.average_volume_shares, found.average_days) == (200.0, 3)
    assert (found.previous_volume_shares, found.previous_vwap_usd) == (100.0, None)
    assert TODAY not in _market(3).ago


def test_half_days_are_not_part_of_the_average() -> None:
    """The day after Thanksgiving says little of a full day; the next one back takes its place."""
    bars = [Bar(TODAY - ago, 9, 10, 8, 9, 100.0 * ago, None) for ago in range(1, 41)]
    market = _market(40, frozenset({TODAY - 2, TODAY - 5}))
    found = daily.measured("F", bars, market, ())

    counted = [ago for ago in range(1, 33) if ago not in (2, 5)]
    assert found.average_days == 30 == len(counted)
    assert found.average_volume_shares == pytest.approx(100.0 * sum(counted) / 30)


def test_day_without_a_trade_counts_as_zero_once_listed() -> None:
    """Two days with 300 shares out of four since the listing are 150 a day, not 300."""
    bars = [Bar(TODAY - ago, 9, 10, 8, 9, 300.0, None) for ago in (2, 4)]
    found = daily.measured("F", bars, _market(40), ())

    assert (found.average_volume_shares, found.average_days) == (150.0, 4)
    assert found.history_days == 4
    assert found.previous_close_usd == 9


def test_close_of_long_ago_is_no_previous_close() -> None:
    """What did not trade for eleven trading days has none, though its highs are known."""
    bars = [Bar(TODAY - 11, 9, 10, 8, 9, 300.0, None)]
    found = daily.measured("F", bars, _market(40), ())

    assert found.previous_close_usd is None
    assert found.highs == [Stair(11, 10)]


def test_atr_is_wilders() -> None:
    """By hand: fourteen ranges of 2 give 2; a gap of 15 from close to high then gives 2 + 14/14."""
    quiet = _bars([50.0] * 15)
    bar = Bar(TODAY, 64, 66, 63, 65, 1000, 65)

    assert daily.atr(quiet) == 2.0
    assert daily.atr(quiet[1:]) is None
    assert daily.atr([bar, *quiet]) == pytest.approx(2.0 + (66 - 50 - 2.0) / 14)


def test_highs_and_lows_are_stairs_back_in_time() -> None:
    """By hand: the high of any look-back, and since when a price was not reached, can be read off."""
    bars = _bars([10, 12, 11, 12, 15, 9, 14])
    ago = _market(7).ago

    assert daily.highs(bars, ago) == [Stair(1, 11), Stair(2, 13), Stair(5, 16)]
    assert daily.lows(bars, ago) == [Stair(1, 9), Stair(6, 8)]


def test_split_of_the_day_is_applied_to_the_days_before() -> None:
    """Two for one today: yesterday's 100 dollars are 50, its 1,000 shares 2,000; its float doubles."""
    split = [Split(TODAY, 2.0)]
    found = daily.measured("F", _bars([100.0, 90.0]), _market(2), split)
    found = daily.with_facts(
        found, Facts(free_float_shares=5.0, float_asof=TODAY - 30, shares_outstanding=9.0, shares_asof=TODAY),
        TODAY, split,
    )  # fmt: skip

    assert (found.previous_close_usd, found.previous_high_usd) == (50.0, 50.5)
    assert (found.previous_volume_shares, found.average_volume_shares) == (2000.0, 2000.0)
    assert found.highs == [Stair(1, 50.5)]
    assert found.split_factor == 2.0
    assert (found.free_float_shares, found.shares_outstanding) == (10.0, 9.0)


def test_splits_before_and_after_the_day_are_told_apart() -> None:
    """One for ten three days ago makes older days dearer; one of tomorrow is not known yet."""
    splits = [Split(TODAY - 3, 0.1), Split(TODAY + 1, 4.0)]
    found = daily.measured("F", _bars([10.0, 10.0, 10.0, 1.0]), _market(4), splits)

    assert found.split_factor == 1.0
    assert found.highs == [Stair(1, 11.0), Stair(4, 2.0 / 0.1)]
    assert found.average_volume_shares == pytest.approx((3 * 1000 + 100) / 4)


def test_extremes_reach_as_far_as_the_history() -> None:
    """With six days there is a high of five days and none of twenty."""
    found = daily.measured("F", _bars([10, 12, 11, 12, 15, 40]), _market(6), ())

    assert daily.extremes(found) == [Extremes(5, 16, 9)]
    assert daily.extremes(SymbolDay("F")) == []


def test_unknown_symbol_has_nothing_but_its_split() -> None:
    """A symbol without a bar is published all the same, with None for what is not known."""
    assert daily.measured("F", (), _market(5), [Split(TODAY, 2.0)]) == SymbolDay(
        "F", split_factor=2.0
    )


_CASES = st.lists(
    st.tuples(st.integers(100, 9000), st.integers(0, 300), st.integers(0, 300), st.integers(0, 10**7)),
    min_size=1, max_size=60,
)  # fmt: skip


@given(_CASES, st.integers(1, 60), st.sampled_from([0.1, 0.5, 1.0, 2.0, 10.0]))
def test_database_computes_the_same(
    days: list[tuple[int, int, int, int]], split_ago: int, factor: float
) -> None:
    """Averages, extremes and stairs as a query over the same bars gives them, with a split somewhere."""
    split = [Split(TODAY - split_ago, factor)] if factor != 1.0 else []
    bars = [
        Bar(TODAY - ago, close / 100, (close + up) / 100, max(1, close - down) / 100, close / 100, float(volume), None)
        for ago, (close, up, down, volume) in enumerate(days, start=1)
    ]  # fmt: skip
    found = daily.measured("F", bars, _market(len(bars)), split)

    with duckdb.connect() as database:
        database.execute("create table bars (ago int, high double, low double, volume double)")
        database.executemany(
            "insert into bars values (?, ?, ?, ?)",
            [(TODAY - bar.day, bar.high_usd, bar.low_usd, bar.volume_shares) for bar in bars],
        )
        database.execute(
            "create table split as select ago, high / f as high, low / f as low, volume * f as volume "
            "from (select *, if(ago > ?, ?, 1.0) as f from bars)",
            (split_ago, factor),
        )
        average = database.execute("select avg(volume) from split where ago <= 30").fetchone()
        highs = database.execute(
            "select ago, high from split a where not exists "
            "(select 1 from split b where b.ago < a.ago and b.high >= a.high) order by ago"
        ).fetchall()
        spans = database.execute(
            "select d, (select max(high) from split where ago <= d), (select min(low) from split where ago <= d) "
            "from (values (5), (20)) t(d) where d <= ? order by d",
            (len(bars),),
        ).fetchall()

    assert average is not None
    assert found.average_volume_shares == pytest.approx(average[0])
    assert [(each.days_ago, each.price_usd) for each in found.highs] == highs
    assert [(each.days, each.high_usd, each.low_usd) for each in daily.extremes(found)] == spans
