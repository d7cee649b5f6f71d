"""A trading morning in a real browser over a real `mesh up`: every widget lives, and what a trader does from the open on works."""

import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, FloatRect, Locator, Page, expect

from mesh.testing import eventually
from services.widgets.page import WEB
from tests.services.widgets.desks import begin_with, widget
from tests.system.mesh_up import MeshUp, mesh_up


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE_MS = 90_000
KINDS = WEB.parent / "src" / "desk" / "kinds.ts"
SYMBOL, SPLIT_SYMBOL = "AAPL", "RVB"
"""One that always trades, and one that was split."""

LIVE = {
    "board": ".rows tr:nth-child(10)",
    "alerts": "tbody tr",
    "quote": ".last",
    "chart": ".legend",
    "tape": "tbody tr",
    "halts": "tbody tr",
    "news": "article",
    "clock": ".time",
    "company": "strong",
    "short": "svg",
    "filings": "tbody tr",
    "splits": "tbody strong",
}
"""What each kind of widget has when it has data."""

SETTINGS: dict[str, dict[str, Any]] = {
    "board": {"board": "gainers"},
    "halts": {"all": True},
    "chart": {"interval": "1m"},
    "news": {},
}
COUNT_SOUNDS = """const start = OscillatorNode.prototype.start; window.sounds = 0;
    OscillatorNode.prototype.start = function (...times) { window.sounds++; return start.apply(this, times); };"""


class Album:
    """Pictures for people: beside the tests if KEEP_PICTURES is set, else where nobody keeps them."""

    def __init__(self, otherwise: Path) -> None:
        kept = Path(__file__).parents[1] / "pictures"
        self._folder = kept if "KEEP_PICTURES" in os.environ else otherwise

    async def take(self, what: Page | Locator, name: str, clip: FloatRect | None = None) -> None:
        """Keep how *what* looks now: a widget, a page from its top, or the part *clip* of what is seen of it."""
        path = self._folder / f"{name}.png"
        if isinstance(what, Locator):
            await what.screenshot(path=path)
            return
        if clip is None:
            await what.evaluate("scrollTo(0, 0)")
        await what.screenshot(path=path, clip=clip)


def frame(page: Page, kind: str) -> Locator:
    """The frame of the first widget of a kind."""
    return page.locator("mesh-frame").filter(has=page.locator(f"mesh-{kind}")).first


@asynccontextmanager
async def opened(
    browser: Browser, address: str, *desk: dict[str, Any], width: int = 1680, height: int = 1000
) -> AsyncIterator[Page]:
    """The page in a browser of its own; with a desk that stays there, or with that of the service."""
    page = await browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE_MS)
    await page.add_init_script(COUNT_SOUNDS)
    if desk:
        await begin_with(page, *desk)
        await page.route("**/v1/layouts", lambda route: route.abort())
    await page.goto(address)
    await expect(page.locator(".bell")).to_be_visible()
    yield page
    await page.close()


