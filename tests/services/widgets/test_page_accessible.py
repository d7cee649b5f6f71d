"""The desk as axe sees it: no violation, whatever the looks."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from services.widgets.page import WEB
from tests.services.widgets.answering import Market, alert, answering
from tests.services.widgets.desks import begin_with, widget
from tests.services.widgets.scripted import Script
from tests.services.widgets.test_js_chart import Vendor


pytestmark = pytest.mark.slow

expect.set_options(timeout=15_000)

AXE = WEB.parent / "node_modules" / "axe-core" / "axe.min.js"
FOUND = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.map(
    ({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | ")}`)"""


@pytest.fixture
async def market(page: Page) -> AsyncIterator[Market]:
    """Widgets of all kinds, filled."""
    kinds = ("board", "quote", "alerts", "tape", "halts", "news", "clock", "chart")
    await page.route("**/v1/bars/**", Vendor().answer)
    await begin_with(page, *(widget(kind, n % 3) for n, kind in enumerate(kinds)))
    async with Script().running() as script:
        await page.goto(script.url)
        async with answering(await script.line()) as made:
            await expect(page.locator("mesh-board .rows tr")).to_have_count(4)
            await made.happen(alert("AAA"))
            await page.locator("mesh-board .rows tr").nth(2).click()
            await expect(page.locator("mesh-quote .last")).to_be_visible()
            await expect(page.locator("mesh-chart .legend")).to_be_visible()
            await page.evaluate(AXE.read_text())
            yield made


@pytest.fixture
async def page(browser: Browser) -> Page:
    """An empty page."""
    return await browser.new_page(viewport={"width": 1440, "height": 1400})


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_desk_has_no_violation(page: Page, market: Market, theme: str) -> None:
    """Every widget with data, in both grounds."""
    del market
    await page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)

    assert await page.evaluate(FOUND) == []


@pytest.mark.parametrize("key", ["/", "?", "l", "a", ","])
async def test_dialog_has_no_violation(page: Page, market: Market, key: str) -> None:
    """Everything that opens over the desk by a key."""
    del market
    await page.keyboard.press(key)
    await expect(page.locator("dialog")).to_be_visible()

    assert await page.evaluate(FOUND) == []


async def test_settings_have_no_violation(page: Page, market: Market) -> None:
    """The forms of boards and alerts."""
    del market
    for kind in ("mesh-board", "mesh-alerts"):
        frame = page.locator("mesh-frame").filter(has=page.locator(kind))
        await frame.locator("[data-do=set-up]").click()
        await expect(frame.locator("form")).to_be_visible()

    assert await page.evaluate(FOUND) == []
