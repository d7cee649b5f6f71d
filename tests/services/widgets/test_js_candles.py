"""The chart's candles in a real browser: New York's clock, and history continued by rows, against the trades themselves."""

import random  # noqa: TID251  # the service takes chance as an argument; this is a test's, seeded
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Page

from mesh.calendar import day_of
from tests.services.widgets.scripted import Script


pytestmark = pytest.mark.slow

NEW_YORK = ZoneInfo("America/New_York")
OPEN_MS = int(datetime(2026, 3, 9, 9, 27, tzinfo=NEW_YORK).timestamp() * 1000)
COLUMNS = ("startMs", "openUsd", "highUsd", "lowUsd", "closeUsd", "volumeShares")

CLOCK = """async (times) => {
    const { wallMs, epochMs, sessionOf, dayOf } = await import("/figures.js");
    return times.map((ms) => [wallMs(ms), epochMs(wallMs(ms)), sessionOf(ms), dayOf(ms)]);
}"""
STARTS = """async (times) => {
    const { INTERVALS, startOf } = await import("/figures.js");
    return INTERVALS.map((interval) => [interval.name, times.map((ms) => startOf(interval, ms))]);
}"""
FOLD = """async ([name, early, told, late, again]) => {
    const { Candles } = await import("/figures.js");
    const { historyOf, intervalOf } = await import("/figures.js");
    const candles = new Candles(intervalOf(name));
    for (const row of early) candles.take(row);
    candles.load(told && historyOf(told));
    const changes = late.map((row) => candles.take(row));
    if (again) candles.load(historyOf(again));
    return { bars: candles.bars, changes };
}"""

