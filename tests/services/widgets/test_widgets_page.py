"""The page in a real browser, over the real program and a real broker."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, expect

from mesh import clock
from mesh.connection import Connection
from mesh.kv import RECEIVED_MS, KeyValue
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.naming import Bucket
from schemas.wire import encode_json
from tests.services.widgets.boards import Ranked, board, encoded
from tests.services.widgets.desks import OWN_CONNECTION, begin_with, widget
from tests.services.widgets.serving import Running, on_free_port, running


pytestmark = [pytest.mark.broker, pytest.mark.slow]

expect.set_options(timeout=10_000)

GAINERS = '[feed="board/gainers"]'
THREE: list[Ranked] = [("AAA", 3.0, 13.0), ("BBB", 2.0, 12.0), ("BRK.B", 1.0, 11.0)]


class Market:
    """Puts boards into KV as the program `boards` does."""

    def __init__(self, boards: KeyValue) -> None:
        self._boards = boards
        self._seq = 0

    async def show_scored(self, symbol: str, score: float, *, name: str) -> None:
        """Put a board of one row whose score is none of its other fields."""
        ranked = board((symbol, 1.0, 2.0), name=name, seq=99)
        row = msgspec.structs.replace(ranked.rows[0], score=score)
        await self._boards.put(name, encode_json(msgspec.structs.replace(ranked, rows=[row])))

    async def show(self, *rows: Ranked, name: str = "gainers", age_ms: float = 0.0) -> None:
        """Put a board whose newest change is *age_ms* old."""
        self._seq += 1
        received = {RECEIVED_MS: f"{clock.now_ms() - age_ms:.3f}"}
        await self._boards.put(name, encoded(*rows, name=name, seq=self._seq), received)


@pytest.fixture
async def market(connection: Connection) -> Market:
    """Three boards of three rows."""
    made = Market(KeyValue(connection, Bucket.BOARDS))
    for name in ("gainers", "gappers", "volume"):
        await made.show(*THREE, name=name)
    return made


@pytest.fixture
async def program(settings: Settings) -> AsyncIterator[Running]:
    """The program, saying that its data is simulated."""
    async with running(on_free_port(settings, source="simulated", ws_page_token=True)) as made:
        yield made


@pytest.fixture
async def complaints() -> list[str]:
    """What the browser's console said that it should not have, violations of the policy included."""
    return []


@pytest.fixture
async def page(browser: Browser, complaints: list[str]) -> Page:
    """An empty page of a desktop's size."""
    made = await browser.new_page(viewport={"width": 1440, "height": 900})
    made.set_default_timeout(10_000)
    made.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("requestfailed", lambda request: complaints.append(request.url))
    return made


_NOTE_LIGHTS = """board => {
    window.lights = [];
    new MutationObserver(changes => window.lights.push(...changes.map(each => each.target.dataset.tint).filter(Boolean)))
        .observe(board.shadowRoot, { subtree: true, attributes: true, attributeFilter: ["data-tint"] });
}"""
"""From now on, how cells are lit: what is no more when it has faded can be seen here."""


async def expect_symbols(page: Page, *symbols: str) -> None:
    """The gainers, from top to bottom, now or soon."""
    await expect(page.locator(f"{GAINERS} .rows .name")).to_have_text(list(symbols))


async def test_page_shows_live_boards(
    page: Page, program: Running, market: Market, complaints: list[str], tmp_path: Path
) -> None:
    """The boards of the desk are there with values that change, the banner says that nothing is real, and nothing is complained about."""
    await page.goto(program.page)
    await expect(page.locator("mesh-board")).to_have_count(3)
    await expect(page.locator(f"{GAINERS} .rows tr").first).to_contain_text("AAA")
    await market.show(("AAA", 4.25, 13.5), *THREE[1:])
    cells = page.locator(f"{GAINERS} .rows tr").first.locator("td")

    await expect(cells.nth(1)).to_have_text("13.50")
    await expect(cells.nth(2)).to_have_text("+4.25%")
    await expect(cells.nth(2)).to_have_attribute("data-sign", "up")
    await expect(page.locator("#banner")).to_have_text("Simulated data — not the market")
    await expect(page.locator("#market")).to_have_text(
        "09:31:05 ET · regular session · Mon 5 Jan 2026"
    )
    await expect(page.locator("#status")).to_have_attribute("data-tone", "good")
    await page.screenshot(path=tmp_path / "boards.png")
    assert (tmp_path / "boards.png").stat().st_size > 10_000
    assert complaints == []


async def test_page_ranks_by_the_boards_own_score_first(
    page: Page, program: Running, market: Market
) -> None:
    """The page finds out by which field a board ranks; a score that is no field is shown as itself."""
    await page.goto(program.page)
    await expect(page.locator(f"{GAINERS} thead .ranking")).to_have_text("From open")
    await market.show_scored("AAA", 77.5, name="volume")
    shown = page.locator('[feed="board/volume"]')

    await expect(shown.locator("thead .ranking")).to_have_text("Score")
    await expect(shown.locator(".rows tr")).to_have_count(1)
    await expect(shown.locator(".rows .ranking")).to_have_text("77.50")


