"""What rows are measured against: usual volume by minute, and how long a price was not seen."""

import struct
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.calendar import day_at
from schemas.leaderboard import Row
from schemas.market import Bar
from schemas.naming import MarketClass
from schemas.reference import CURVE_MINUTES, Stair, SymbolDay, VolumeCurve
from services.processors.known import Curve, Knowledge, Known
from services.processors.rows import RowFold
from services.processors.sheet import Symbols


DAY = "2024-10-02"
NAMES = ("A", "B", "C")
README = Path(__file__).parents[2] / "README.md"


def _at(text: str) -> int:
    moment = datetime.fromisoformat(text if "T" in text else f"{DAY}T{text}")
    return round(moment.replace(tzinfo=ZoneInfo("America/New_York")).timestamp() * 1000)


def _curve(shares: Sequence[float], days: int = 20) -> Curve:
    """Of the shares of each minute."""
    cumulative = np.cumsum(shares).tolist()
    return Curve(VolumeCurve("A", DAY, days, struct.pack(f"<{len(shares)}f", *cumulative)))


AVERAGE = [100.0] * 330 + [1000.0] * 390 + [50.0] * 240
"""Shares in the minutes of the day that the README averages."""


def _row(at: str, volume_shares: float | None, curve: Curve | None) -> Row:
    knowledge = Knowledge()
    knowledge.days[at[:10] if "T" in at else DAY] = {
        "A": SymbolDay("A", 8.0, average_volume_shares=sum(AVERAGE))
    }
    if curve is not None:
        knowledge.curves["A"] = curve
    fold = RowFold(None, knowledge)
    start_ms = _at(at)
    bar = Bar("A", start_ms, start_ms + 1000, 9.0, 9.0, 9.0, 9.0, 100.0, volume_shares, 9.0, 9.0, None)  # fmt: skip
    fold.on_batch(MarketClass.BARS, [bar])
    [row] = fold.on_flush().rows()
    return row


def _worked() -> list[list[str]]:
    """The lines of the README's worked example: time, session, volume, usual volume, and both ratios."""
    section = README.read_text().partition("### Relative volume, by hand")[2].partition("\n## ")[0]
    table = section.partition("| bar of |")[2].splitlines()[2:]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table if line[:1] == "|"
    ]


@pytest.mark.parametrize("line", _worked(), ids=lambda line: str(line[0]))
def test_relative_volume_is_that_of_the_worked_example(line: list[str]) -> None:
    """In every session a row says what the README computes by hand."""
    at, session, volume, usual, relative, ratio = line
    row = _row(at, float(volume.replace(",", "")), _curve(AVERAGE))

    assert row.session == session
    assert row.volume_shares is not None
    assert row.relative_volume == float(relative)
    assert row.relative_volume_days == 20
    assert row.volume_shares / row.relative_volume == float(usual.split("=")[1].replace(",", ""))
    assert row.volume_ratio == pytest.approx(float(ratio), abs=0.0005)


def test_worked_example_is_of_both_extended_sessions() -> None:
    """The README computes a case of the pre-market and one of the post-market, and sums that are right."""
    lines = _worked()
    for line in lines:
        terms, total = line[3].replace(",", "").split(" = ")
        products = [term.split(" × ") for term in terms.split(" + ")]
        assert sum(np.prod([int(each) for each in term]) for term in products) == int(total)

    assert {line[1] for line in lines} == {"pre", "regular", "post"}


@pytest.mark.parametrize(
    ("at", "minutes"),
    [
        ("03:59:59", None),
        ("04:00:00", 1),
        ("04:00:59", 1),
        ("04:01:00", 2),
        ("09:29:59", 330),
        ("09:30:00", 331),
        ("15:59:59", 720),
        ("16:00:00", 721),
        ("19:59:59", 960),
        ("20:00:00", 960),  # after the last session it is the whole day that was usual
        ("23:59:59", 960),
        ("2024-11-29T12:59:59", 540),  # a half day
        ("2024-11-29T13:00:00", 541),
        ("2024-11-29T16:59:59", 780),
    ],
)
def test_minutes_of_the_curve_follow_the_sessions(at: str, minutes: int | None) -> None:
    """A bar is compared with the end of the minute in which it began; before 04:00 nothing is usual."""
    row = _row(at, 5000.0, _curve([1.0] * CURVE_MINUTES))

    assert row.relative_volume == (None if minutes is None else 5000.0 / minutes)


@pytest.mark.parametrize(
    ("volume_shares", "curve", "days"),
    [
        (5000.0, None, 0),  # no curve has come, or there is none
        (None, _curve(AVERAGE), 20),  # the volume of the day is unknown
        (5000.0, _curve([0.0] * 600 + [1.0] * 360, 3), 3),  # nothing is usual by that minute
        (5000.0, _curve([1.0] * 959), 20),  # not a curve of a day
    ],
)
def test_what_is_missing_is_unknown(
    volume_shares: float | None, curve: Curve | None, days: int
) -> None:
    """Without one of the two volumes there is no relative volume, and it is never zero or infinite."""
    row = _row("10:00:00", volume_shares, curve)

    assert (row.relative_volume, row.relative_volume_days) == (None, days)


def test_no_volume_is_a_relative_volume_of_zero() -> None:
    """A day of which the vendor says that nothing was traded yet is known to be quiet."""
    assert _row("10:00:00", 0.0, _curve(AVERAGE)).relative_volume == 0.0