Trade = tuple[int, float, int]
"""When, for how much, how many."""


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page that has nothing on it."""
    async with Script().running() as script:
        made = await browser.new_page()
        await made.goto(f"{script.url}blank")
        yield made


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # chance, not secrecy


def tape(seed: int, seconds: int = 420) -> list[Trade]:
    """Trades of a symbol that is not traded every second."""
    chance = _chance(seed)
    usd = 10.0
    trades: list[Trade] = []
    for second in range(seconds):
        for at_ms in sorted(chance.sample(range(1000), chance.choice([0, 1, 2, 5]))):
            usd = round(usd + chance.choice([-0.02, -0.01, 0.0, 0.01, 0.02]), 2)
            trades.append((OPEN_MS + second * 1000 + at_ms, usd, chance.randrange(1, 500)))
    return trades


def candles(trades: list[Trade], ms: int) -> list[list[float]]:
    """Of trades, columns as `COLUMNS`, by the definition."""
    made: dict[int, list[float]] = {}
    for at_ms, usd, shares in trades:
        start_ms = at_ms - at_ms % ms
        bar = made.setdefault(start_ms, [start_ms, usd, usd, usd, usd, 0])
        bar[2], bar[3] = max(bar[2], usd), min(bar[3], usd)
        bar[4] = usd
        bar[5] += shares
    return list(made.values())


def told(trades: list[Trade], ms: int, asof_ms: int) -> dict[str, Any]:
    """What the vendor says at *asof_ms*."""
    bars = candles([trade for trade in trades if trade[0] < asof_ms], ms)
    start, open_, high, low, close, volume = (
        map(list, zip(*bars, strict=True)) if bars else ([],) * 6
    )
    return {
        "asof_ms": asof_ms, "is_cut": False, "start_ms": start, "open_usd": open_, "high_usd": high,
        "low_usd": low, "close_usd": close, "volume_shares": volume, "vwap_usd": close,
    }  # fmt: skip


def rows(trades: list[Trade]) -> list[dict[str, Any]]:
    """The row after each trade, and after each second bar, which comes 150 ms after its end."""
    seconds = candles(trades, 1000)
    events = [(at_ms, 0, [usd]) for at_ms, usd, _ in trades]
    events += [(int(bar[0]) + 1150, 1, bar) for bar in seconds]
    row: dict[str, Any] = {"trading_day": "2026-03-09", "event_ms": 0, "volume_shares": 50_000}
    made = []
    for at_ms, kind, values in sorted(events):
        if kind:
            start_ms, open_, high, low, close, volume = values
            row |= {
                "bar_start_ms": start_ms, "bar_end_ms": start_ms + 1000, "bar_open_usd": open_, "bar_high_usd": high,
                "bar_low_usd": low, "bar_close_usd": close, "bar_volume_shares": volume, "bar_vwap_usd": close,
                "volume_shares": row["volume_shares"] + volume, "event_ms": max(row["event_ms"], start_ms + 1000),
            }  # fmt: skip
        else:
            row |= {"event_ms": at_ms, "last_usd": values[0]}
        made.append(dict(row))
    return made


def columns(found: dict[str, Any]) -> list[list[float]]:
    """The bars of the page, row by row."""
    return [list(bar) for bar in zip(*(found[name] for name in COLUMNS), strict=True)]


@pytest.mark.parametrize("name", ["1s", "1m", "5m"])
@pytest.mark.parametrize("seed", range(4))
async def test_rows_continue_history(page: Page, seed: int, name: str) -> None:
    """Whatever was heard before the history came, every candle after it is that of the trades: nothing twice, nothing lost."""
    ms = {"1s": 1000, "1m": 60_000, "5m": 300_000}[name]
    trades = tape(seed)
    heard = rows(trades)
    asof_ms = OPEN_MS + 1000 * _chance(seed).randrange(60, 300)
    known = next(n for n, row in enumerate(heard) if row["event_ms"] >= asof_ms + 2500)
    first = next(n for n, row in enumerate(heard) if row.get("bar_end_ms", 0) > asof_ms - 30_000)
    found = await page.evaluate(
        FOLD, [name, heard[first:known], told(trades, ms, asof_ms), heard[known:], None]
    )

    assert columns(found["bars"]) == candles(trades, ms)


async def test_new_history_changes_nothing_that_is_right(page: Page) -> None:
    """History that is fetched again, older or newer than the stream, leaves candles as they are, and mends what was missed."""
    trades = tape(9)
    heard = rows(trades)
    asof_ms = OPEN_MS + 100_000
    known = next(n for n, row in enumerate(heard) if row["event_ms"] >= asof_ms)
    missed = heard[known : known + 1] + heard[known + 300 :]
    for again_ms in (OPEN_MS + 415_000, OPEN_MS + 420_000):
        found = await page.evaluate(
            FOLD,
            ["1m", heard[:known], told(trades, 60_000, asof_ms), missed, told(trades, 60_000, again_ms)],
        )  # fmt: skip
        assert columns(found["bars"])[:-1] == candles(trades, 60_000)[:-1]
        assert columns(found["bars"])[-1][:5] == candles(trades, 60_000)[-1][:5]


async def test_volume_is_whole_for_slow_browsers(page: Page) -> None:
    """Who is told of every tenth change only has the volume of all, since that of the day says it."""
    trades = tape(5)
    heard = rows(trades)
    asof_ms = OPEN_MS + 30_000
    known = next(n for n, row in enumerate(heard) if row["event_ms"] >= asof_ms)
    late = [*heard[known::10], heard[-1]]
    found = await page.evaluate(
        FOLD, ["5m", heard[: known + 1], told(trades, 300_000, asof_ms), late, None]
    )

    assert sum(found["bars"]["volumeShares"]) == sum(shares for _, _, shares in trades)


async def test_stream_alone_makes_candles(page: Page) -> None:
    """Of a symbol without any history, candles begin with its first trade."""
    trades = tape(3)
    found = await page.evaluate(FOLD, ["1m", [], None, rows(trades), None])

    assert columns(found["bars"]) == candles(trades, 60_000)


async def test_late_rows_change_nothing(page: Page) -> None:
    """A row that is older than the newest is passed over."""
    trades = tape(4)
    heard = rows(trades)
    late = [*heard, *heard[10:200]]
    found = await page.evaluate(FOLD, ["1m", [], None, late, None])

    assert columns(found["bars"]) == candles(trades, 60_000)
    assert found["changes"][len(heard) :] == [None] * 190


async def test_day_is_that_of_the_row(page: Page) -> None:
    """The candle of a day has the row's open, high, low and volume, also where the vendor's has not begun, and no second one."""
    day_ms = int(datetime(2026, 3, 9, tzinfo=NEW_YORK).timestamp() * 1000)
    row = rows(tape(1))[-1] | {"open_usd": 10.5, "day_high_usd": 14.0, "day_low_usd": 8.0}
    history = told([(day_ms - 3 * 86_400_000, 9.0, 5)], 1000, day_ms)
    for vendor_ms in (None, day_ms, day_ms + 4 * 3_600_000):
        if vendor_ms is not None:
            history = told([(vendor_ms, 9.0, 5)], 1000, vendor_ms + 1000)
        found = await page.evaluate(FOLD, ["1d", [], history, [row, row], None])
        *_, volume = columns(found["bars"])[-1]

        assert columns(found["bars"])[-1][1:4] == [10.5, 14.0, 8.0]
        assert volume == row["volume_shares"]
        assert len(found["bars"]["startMs"]) == (2 if vendor_ms is None else 1)


def _instants() -> list[int]:
    """Around both changes of the clocks of some years, and on days between."""
    days = [date(2024, 3, 10), date(2025, 11, 2), date(2026, 3, 8), date(2026, 11, 1)]
    chance = _chance(1)
    made = []
    for day in days:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        made += [midnight + timedelta(days=-1, minutes=15 * step) for step in range(5 * 96)]
        made += [midnight + timedelta(seconds=chance.randrange(20_000_000)) for _ in range(100)]
    return [int(each.timestamp() * 1000) for each in made]


async def test_clock_is_that_of_new_york(page: Page) -> None:
    """Labels, days and sessions are those of the calendar, on days when clocks change too."""
    instants = _instants()
    found = await page.evaluate(CLOCK, instants)

    for ms, (wall_ms, back_ms, session, day) in zip(instants, found, strict=True):
        local = datetime.fromtimestamp(ms / 1000, UTC).astimezone(NEW_YORK)
        assert wall_ms == local.replace(tzinfo=UTC).timestamp() * 1000
        assert day == local.date().toordinal() - date(1970, 1, 1).toordinal()
        if not 1 <= local.hour < 2:  # comes twice when clocks go back
            assert back_ms == ms
        calendar = day_of(local.date())
        is_usual = calendar.close_ms - calendar.start_ms == 12 * 3_600_000
        if is_usual and local.weekday() < 5:
            assert session == _session(local)
        if local.weekday() >= 5:
            assert session == "closed"


def _session(local: datetime) -> str:
    clock = local.hour * 60 + local.minute
    ends = [(4 * 60, "closed"), (9 * 60 + 30, "pre"), (16 * 60, "regular"), (20 * 60, "post")]
    return next((name for end, name in ends if clock < end), "closed")


async def test_bars_begin_on_the_clock_of_the_exchange(page: Page) -> None:
    """Every bar begins where New York's clock is even: at 4:00 for four hours, at midnight for a day, on Sunday for a week."""
    instants = [ms for ms in sorted(_instants()) if _local(ms).hour >= 4]
    for name, starts in await page.evaluate(STARTS, instants):
        for ms, start_ms in zip(instants, starts, strict=True):
            local, start = _local(ms), _local(start_ms)
            assert start <= local
            match name:
                case "1w":
                    assert (start.weekday(), start.hour, start.minute) == (6, 0, 0)
                    assert (local.date() - start.date()).days < 7
                case "1d":
                    assert (start.date(), start.hour, start.minute) == (local.date(), 0, 0)
                case "4h":
                    assert (start.hour, start.minute) == (local.hour // 4 * 4, 0)
                    assert start.date() == local.date()
                case "15m":
                    assert (start.hour, start.minute) == (local.hour, local.minute // 15 * 15)
                case _:
                    assert (ms - start_ms) < 3_600_000
        assert all(one <= other for one, other in pairwise(starts))


def _local(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(NEW_YORK)
