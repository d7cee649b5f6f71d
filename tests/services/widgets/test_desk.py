"""The desk in a real browser, over a market by script: what a person does with it, and what is there after a reload."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from mesh.testing import eventually
from schemas.alert import AlertKind
from schemas.wire import encode_json
from tests.services.widgets.answering import Market, alert, answering
from tests.services.widgets.desks import OWN_CONNECTION, begin_with, widget
from tests.services.widgets.scripted import Script


pytestmark = pytest.mark.slow

expect.set_options(timeout=15_000)

WIDGETS = "JSON.parse(localStorage.getItem('tickmesh.desk')).layouts[0].widgets"


@pytest.fixture
async def page(browser: Browser) -> Page:
    """An empty page of a desktop's size, on which nothing may be complained about."""
    made = await browser.new_page(viewport={"width": 1440, "height": 900})
    made.set_default_timeout(15_000)
    return made


async def symbols(market: Market) -> list[str]:
    """The symbols that are followed by themselves."""
    return [feed.partition("/")[2] for feed in market.feeds if feed.startswith("row/")]


async def test_chosen_symbol_is_shown_by_all_of_its_colour(page: Page, script: Script) -> None:
    """A click in a board shows the symbol in quotes of the same colour, and in no others, also after a reload."""
    await begin_with(
        page,
        widget("board", 0, "blue", board="gainers"),
        widget("quote", 1, "blue"),
        widget("quote", 2, "red"),
        script=OWN_CONNECTION,
    )
    await page.goto(script.url)
    async with answering(await script.line()) as market:
        await page.locator("mesh-board .rows tr").nth(2).click()
        blue, red = page.locator("mesh-quote").nth(0), page.locator("mesh-quote").nth(1)
        await expect(blue.locator("strong")).to_have_text("BRK.B")
        await expect(blue.locator(".last")).to_have_text("410.00")
        await expect(red.locator("input")).to_be_visible()
        assert await symbols(market) == ["BRK.B"]
    await page.reload()
    async with answering(await script.line()):
        await expect(page.locator("mesh-quote").nth(0).locator("strong")).to_have_text("BRK.B")
        await expect(page.locator("mesh-board tr[data-chosen] .name")).to_have_text("BRK.B")


async def test_widgets_are_added_moved_by_keys_and_taken_back(page: Page, script: Script) -> None:
    """The keyboard alone adds, moves, resizes and undoes; what is done is there after a reload."""
    await begin_with(page, widget("board", 0, board="gainers"), script=OWN_CONNECTION)
    await page.goto(script.url)
    async with answering(await script.line()):
        await expect(page.locator("mesh-board .rows tr")).to_have_count(4)
        await page.locator("[popovertarget=offers]").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("menuitem", name="Mini quote").press("Enter")
        await expect(page.locator("mesh-quote")).to_be_visible()
        before: list[dict[str, Any]] = await page.evaluate(WIDGETS)
        head = (
            page.locator("mesh-frame").filter(has=page.locator("mesh-quote")).locator(".frame-head")
        )
        await head.focus()
        for key in ("Space", "ArrowDown", "Shift+ArrowRight", "Space"):
            await page.keyboard.press(key)
        await expect(page.locator("#announcer")).to_have_text("Quote put down")

    moved: dict[str, Any] = (await page.evaluate(WIDGETS))[1]
    assert (moved["y"], moved["w"]) == (before[1]["y"] + 1, before[1]["w"] + 1)
    await page.keyboard.press("Control+z")
    await page.keyboard.press("Control+z")
    assert await page.evaluate(WIDGETS) == before
    await page.reload()
    await expect(page.locator("mesh-frame")).to_have_count(2)
    await page.keyboard.press("Control+z")
    await expect(page.locator("mesh-frame")).to_have_count(2)


async def test_locked_desk_stays_as_it_is(page: Page, script: Script) -> None:
    """On a locked desk nothing can be moved or removed, and the keyboard says so."""
    await begin_with(page, widget("board", 0, board="gainers"))
    await page.goto(script.url)
    async with answering(await script.line()):
        await expect(page.locator("mesh-board .rows tr")).to_have_count(4)
        before = await page.evaluate(WIDGETS)
        await page.keyboard.press("e")
        await expect(page.locator("[data-do=close]")).to_have_count(0)
        await page.locator(".frame-head").focus()
        for key in ("Space", "ArrowRight", "Space"):
            await page.keyboard.press(key)

        assert await page.evaluate(WIDGETS) == before
        await expect(page.locator("[popovertarget=offers]")).to_be_disabled()


async def test_palette_finds_symbols_of_the_whole_market(page: Page, script: Script) -> None:
    """A few letters after `/` ask the service, and Enter shows what was found."""
    await begin_with(page, widget("quote", 0))
    await page.goto(script.url)
    async with answering(await script.line()) as market:
        await expect(page.locator("mesh-quote input")).to_be_visible()
        await page.keyboard.press("/")
        await page.keyboard.type("brk")
        await expect(page.locator("#choices li").first).to_contain_text("BRK.B")
        await page.keyboard.press("Enter")

        await expect(page.locator("mesh-quote .last")).to_have_text("410.00")
        await eventually(lambda: "row/*" in market.ended)


