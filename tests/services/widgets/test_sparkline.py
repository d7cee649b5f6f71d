"""The column with a line of prices: what it is drawn from, and what it asks for."""

import pytest
from playwright.async_api import Browser, expect

from tests.services.widgets.answering import MARKET, answering
from tests.services.widgets.desks import OWN_CONNECTION, begin_with, widget
from tests.services.widgets.scripted import Script
from tests.services.widgets.test_js_chart import Vendor


pytestmark = pytest.mark.slow

expect.set_options(timeout=30_000)

DRAWN = "mesh-board .rows path[d^=M]"


async def test_rows_in_sight_have_the_line_of_the_last_hour(browser: Browser) -> None:
    """Each symbol in sight is asked for once, its line goes on with the price that the board has, and says so in words."""
    page = await browser.new_page(viewport={"width": 900, "height": 600})
    vendor = Vendor()
    await page.route("**/v1/bars/**", vendor.answer)
    columns = ["change_pct", "sparkline"]
    await begin_with(page, widget("board", columns=columns), script=OWN_CONNECTION)
    async with Script().running() as script:
        await page.goto(script.url)
        async with answering(await script.line()) as market:
            await expect(page.locator(DRAWN)).to_have_count(len(MARKET))
            (asked,) = market.asked.values()
            cell = page.locator("mesh-board .rows tr:first-child td").last

            await expect(cell).to_have_attribute("data-sign", "down")
            await expect(cell).to_have_attribute("aria-label", "from 20.20 to 4.20")
            assert isinstance(asked.view.columns, list)
            assert "sparkline" not in asked.view.columns
            assert "last_usd" in asked.view.columns
            wanted = [f"{row.symbol}?interval=1m&days=1&limit=60" for row in MARKET]
            assert sorted(vendor.asked) == sorted(wanted)


async def test_line_is_drawn_without_history(browser: Browser) -> None:
    """A vendor that refuses is not asked again, and the board is as it would be without the column."""
    page = await browser.new_page(viewport={"width": 900, "height": 600})
    vendor = Vendor()
    vendor.status, vendor.body = 403, {"message": "not for you"}
    await page.route("**/v1/bars/**", vendor.answer)
    await begin_with(page, widget("board", columns=["last_usd", "sparkline"]))
    async with Script().running() as script:
        await page.goto(script.url)
        async with answering(await script.line()):
            await expect(page.locator("mesh-board .rows tr")).to_have_count(len(MARKET))
            async with page.expect_response("**/v1/bars/**"):
                pass

            await expect(page.locator("mesh-board .rows svg")).to_have_count(len(MARKET))
            await expect(page.locator(DRAWN)).to_have_count(0)
            assert len(vendor.asked) == 1
