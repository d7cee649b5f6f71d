"""A page that is loaded anew: it shows what it had at once, and says that it is old until there is something fresh."""

import pytest
from playwright.async_api import Browser, Page, expect

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from schemas.naming import Bucket
from tests.services.widgets.answering import answering
from tests.services.widgets.boards import Ranked
from tests.services.widgets.desks import begin_with, widget
from tests.services.widgets.scripted import Script
from tests.services.widgets.serving import on_free_port, running
from tests.services.widgets.test_widgets_page import Market


pytestmark = [pytest.mark.broker, pytest.mark.slow]

expect.set_options(timeout=20_000)

ROWS = "mesh-board .rows tr"
NAMES = "mesh-board .rows .name"
STATE = "mesh-frame .state-text"
NOTE = "mesh-board .note"
TWO: list[Ranked] = [("AAA", 3.0, 13.0), ("BBB", 2.0, 12.0)]
IS_KEPT = "navigator.serviceWorker.ready.then(() => true)"


@pytest.fixture
async def page(browser: Browser) -> Page:
    """A page with one board."""
    made = await browser.new_page(viewport={"width": 900, "height": 700})
    await begin_with(made, widget("board", 0, board="gainers"))
    return made


async def test_reload_shows_the_last_board_at_once(page: Page) -> None:
    """Before the service has said a word the old rows are there, marked; with its first word they are live."""
    async with Script().running() as script:
        await page.goto(script.url)
        async with answering(await script.line()):
            await expect(page.locator(ROWS)).to_have_count(4)
            before = await page.locator(NAMES).all_inner_texts()
        await page.reload()
        line = await script.line()
        await expect(page.locator(NAMES)).to_have_text(before)
        await expect(page.locator(STATE)).to_have_text("stale")
        await expect(page.locator(NOTE)).to_have_text("as of 09:31:05 ET")
        await expect(page.locator("#status")).not_to_have_attribute("data-tone", "good")
        async with answering(line):
            await expect(page.locator(STATE)).to_have_text("")
            await expect(page.locator(NOTE)).to_have_text("")
            await expect(page.locator(NAMES)).to_have_text(before)
            await expect(page.locator("mesh-board .mark.new:visible")).to_have_count(0)


async def test_reload_without_the_service_shows_the_last_board(
    page: Page, settings: Settings, connection: Connection
) -> None:
    """The browser has the page itself too: it is there while the service is away, and goes on when it comes back."""
    market = Market(KeyValue(connection, Bucket.BOARDS))
    await market.show(*TWO)
    fixed = on_free_port(settings, ws_page_token=True)
    async with running(fixed) as program:
        await page.goto(program.page)
        await expect(page.locator(NAMES)).to_have_text(["AAA", "BBB"])
        assert await page.evaluate(IS_KEPT)
    await page.reload()
    await expect(page.locator(NAMES)).to_have_text(["AAA", "BBB"])
    await expect(page.locator(STATE)).to_have_text("stale")
    await expect(page.locator("#status")).to_have_attribute("data-tone", "bad")
    assert await page.locator('meta[name="mesh-token"]').get_attribute("content") == ""

    async with running(fixed):
        await market.show(("NEW", 9.0, 19.0), *TWO)
        await expect(page.locator(NAMES)).to_have_text(["NEW", "AAA", "BBB"])
        await expect(page.locator(NOTE)).to_have_text("")
