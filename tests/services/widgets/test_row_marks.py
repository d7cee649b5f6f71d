"""What a row of a board shows beside its figures: marks by the name, the tint of a move, the bar of a volume."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from mesh import clock
from schemas.widget import Delta
from tests.services.widgets.answering import Market, answering
from tests.services.widgets.desks import begin_with, widget
from tests.services.widgets.histories import HEAD
from tests.services.widgets.scripted import Line, Script


pytestmark = pytest.mark.slow

expect.set_options(timeout=20_000)


@pytest.fixture
async def page(browser: Browser) -> Page:
    """A page with one board."""
    made = await browser.new_page(viewport={"width": 900, "height": 600})
    await begin_with(made, widget("board", columns=["last_usd", "relative_volume"]))
    return made


@pytest.fixture
async def line(page: Page) -> AsyncIterator[Line]:
    """The connection of the page."""
    async with Script().running() as script:
        await page.goto(script.url)
        yield await script.line()


@pytest.fixture
async def market(line: Line) -> AsyncIterator[Market]:
    """What the board is given: AAA has news and a volume, BBB is paused, of the others nothing is to be marked."""
    async with answering(line) as made:
        yield made


def row(page: Page, symbol: str) -> Locator:
    """The row of a symbol."""
    return page.locator("mesh-board .rows tr").filter(has_text=symbol)


async def test_row_has_the_marks_that_it_has_reason_for(page: Page, market: Market) -> None:
    """A flame by the age of the newest article and the letter of a halt, in words too; a row without reason has no mark."""
    flame, halt = row(page, "AAA").locator(".flame"), row(page, "BBB").locator(".halted")

    await expect(flame).to_have_attribute("data-age", "0")
    await expect(flame).to_have_attribute("title", re.compile("Newest article .+ ago"))
    await expect(halt).to_have_text("H")
    await expect(halt).to_have_attribute("title", "Trading is paused")
    await expect(page.locator("mesh-board .rows .mark")).to_have_count(2)
    del market


async def test_row_is_tinted_by_its_change_and_has_a_bar_of_its_volume(
    page: Page, market: Market
) -> None:
    """Deeper for a larger change; the bar is full, and of another colour, from five times the usual volume on."""
    await expect(row(page, "AAA")).to_have_attribute("data-heat", "2")
    await expect(row(page, "BBB")).to_have_attribute("data-heat", "1")
    assert await row(page, "CCC").get_attribute("data-heat") is None

    full, half, none = (row(page, symbol).locator(".barred i") for symbol in ("AAA", "BBB", "CCC"))
    assert await full.evaluate("bar => [bar.style.getPropertyValue('--share'), bar.dataset.high]") == ["1.00", "1"]  # fmt: skip
    assert await half.evaluate("bar => bar.style.getPropertyValue('--share')") == "0.50"
    assert await none.evaluate("bar => bar.style.getPropertyValue('--share')") == "0.00"
    del market


async def test_only_who_comes_is_new(page: Page, line: Line, market: Market) -> None:
    """Whoever was on the board at first is not new; who comes later is marked, and no other."""
    await expect(row(page, "CCC")).to_be_visible()
    [asked] = market.asked.values()
    assert isinstance(asked.view.columns, list)
    last = ["symbol", *asked.view.columns].index("last_usd")

    await line.say(
        Delta(asked.id, 1, 2, clock.now_ms(), HEAD, [], [(0, "DDD")], [0], [[last, [7.5]]], 5, None)
    )

    await expect(row(page, "DDD").locator(".new")).to_have_text("NEW")
    await expect(page.locator("mesh-board .rows .new")).to_have_count(1)
