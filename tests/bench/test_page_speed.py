"""What live boards cost a browser, and how soon the first is there; figures are judged by people, in RESULTS.md.

Boards of 500 rows, of which 150 trade four times a second, in a real browser on this machine. CPU time is that of the
page's main thread as the browser itself counts it. `make soak` runs this; each test prints an object.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, CDPSession, Page, expect

from mesh import clock
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from schemas.naming import Bucket
from schemas.widget import Subscribe
from schemas.wire import encode_json
from services.bench.measure import percentile
from tests.services.widgets.desks import begin_with, widget
from tests.services.widgets.full_board import ROWS, FullBoard
from tests.services.widgets.scripted import Line, Script
from tests.services.widgets.serving import on_free_port, running
from tests.services.widgets.test_widgets_page import THREE, Market


pytestmark = [pytest.mark.soak, pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(900)]

BOARDS = ("gainers", "gappers", "volume", "losers", "momentum", "low-float", "trades-1m", "blocks")
UPDATES, MINUTES, OPENED = 400, 10, 11
EVERY_S = 0.25
MOST_GROWTH = 1.2
"""Memory after ten minutes against that after one; a leak of one cell for each change would be tenfold."""
_WORK = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
_BYTES_A_MB = 1e6
_FIRST_ROW = """const look = () => {
    if (document.querySelector("mesh-board")?.shadowRoot?.querySelector(".rows tr")) {
        requestAnimationFrame(() => setTimeout(() => { window.firstRowMs = performance.now(); }));
    } else requestAnimationFrame(look);
}; requestAnimationFrame(look);"""


class Watched:
    """A page with boards, its connection, and what its main thread has spent."""

    def __init__(self, line: Line, session: CDPSession, boards: list[FullBoard]) -> None:
        self._line = line
        self._session = session
        self._boards = boards

    async def update(self) -> None:
        """Change all boards, and wait for the moment of the next change."""
        due_s = clock.monotonic_s() + EVERY_S
        await self._line.say(*(board.delta() for board in self._boards))
        await asyncio.sleep(due_s - clock.monotonic_s())

    async def figures(self) -> dict[str, float]:
        """What the browser counts: seconds of CPU, and bytes."""
        found = (await self._session.send("Performance.getMetrics"))["metrics"]
        return {each["name"]: float(each["value"]) for each in found}

    async def heap_mb(self) -> float:
        """What is in use after everything that is of no use is gone."""
        await self._session.send("HeapProfiler.collectGarbage")
        return round((await self.figures())["JSHeapUsedSize"] / _BYTES_A_MB, 2)


@asynccontextmanager
async def watched(browser: Browser, names: tuple[str, ...]) -> AsyncIterator[Watched]:
    """A page that shows the boards *names*."""
    context = await browser.new_context(viewport={"width": 1920, "height": 1080})
    page = await context.new_page()
    async with Script().running() as script:
        await begin_with(page, *_placed(names))
        await page.goto(script.url)
        line = await script.line()
        await line.greet(*(f"board/{name}" for name in names))
        boards = [FullBoard(await line.hear(Subscribe)) for _ in names]
        await line.say(*(board.snap() for board in boards))
        await _shown(page, len(names))
        session = await context.new_cdp_session(page)
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})
        yield Watched(line, session, boards)
    await context.close()


def _placed(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """One board fills the window; eight stand in two rows of four."""
    if len(names) == 1:
        return [widget("board", 0, board=names[0], top=ROWS) | {"w": 24, "h": 26}]
    return [
        widget("board", n, board=name, top=ROWS) | {"x": 6 * (n % 4), "y": 13 * (n // 4), "w": 6, "h": 13}
        for n, name in enumerate(names)
    ]  # fmt: skip


async def _shown(page: Page, count: int) -> None:
    first = page.locator("mesh-board .rows tr:first-child")
    await expect(first).to_have_count(count, timeout=30_000)


def _say(**figures: Any) -> None:
    sys.stdout.write(encode_json({"bench": "page", **figures}).decode() + "\n")


def _percentiles(costs: list[float]) -> tuple[float, float]:
    p50, p95 = (round(percentile(costs, percent) or 0.0, 2) for percent in (50, 95))
    return p50, p95


async def test_update_of_a_board_costs_little(browser: Browser) -> None:
    """Scripts, layout and styles of an update of one board, as high as the window; and the first two without the last."""
    costs: list[list[float]] = []
    async with watched(browser, BOARDS[:1]) as page:
        for _ in range(UPDATES):
            before = await page.figures()
            await page.update()
            after = await page.figures()
            costs.append([1000 * (after[name] - before[name]) for name in _WORK])
    costs = costs[UPDATES // 10 :]  # the first are compiled on the way
    p50, p95 = _percentiles([sum(cost) for cost in costs])
    unstyled_p50, unstyled_p95 = _percentiles([sum(cost[:2]) for cost in costs])
    _say(
        updates=len(costs),
        update_ms_p50=p50,
        update_ms_p95=p95,
        script_layout_ms_p50=unstyled_p50,
        script_layout_ms_p95=unstyled_p95,
    )

    assert 0 < p50 <= p95


async def test_eight_boards_leave_room_and_take_no_more_memory(browser: Browser) -> None:
    """The part of the main thread that eight boards take, and memory, which does not grow in ten minutes."""
    heaps = []
    async with watched(browser, BOARDS) as page:
        began_s, before = clock.monotonic_s(), await page.figures()
        for minute in range(MINUTES):
            until_s = began_s + 60 * (minute + 1)
            while clock.monotonic_s() < until_s:
                await page.update()
            heaps.append(await page.heap_mb())
        after, took_s = await page.figures(), clock.monotonic_s() - began_s
    busy_s = after["TaskDuration"] - before["TaskDuration"]
    _say(main_thread_pct=round(100 * busy_s / took_s, 1), heap_mb_by_minute=heaps)

    assert heaps[-1] <= MOST_GROWTH * heaps[0]


async def test_first_board_is_there_soon(
    browser: Browser, settings: Settings, connection: Connection
) -> None:
    """From the beginning of the navigation to the first painted row, with nothing in the browser's cache."""
    market = Market(KeyValue(connection, Bucket.BOARDS))
    for name in ("gainers", "gappers", "volume"):
        await market.show(*THREE, name=name)
    times = []
    async with running(on_free_port(settings, ws_page_token=True)) as program:
        for _ in range(OPENED):
            context = await browser.new_context(viewport={"width": 1440, "height": 900})
            page = await context.new_page()
            await page.add_init_script(_FIRST_ROW)
            await page.goto(program.page)
            times.append(await page.evaluate("new Promise((done) => { const look = () => window.firstRowMs ? done(window.firstRowMs) : setTimeout(look, 20); look(); })"))  # fmt: skip
            await context.close()
    times.sort()
    _say(
        opened=OPENED,
        first_row_ms_p50=round(times[OPENED // 2]),
        first_row_ms_most=round(times[-1]),
    )

    assert times[0] > 0