minutes = st.sampled_from([-1, 0, 1, 329, 330, 719, 720, 959, 960, 1100])
moments = st.tuples(st.sets(st.sampled_from(range(len(NAMES))), min_size=1), st.lists(minutes, min_size=3, max_size=3))  # fmt: skip
curves = st.dictionaries(
    st.sampled_from(NAMES),
    st.tuples(st.integers(0, 400), st.integers(1, 30)),
    max_size=3,
)


@given(st.lists(st.tuples(moments, st.none() | curves), max_size=4))
def test_usual_volume_is_read_off_the_curve_of_the_moment(
    steps: list[tuple[tuple[set[int], list[int]], dict[str, tuple[int, int]] | None]],
) -> None:
    """Asked in any order of minutes, with curves that come in between, it is what the newest curves say."""
    day = day_at(_at("10:00:00"))
    knowledge, held = Knowledge(), dict[str, tuple[int, int]]()
    known = Known(knowledge, Symbols(NAMES), DAY)
    known.read()
    for (places, asked), news in steps:
        if news is not None:
            held |= news
            for name, (first, days) in news.items():
                shares = [0.0] * first + [float(days)] * (CURVE_MINUTES - first)
                knowledge.curves[name] = _curve(shares, days)
            known.forget()
            known.read()
        at = sorted(places)
        event_ms = np.array([day.pre_ms + asked[place] * 60_000 + 59_999 for place in at])
        usual, curve_days = known.usual(np.array(at, dtype=np.intp), day, event_ms)
        for number, place in enumerate(at):
            first, days = held.get(NAMES[place], (0, 0))
            count = max(min(asked[place], CURVE_MINUTES - 1) + 1 - first, 0) if asked[place] >= 0 else 0  # fmt: skip
            assert curve_days[number] == days
            np.testing.assert_equal(usual[number], count * days or np.nan)


History = list[tuple[float, float]]
"""High and low of the days before, yesterday first."""

usd = st.integers(1, 9).map(float)
histories = st.lists(st.tuples(usd, usd).map(lambda pair: (max(pair), min(pair))), max_size=6)


def _symbol_day(history: History) -> SymbolDay:
    highs, lows = list[Stair](), list[Stair]()
    for days_ago, (high, low) in enumerate(history, 1):
        if all(high > stair.price_usd for stair in highs):
            highs.append(Stair(days_ago, high))
        if all(low < stair.price_usd for stair in lows):
            lows.append(Stair(days_ago, low))
    return SymbolDay("A", highs=highs, lows=lows, history_days=len(history))


def _days(history: History | None, price_usd: float | None, *, above: bool) -> float:
    """By a loop over the days, one after the other; NaN is unknown."""
    if not history or price_usd is None:
        return np.nan
    for days, (high, low) in enumerate(history):
        if high >= price_usd if above else low <= price_usd:
            return days
    return len(history)


@given(st.lists(st.tuples(st.none() | usd, st.none() | histories), max_size=8))
def test_days_since_are_those_of_a_loop_over_the_days(
    steps: list[tuple[float | None, History | None]],
) -> None:
    """While the high rises and the low falls, and also once the history has come or was replaced."""
    knowledge = Knowledge()
    known = Known(knowledge, Symbols(["X", "A"]), DAY)
    history: History | None = None
    seen: list[float] = []
    for price, news in steps:
        if news is not None:
            history = news
            knowledge.days[DAY] = {"A": _symbol_day(news)}
            known.forget()
        known.read()
        seen += [] if price is None else [price]
        high, low = max(seen, default=None), min(seen, default=None)
        columns = (np.array([np.nan if each is None else each]) for each in (high, low))
        [high_days], [low_days] = known.since(np.array([1], dtype=np.intp), *columns)

        np.testing.assert_equal(high_days, _days(history, high, above=True))
        np.testing.assert_equal(low_days, _days(history, low, above=False))


def test_numbers_of_a_day_are_read_once_and_again_when_forgotten() -> None:
    """Reference data that comes later is seen after `forget`, symbols that come later at the next `read`."""
    knowledge, symbols = Knowledge(), Symbols(["A"])
    known = Known(knowledge, symbols, DAY)
    known.read()
    knowledge.days[DAY] = {"A": SymbolDay("A", 8.0), "B": SymbolDay("B", 9.0, atr_usd=0.5)}
    symbols.places(["B"])
    known.read()
    assert np.isnan(known.numbers[0]).all()
    assert known.numbers[1, 0] == 9.0

    known.forget()
    known.read()
    assert known.numbers[:2, 0].tolist() == [8.0, 9.0]
    np.testing.assert_equal(known.numbers[:2, 3], [np.nan, 0.5])


def test_symbols_that_come_many_at_a_time_keep_what_is_known() -> None:
    """More symbols than there was room for do not lose what was read of the others."""
    knowledge = Knowledge()
    names = [f"S{number}" for number in range(500)]
    knowledge.days[DAY] = {name: SymbolDay(name, float(at)) for at, name in enumerate(names, 1)}
    symbols = Symbols(names[:10])
    known = Known(knowledge, symbols, DAY)
    known.read()
    symbols.places(names)
    known.read()

    assert known.numbers[:500, 0].tolist() == [float(at) for at in range(1, 501)]
