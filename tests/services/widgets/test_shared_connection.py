"""Pages of one browser over one connection, which a worker holds for them."""

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from mesh.testing import eventually
from schemas.widget import Status
from tests.services.widgets.answering import EVENT_MS, answering
from tests.services.widgets.desks import begin_with, widget
from tests.services.widgets.scripted import Script


pytestmark = pytest.mark.slow

expect.set_options(timeout=15_000)

ROWS = "mesh-board .rows tr"


@pytest.fixture
async def context(browser: Browser) -> BrowserContext:
    """A browser whose windows share what they keep."""
    return await browser.new_context(viewport={"width": 900, "height": 700})


async def test_windows_share_one_connection(context: BrowserContext, script: Script) -> None:
    """A second window gets what the first has without asking anew; what nobody wants any more is given back."""
    first = await context.new_page()
    await begin_with(first, widget("board", 0, board="gainers"), widget("quote", 1))
    await first.goto(script.url)
    async with answering(await script.line()) as market:
        await expect(first.locator(ROWS)).to_have_count(4)
        second = await context.new_page()
        await second.goto(f"{script.url}?widget=board-0")
        await expect(second.locator(ROWS)).to_have_count(4)
        assert market.feeds == ["board/gainers"]
        assert script.is_quiet

        await second.locator(ROWS).nth(2).click()
        await expect(first.locator("mesh-quote strong")).to_have_text("BRK.B")
        await first.close()
        await eventually(lambda: "row/BRK.B" in market.ended)
        assert market.feeds == ["board/gainers"]
        await expect(second.locator(ROWS)).to_have_count(4)


async def test_every_window_says_how_the_connection_stands(
    context: BrowserContext, script: Script
) -> None:
    """What the service says of itself reaches all windows, and so does the end of the connection."""
    pages = [await context.new_page() for _ in range(2)]
    for page in pages:
        await begin_with(page, widget("board", 0, board="gainers"))
        await page.goto(script.url)
    line = await script.line()
    async with answering(line):
        for page in pages:
            await expect(page.locator("#status")).to_have_attribute("data-tone", "good")
            await expect(page.locator("mesh-frame .state")).to_have_attribute(
                "aria-label", "simulated"
            )
        await line.say(Status(True, EVENT_MS))
        for page in pages:
            await expect(page.locator("mesh-frame .state-text")).to_have_text("stale")
        await line.say(Status(False, EVENT_MS))
        await line.close(1001)
        for page in pages:
            await expect(page.locator("mesh-frame .state-text")).to_have_text("reconnecting")

    async with answering(await script.line()):
        for page in pages:
            await expect(page.locator("#status")).to_have_attribute("data-tone", "good")