def every_kind() -> list[dict[str, Any]]:
    """A widget of each kind, four beside each other."""
    made = [widget(kind, **SETTINGS.get(kind, {})) for kind in LIVE]
    made[-1] |= {"link": None, "settings": {"symbol": SPLIT_SYMBOL}}
    return [
        each | {"x": 6 * (n % 4), "y": 13 * (n // 4), "w": 6, "h": 13}
        for n, each in enumerate(made)
    ]


async def show(page: Page, symbol: str) -> None:
    """Choose a symbol as a trader does: by its letters."""
    await page.keyboard.press("/")
    await page.keyboard.type(symbol)
    await expect(page.locator("#choices li").first).to_contain_text(symbol)
    await page.keyboard.press("Enter")


async def expect_every_kind_live(page: Page, album: Album) -> None:
    """Each widget has data of the running mesh, and the ones that should move do."""
    await show(page, SYMBOL)
    for kind, part in LIVE.items():
        shown = page.locator(f"mesh-{kind} {part}").first
        await expect(shown).to_be_visible()
    for part in ("mesh-board .rows", "mesh-quote .asof", "mesh-tape tbody", "mesh-clock .time"):
        before = await page.locator(part).inner_text()
        await expect(page.locator(part)).not_to_have_text(before, use_inner_text=True)
    for kind in LIVE:
        await album.take(frame(page, kind), f"widget-{kind}")
    await frame(page, "splits").scroll_into_view_if_needed()
    box = await frame(page, "company").bounding_box()
    assert box is not None
    await album.take(page, "cards", {"x": 0, "y": box["y"], "width": 1680, "height": box["height"]})


async def picture_states(page: Page, mesh: MeshUp, album: Album) -> None:
    """How the same widgets look with nothing, with errors, with data that stands still, light, and on a phone."""
    await expect(page.locator("mesh-company .empty")).to_be_visible()
    await expect(page.locator("mesh-halts")).not_to_contain_text("Loading")
    await album.take(page, "state-empty")
    await page.route(
        "**/v1/company/**",
        lambda route: route.fulfill(
            status=502, json={"message": "the vendor failed: it took longer than 15 s"}
        ),
    )
    await show(page, SYMBOL)
    await expect(page.get_by_role("alert")).to_contain_text("the vendor failed")
    await album.take(frame(page, "company"), "state-error")
    await page.unroute("**/v1/company/**")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("mesh-company strong")).to_be_visible()
    await page.keyboard.press("t")
    await expect(page.locator(":root")).to_have_attribute("data-theme", "light")
    await album.take(page, "state-light")
    await page.keyboard.press("t")
    halted = page.locator("mesh-halts tbody tr").first
    symbol = await halted.locator("th").inner_text()
    await halted.click()  # on a slow machine it trades again by now
    await expect(page.locator("mesh-quote strong")).to_have_text(symbol)
    await album.take(frame(page, "quote"), "state-halted")
    simulator = mesh.pid_of("simulator")
    assert simulator is not None
    os.kill(simulator, signal.SIGSTOP)
    try:
        await expect(page.locator("#status")).to_contain_text("no update for")
        await expect(page.locator('mesh-frame[data-tone="warn"]').first).to_be_visible()
        await album.take(page, "state-stale")
    finally:
        os.kill(simulator, signal.SIGCONT)
    await page.set_viewport_size({"width": 400, "height": 820})
    await expect(page.locator("#status")).to_have_attribute("data-tone", "good")
    await album.take(page, "state-phone")


async def open_filter_and_link(page: Page) -> None:
    """The usual desk fills; a filter is asked of the service; a click in a board shows the symbol in quote and chart."""
    for name in ("gainers", "gappers", "volume"):
        await expect(page.locator(f'[feed="board/{name}"] .rows tr').nth(9)).to_be_visible()
    gainers = page.locator("mesh-frame").first
    await gainers.locator("[data-do=set-up]").click()
    await gainers.get_by_label("Price $, at most").fill("20")
    await gainers.get_by_label("Price $, at most").press("Tab")
    await gainers.get_by_role("button", name="Done").click()
    row = gainers.locator(".rows tr").first
    await expect(row.locator("td").nth(1)).to_have_text(re.compile(r"^(1?\d|20)\.\d+$"))
    await row.locator("th").click(force=True)  # it may move to another place at any moment
    await expect(page.locator("mesh-quote .last")).to_be_visible()
    await expect(page.locator("mesh-chart .legend")).to_be_visible()
    await expect(page.locator("#banner")).to_have_text("Simulated data — not the market")
    await show(page, SYMBOL)
    await expect(page.locator("mesh-quote strong")).to_have_text(SYMBOL)
    await expect(page.locator("mesh-chart .legend")).to_be_visible()
    await expect(page.locator("mesh-alerts tbody tr").first).to_be_visible()


async def hear_an_alert(page: Page) -> None:
    """A widget that is given a sound makes it at its next alert, which is noted with why."""
    alerts = frame(page, "alerts")
    await alerts.locator("[data-do=set-up]").click()
    await alerts.locator("select[name=sound]").select_option("blip")
    await alerts.get_by_role("button", name="Done").click()
    await page.evaluate("window.sounds = 0")  # it was tried out when it was chosen
    await expect(page.locator(".bell b")).to_be_visible()
    await eventually(lambda: page.evaluate("window.sounds > 0"), timeout_s=PATIENCE_MS / 1000)
    await page.keyboard.press("a")
    await expect(page.locator("table.heard tbody tr").first).to_be_visible()
    await page.keyboard.press("Escape")


async def save_and_reload(page: Page) -> None:
    """A layout that was saved by name is there after a reload, with the symbol of its colour."""
    await page.keyboard.press("l")
    await page.locator("dialog input[name=name]").fill("My open")
    await page.get_by_role("button", name="Save as").click()
    await page.keyboard.press("Escape")
    await expect(page.locator("select[name=layout]")).to_have_value("My open")
    await page.reload()
    await expect(page.locator("select[name=layout]")).to_have_value("My open")
    await expect(page.locator("mesh-quote strong")).to_have_text(SYMBOL)


async def come_back(page: Page, mesh: MeshUp, album: Album) -> None:
    """When the service dies the page says so and keeps what it shows; when it is back the page goes on by itself."""
    await expect(page.locator("#status")).to_have_attribute("data-tone", "good")
    await page.set_viewport_size({"width": 1000, "height": 480})
    await mesh.kill("widgets")
    await expect(page.locator("#status")).to_have_attribute("data-tone", "bad")
    await album.take(page, "state-reconnecting")
    await expect(page.locator("#status")).to_have_attribute("data-tone", "good")
    board = page.locator('[feed="board/volume"] .rows')
    before = await board.inner_text()
    await expect(board).not_to_have_text(before, use_inner_text=True)


async def test_morning(tmp_path: Path, browser: Browser) -> None:
    """Every kind of widget shows live data, and a trader filters, links, charts, hears, saves, reloads and is reconnected."""
    expect.set_options(timeout=PATIENCE_MS)
    kinds = re.findall(r"^  (\w+): \{ tag:", KINDS.read_text(), re.MULTILINE)
    assert sorted(LIVE) == sorted(kinds)
    album = Album(tmp_path)
    start = {"MESH_SIM_START": "2026-01-05T09:30:10", "MESH_SIM_SYMBOLS": "500"}
    async with mesh_up(tmp_path / "mesh", "--speed", "2", **start) as mesh:
        address = await mesh.until_ready()
        async with opened(browser, address, *every_kind()) as page:
            await expect_every_kind_live(page, album)
        four = [
            widget("quote", 0),
            widget("company", 1),
            widget("halts", 2),
            widget("board", 2, board="gainers"),
        ]
        places = [(0, 26), (8, 26), (16, 12), (16, 14)]
        desk = [
            each | {"x": x, "y": 12 if n == 3 else 0, "h": h}
            for n, (each, (x, h)) in enumerate(zip(four, places, strict=True))
        ]
        async with opened(browser, address, *desk, width=1180, height=560) as page:
            await picture_states(page, mesh, album)
        async with opened(browser, address, width=1440, height=900) as page:
            await open_filter_and_link(page)
            await hear_an_alert(page)
            await save_and_reload(page)
            await come_back(page, mesh, album)