async def test_alerts_call_once_and_say_why(page: Page, script: Script) -> None:
    """Of new alerts that pass the filter each is noted once with its reason; what was there before is not."""
    low_only = {"last_usd": {"most": 20}}
    await begin_with(page, widget("alerts", 0, sound="blip", bounds=low_only))
    await page.goto(script.url)
    async with answering(await script.line()) as market:
        await eventually(lambda: market.feeds)
        await market.happen(alert("AAA", n=1), alert("BRK.B", n=2))
        await market.happen(alert("AAA", n=3), alert("BBB", AlertKind.HALT, n=4))
        await expect(page.locator("mesh-alerts tbody tr")).to_have_count(2)
        await expect(page.locator("mesh-alerts tbody tr").nth(1)).to_contain_text("×2")
        await expect(page.locator(".bell b")).to_have_text("3")
        await page.keyboard.press("a")

        noted = page.locator("table.heard tbody tr")
        await expect(noted).to_have_count(3)
        await expect(noted.first).to_contain_text("Halted")
        await expect(noted.last).to_contain_text("12 days' high")
        await expect(page.locator(".bell b")).to_have_count(0)


async def test_layouts_are_kept_by_name(page: Page, script: Script) -> None:
    """A layout is saved under a name, shown by its number, deleted, and brought back."""
    await begin_with(page, widget("board", 0, board="gainers"))
    await page.goto(script.url)
    async with answering(await script.line()):
        await page.keyboard.press("l")
        await page.locator("dialog input[name=name]").fill("Power hour")
        await page.get_by_role("button", name="Save as").click()
        await page.keyboard.press("Escape")
        choice = page.locator("select[name=layout]")
        await expect(choice).to_have_value("Power hour")
        await page.locator("[data-do=close]").click()
        await expect(page.locator("mesh-frame")).to_have_count(0)
        await page.keyboard.press("1")
        await expect(page.locator("mesh-frame")).to_have_count(1)
        await page.keyboard.press("2")
        await page.keyboard.press("l")
        await page.get_by_role("button", name="Delete").click()
        await page.keyboard.press("Escape")

        await expect(choice.locator("option")).to_have_count(1)
        await page.keyboard.press("Control+z")
        await expect(choice).to_have_value("Power hour")


async def test_layouts_of_the_replaced_system_are_taken_in(
    page: Page, script: Script, tmp_path: Path
) -> None:
    """Its export file becomes layouts of ours, scaled to our columns; what there is none for is named."""
    exported = {
        "version": 1,
        "exported": "2026-01-05T12:00:00Z",
        "defaultLayout": "Open",
        "layouts": [
            {
                "name": "Open",
                "description": "my morning",
                "widgets": [
                    {"type": "TopGainers", "x": 0, "y": 0, "w": 6, "h": 19, "linkColor": "green"},
                    {
                        "type": "mini-quote",
                        "x": 6,
                        "y": 0,
                        "w": 3,
                        "h": 19,
                        "config": {"ticker": "aapl"},
                    },
                    {"type": "Heatmap", "x": 9, "y": 0, "w": 3, "h": 19},
                ],
            }
        ],
    }
    file = tmp_path / "theirs.json"
    file.write_bytes(encode_json(exported))
    await begin_with(page, widget("board", 0, board="gainers"))
    await page.goto(script.url)
    async with answering(await script.line()) as market:
        await page.keyboard.press("l")
        await page.locator("dialog input[type=file]").set_input_files(file)
        await expect(page.locator("#toast")).to_have_text("1 layouts taken in, without Heatmap")
        await expect(page.locator("select[name=layout]")).to_have_value("Open")
        await expect(page.locator("mesh-frame")).to_have_count(2)
        await eventually(lambda: "row/AAPL" in market.feeds)

    layouts = "JSON.parse(localStorage.getItem('tickmesh.desk')).layouts"
    first, second = (await page.evaluate(layouts))[1]["widgets"]
    assert (first["kind"], first["w"], first["link"]) == ("board", 12, "green")
    assert (second["kind"], second["x"], second["settings"]["size"]) == ("quote", 12, "mini")


async def test_filter_that_is_refused_is_said_and_the_board_stays(
    page: Page, script: Script
) -> None:
    """The form makes a condition for the service; a refusal is shown under its place, and rows stay as they were."""
    await begin_with(page, widget("board", 0, board="gainers"))
    await page.goto(script.url)
    async with answering(await script.line()) as market:
        await expect(page.locator("mesh-board .rows tr")).to_have_count(4)
        await page.locator("[data-do=set-up]").click()
        await page.get_by_label("Price $, at most").fill("20")
        await page.get_by_label("Float, at most").fill("20M")
        await page.get_by_label("Float, at most").press("Tab")
        await eventually(
            lambda: any("free_float" in str(each.view.where) for each in market.asked.values())
        )

    assert [each.view.where for each in market.asked.values()] == [
        "last_usd <= 20 and free_float_shares <= 20000000"
    ]