async def test_page_holds_the_order_under_the_pointer(
    page: Page, program: Running, market: Market
) -> None:
    """While the pointer is on a board values go on but rows stay; afterwards the order is made good."""
    await page.goto(program.page)
    row = page.locator(f"{GAINERS} .rows tr").nth(2)
    await row.hover()
    await expect(page.locator(f"{GAINERS} .note")).to_have_text("order held")
    await market.show(("BRK.B", 9.0, 19.0), ("CCC", 8.0, 1.0), ("AAA", 3.0, 13.0))
    await expect(row.locator("td").nth(2)).to_have_text("+9.00%")

    await expect_symbols(page, "AAA", "BBB", "BRK.B")
    await expect(row.locator(".rank")).to_have_attribute("data-moved", "up")
    await expect(page.locator(f"{GAINERS} .rows [data-gone]")).to_contain_text("BBB")
    await page.mouse.move(1, 1)
    await expect_symbols(page, "BRK.B", "CCC", "AAA")


async def test_page_holds_the_order_for_the_keyboard(
    page: Page, program: Running, market: Market
) -> None:
    """A board that is reached by the tabulator key holds its order too."""
    await page.goto(program.page)
    await expect(page.locator(f"{GAINERS} .rows tr")).to_have_count(3)
    await page.keyboard.press("Tab")
    await page.locator(f"{GAINERS} .scroll").focus()

    await expect(page.locator(f"{GAINERS} .note")).to_have_text("order held")
    await page.keyboard.press("Tab")
    await expect(page.locator(f"{GAINERS} .note")).to_have_text("")


async def test_page_comes_back_after_a_restart(
    page: Page, settings: Settings, market: Market
) -> None:
    """When the service goes away the page says so, keeps the last rows, and goes on by itself."""
    fixed = on_free_port(settings, ws_page_token=True)
    async with running(fixed) as first:
        await page.goto(first.page)
        await expect(page.locator(f"{GAINERS} .rows tr")).to_have_count(3)
    await expect(page.locator("#status-text")).to_contain_text("disconnected — reconnecting in")
    await expect(page.locator("#status")).to_have_attribute("data-tone", "bad")
    await expect_symbols(page, "AAA", "BBB", "BRK.B")

    async with running(fixed):
        await expect(page.locator("#status")).not_to_have_attribute("data-tone", "bad")
        await market.show(("NEW", 9.0, 19.0), *THREE)
        await expect_symbols(page, "NEW", "AAA", "BBB", "BRK.B")


async def test_page_offers_a_board_that_appears(
    page: Page, program: Running, market: Market, complaints: list[str]
) -> None:
    """A board that is new to the service can be chosen at once on the open page."""
    await begin_with(page, widget("board", board="gainers"))
    await page.goto(program.page)
    await expect(page.locator(f"{GAINERS} .rows tr")).to_have_count(3)
    await market.show(*THREE[:2], name="low-float")
    await page.locator("[data-do=set-up]").click()
    choice = page.locator("select[name=board]")
    await expect(choice.locator("option[value=low-float]")).to_have_count(1)
    await choice.select_option("low-float")
    await page.get_by_role("button", name="Done").click()

    added = page.locator('[feed="board/low-float"]')
    await expect(page.locator("mesh-frame h2")).to_have_text("Low float")
    await expect(added.locator(".rows tr")).to_have_count(2)
    assert complaints == []


