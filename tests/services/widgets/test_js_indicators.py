"""The chart's indicators in a real browser, against the same by numpy."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest
from playwright.async_api import Browser, Page

from tests.services.widgets.scripted import Script


pytestmark = pytest.mark.slow

Floats = npt.NDArray[np.float64]

MAKE = """async ([startMs, closes, volumes, vwaps, cuts]) => {
    const { ema, sma, vwma, vwap, macd } = await import("/figures.js");
    const known = (values) => values.map((value) => value ?? NaN);
    const barsUntil = (end) => {
        const closeUsd = closes.slice(0, end);
        return {
            startMs: startMs.slice(0, end), closeUsd, openUsd: closeUsd, highUsd: closeUsd.map((usd) => usd + 1),
            lowUsd: closeUsd.map((usd) => usd - 2), volumeShares: volumes.slice(0, end), vwapUsd: known(vwaps.slice(0, end)),
        };
    };
    const kinds = {
        ema9: (bars, out, from) => ema(bars.closeUsd, 9, out, from),
        ema200: (bars, out, from) => ema(bars.closeUsd, 200, out, from),
        sma50: (bars, out, from) => sma(bars.closeUsd, 50, out, from),
        vwma50: (bars, out, from) => vwma(bars, 50, out, from),
        vwap: (bars, out, from) => vwap(bars, out, from),
        macd: (bars, out, from) => macd(bars.closeUsd, out, from),
    };
    const told = {};
    for (const [name, make] of Object.entries(kinds)) {
        const whole = make(barsUntil(closes.length));
        let grown = undefined;
        let from = 0;
        for (const end of cuts) {
            const bars = barsUntil(end);
            bars.closeUsd[end - 1] *= 1.5;  // the bar that forms is another when it is over
            bars.volumeShares[end - 1] += 7;
            grown = make(bars, grown, from);
            grown = make(barsUntil(end), grown, end - 1);
            from = end;
        }
        const parts = name === "macd" ? ["line", "signal", "histogram"] : [""];
        for (const part of parts) {
            const of = (made) => (part ? made[part] : made).map((value) => (Number.isNaN(value) ? null : value));
            told[name + part] = [of(whole), of(grown)];
        }
    }
    return told;
}"""


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page that has nothing on it."""
    async with Script().running() as script:
        made = await browser.new_page()
        await made.goto(f"{script.url}blank")
        yield made


def _ema(values: Floats, n: int) -> Floats:
    first = int(np.argmax(~np.isnan(values)))
    out = np.full(len(values), np.nan)
    if first + n <= len(values):
        out[first + n - 1] = values[first : first + n].mean()
    for at in range(first + n, len(values)):
        out[at] = (2 * values[at] + (n - 1) * out[at - 1]) / (n + 1)
    return out


def _windows(values: Floats, n: int) -> Floats:
    sums = np.lib.stride_tricks.sliding_window_view(values, n).sum(axis=1)
    return np.concatenate([np.full(n - 1, np.nan), sums])


def _expected(times_ms: Floats, closes: Floats, volumes: Floats, vwaps: Floats) -> dict[str, Floats]:  # fmt: skip
    days = [
        datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo("America/New_York")).date()
        for ms in times_ms
    ]
    prices = np.where(np.isnan(vwaps), (3 * closes - 1) / 3, vwaps)
    with np.errstate(invalid="ignore"):
        vwap = np.concatenate(
            [
                np.cumsum(prices[here] * volumes[here]) / np.cumsum(volumes[here])
                for day in dict.fromkeys(days)
                for here in [[at for at, each in enumerate(days) if each == day]]
            ]
        )
        vwma = _windows(closes * volumes, 50) / _windows(volumes, 50)
    line = _ema(closes, 12) - _ema(closes, 26)
    signal = _ema(line, 9)
    return {
        "ema9": _ema(closes, 9), "ema200": _ema(closes, 200), "sma50": _windows(closes, 50) / 50,
        "vwma50": vwma, "vwap": vwap, "macdline": line, "macdsignal": signal, "macdhistogram": line - signal,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_indicators_are_those_of_numpy(page: Page, seed: int) -> None:
    """Over random bars of days around a change of the clocks, whole and bar by bar, with the last one forming, alike."""
    random = np.random.default_rng(seed)
    count = 420
    start_ms = datetime(2026, 3, 6, 22, tzinfo=UTC).timestamp() * 1000
    times: Floats = start_ms + 900_000.0 * np.arange(count, dtype=np.float64)
    closes: Floats = 20 + np.cumsum(random.normal(0, 0.3, count))
    volumes: Floats = np.round(random.exponential(1e6, count), 1)
    volumes[100:180] = 0.0
    volumes[random.random(count) < 0.05] = 1e12
    vwaps: Floats = np.where(
        random.random(count) < 0.2, np.nan, closes + random.normal(0, 0.1, count)
    )
    shown = [None if np.isnan(each) else each for each in vwaps.tolist()]
    cuts = sorted({*random.integers(1, count, 60).tolist(), *range(1, 40), count})
    found = await page.evaluate(
        MAKE, [times.tolist(), closes.tolist(), volumes.tolist(), shown, cuts]
    )

    for name, expected in _expected(times, closes, volumes, vwaps).items():
        whole, grown = (np.array(each, dtype=np.float64) for each in found[name])
        np.testing.assert_allclose(whole, expected, rtol=1e-7, atol=1e-7, err_msg=name)
        np.testing.assert_allclose(grown, expected, rtol=1e-7, atol=1e-7, err_msg=name)


async def test_too_few_bars_have_no_indicator(page: Page) -> None:
    """Where there are fewer bars than an indicator needs, or nothing was traded, it has no values, not zeros."""
    found = await page.evaluate(MAKE, [[0, 60_000], [5, 6], [0, 0], [None, None], [1, 2]])

    assert all(each == [None, None] for pair in found.values() for each in pair)
