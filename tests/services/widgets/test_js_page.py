"""The page over a service by script: what it makes of what the service says of itself."""

import pytest
from playwright.async_api import Browser, expect

from schemas.widget import UNAUTHENTICATED, Bye, Status, Subscribe
from tests.services.widgets.browsing import FEED
from tests.services.widgets.desks import begin_with, widget
from tests.services.widgets.histories import HEAD, History
from tests.services.widgets.scripted import Script


pytestmark = pytest.mark.slow


async def test_page_shows_what_the_service_says_of_itself(browser: Browser) -> None:
    """A board of the desk is shown, and nothing else asked for; `stale` and a refusal are said where the state stands."""
    page = await browser.new_page()
    await begin_with(page, widget("board", board="gainers"))
    async with Script().running() as script:
        await page.goto(script.url)
        line = await script.line()
        await line.greet("alert/*/*", "board/*", FEED, "halts", source="tape")
        asked = await line.hear(Subscribe)
        history = History(1, asked.id)
        history.columns = ["symbol", "last_usd", "volume_shares", "score"]
        history.rows = [["AAA", 2.5, 1_240_000, 3.0], ["BBB", 1.5, None, 2.0]]
        await line.say(history.snap())
        await expect(page.locator("mesh-board")).to_have_count(1)
        await expect(page.locator("mesh-board .rows tr")).to_have_count(2)
        await expect(page.locator("mesh-board .rows tr").first).to_contain_text("2.50")
        await expect(page.locator("#market")).to_contain_text("regular session")
        status = page.locator("#status-text")
        await line.say(Status(True, HEAD.asof_ms))
        await expect(status).to_have_text("connected — the service has lost its source")
        await line.say(Status(False, HEAD.asof_ms))
        await expect(status).to_contain_text("no update for")

        await line.say(Bye(UNAUTHENTICATED.code, "this token is not valid here", None))
        await line.close(UNAUTHENTICATED.code)
        await expect(status).to_have_text("refused — this token is not valid here")
        await expect(page.locator("#announcer")).to_have_text(
            "refused — this token is not valid here"
        )
        await expect(page.locator("mesh-board .rows tr")).to_have_count(2)