async def test_page_repairs_a_lost_frame(page: Page, program: Running, market: Market) -> None:
    """A delta that never arrived is noticed by the next one, and the board is asked for again."""
    lost: list[str] = []

    def between(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def from_server(text: str | bytes) -> None:
            if not lost and str(text).startswith('{"type":"delta"'):
                lost.append(str(text))
            else:
                route.send(text)

        server.on_message(from_server)

    await begin_with(page, widget("board", board="gainers"), script=OWN_CONNECTION)
    await page.route_web_socket("**/ws", between)
    await page.goto(program.page)
    await expect(page.locator(f"{GAINERS} .rows tr")).to_have_count(3)
    await market.show(("CCC", 8.0, 1.0), *THREE)
    await eventually(lambda: lost)
    await market.show(("CCC", 8.5, 1.0), *THREE)

    await expect_symbols(page, "CCC", "AAA", "BBB", "BRK.B")
    await expect(page.locator(f"{GAINERS} .rows tr").first).to_contain_text("+8.50%")


async def test_page_says_when_data_is_old(page: Page, program: Running, market: Market) -> None:
    """A connection over which nothing new comes is amber, not green."""
    for name in ("gainers", "gappers", "volume"):
        await market.show(("AAA", 9.0, 1.0), name=name, age_ms=60_000)
    await page.goto(program.page)

    await expect(page.locator("#status-text")).to_contain_text("no update for 6")
    await expect(page.locator("#status")).to_have_attribute("data-tone", "warn")


async def test_page_says_why_a_board_is_empty(
    page: Page, program: Running, connection: Connection
) -> None:
    """Before any official open there are no gainers, and the board says so."""
    await Market(KeyValue(connection, Bucket.BOARDS)).show()
    await page.goto(program.page)

    await expect(page.locator(f"{GAINERS} .empty")).to_have_text(
        "No symbol has an official open yet"
    )


async def test_page_renders_visible_rows_only(page: Page, program: Running, market: Market) -> None:
    """Of five hundred rows some forty exist; scrolling brings the others."""
    many = [(f"S{number:03}", 500.0 - number, 5.0) for number in range(500)]
    await market.show(*many)
    await begin_with(page, widget("board", board="gainers", top=500))
    await page.goto(program.page)
    rows = page.locator(f"{GAINERS} .rows tr")
    await expect(rows.first).to_contain_text("S000")

    assert await rows.count() < 45
    await expect(page.locator(f"{GAINERS} table")).to_have_attribute("aria-rowcount", "501")
    await page.locator(f"{GAINERS} .scroll").evaluate("scroll => scroll.scrollTo(0, 1e6)")
    await expect(rows.last).to_contain_text("S499")
    await expect(rows.last).to_have_attribute("aria-rowindex", "501")
    assert await rows.count() < 45


async def test_page_highlights_a_change_once(page: Page, program: Running, market: Market) -> None:
    """A price that rose is lit in the colour of its direction, and the light goes out by itself."""
    await page.goto(program.page)
    row = page.locator(f"{GAINERS} .rows tr").first
    last = row.locator("td").nth(1)
    await expect(last).to_have_text("13.00")
    await page.locator(GAINERS).evaluate(_NOTE_LIGHTS)
    await market.show(("AAA", 3.0, 13.5), *THREE[1:])

    await expect(last).to_have_attribute("data-tint", re.compile("up"))
    await expect(page.locator("[data-tint]")).to_have_count(0)
    assert await page.evaluate("lights") == ["up 2", "up 1"]


async def test_rows_are_seen_in_order_before_they_stand_so(
    page: Page, program: Running, market: Market
) -> None:
    """Rows that trade places are seen so at once and counted so; the document follows when the board is calm."""
    await page.goto(program.page)
    await expect_symbols(page, "AAA", "BBB", "BRK.B")
    await market.show(THREE[2], THREE[0], THREE[1])

    rows = page.locator(f"{GAINERS} .rows tr")
    await expect(rows.filter(has_text="BRK.B")).to_have_attribute("aria-rowindex", "2")
    seen = await rows.evaluate_all(
        """rows => rows.map(row => [row.getBoundingClientRect().top, row.ariaRowIndex, row.querySelector(".name").textContent])
            .sort((a, b) => a[0] - b[0]).map(([, index, name]) => [index, name])"""
    )
    assert seen == [["2", "BRK.B"], ["3", "AAA"], ["4", "BBB"]]
    await expect_symbols(page, "BRK.B", "AAA", "BBB")


async def test_page_writes_numbers_as_traders_read_them(page: Page, program: Running) -> None:
    """Unknown is a dash and zero a number; digits go where they matter, and minus is a minus."""
    await page.goto(program.page)
    written = await page.evaluate(
        """async () => {
            const { compact, duration, percent, price } = await import("/figures.js");
            return [
                [null, 0, 4.25, -0.004, -12.3, 123.456, 1234.5].map(percent),
                [null, 0.8628, 17.1, 9999.99, 712345.6].map(price),
                [null, 0, 999, 9996, 1240000, 24100000, 999999999].map(compact),
                [200, 12300, 300000, 10800000].map(duration),
            ];
        }"""
    )

    assert written == [
        ["–", "0.00%", "+4.25%", "0.00%", "−12.30%", "+123.5%", "+1,235%"],
        ["–", "0.8628", "17.10", "9,999.99", "712,346"],
        ["–", "0", "999", "10.0K", "1.24M", "24.1M", "1.00B"],
        ["0.2 s", "12 s", "5 min", "3 h"],
    ]


async def test_page_keeps_still_on_request(page: Page, program: Running, market: Market) -> None:
    """Who asks the system for less motion sees no cell flash."""
    await page.emulate_media(reduced_motion="reduce")
    await page.goto(program.page)
    await expect(page.locator(f"{GAINERS} .rows tr")).to_have_count(3)
    await page.locator(GAINERS).evaluate(_NOTE_LIGHTS)
    await market.show(("BRK.B", 9.0, 19.0), *THREE[:2])
    await expect_symbols(page, "BRK.B", "AAA", "BBB")

    assert await page.evaluate("lights") == []


async def test_page_fits_a_phone(
    page: Page, program: Running, market: Market, tmp_path: Path
) -> None:
    """On a narrow screen the widgets stand below each other and nothing is wider than the screen."""
    await page.set_viewport_size({"width": 420, "height": 900})
    await page.goto(program.page)
    await expect(page.locator("mesh-board")).to_have_count(3)
    lefts = await page.locator("mesh-board").evaluate_all(
        "boards => boards.map((board) => board.getBoundingClientRect().left)"
    )

    assert len(set(lefts)) == 1
    assert await page.evaluate("document.documentElement.scrollWidth") == 420
    await page.screenshot(path=tmp_path / "phone.png")
