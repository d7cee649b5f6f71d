"""The chart over a service by script, with the vendor's bars as a test wants them: what it shows in each state."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from schemas.widget import Snap, Subscribe, Unsubscribe
from schemas.wire import encode_json
from tests.services.widgets.desks import OWN_CONNECTION, begin_with, widget
from tests.services.widgets.histories import HEAD
from tests.services.widgets.scripted import Line, Script


pytestmark = pytest.mark.slow

MINUTE_MS = 60_000
START_MS = HEAD.asof_ms // MINUTE_MS * MINUTE_MS


class Vendor:
    """Answers for `/v1/bars`, and what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.body: dict[str, Any] = bars(300)

    async def answer(self, route: Route) -> None:
        """Answer a request of the page."""
        self.asked.append(route.request.url.partition("/v1/bars/")[2])
        await route.fulfill(
            status=self.status, content_type="application/json", body=encode_json(self.body)
        )


def bars(count: int) -> dict[str, Any]:
    """Minutes, the last of which has just begun."""
    close = [20 + (n % 7) / 10 for n in range(count)]
    return {
        "symbol": "AAPL", "interval": "1m", "adjusted": True, "asof_ms": START_MS + 1000, "is_cut": False,
        "start_ms": [START_MS - MINUTE_MS * (count - 1 - n) for n in range(count)],
        "open_usd": close, "high_usd": [usd + 0.5 for usd in close], "low_usd": [usd - 0.5 for usd in close],
        "close_usd": close, "volume_shares": [1000.0] * count, "vwap_usd": [None] * count, "trades": [None] * count,
    }  # fmt: skip


def row(asked: Subscribe, second: int, **cells: Any) -> Snap:
    """The row of AAPL after a second of the minute."""
    start_ms = START_MS + 1000 * second
    known = {
        "trading_day": HEAD.trading_day, "session": "regular", "event_ms": start_ms + 1000, "last_usd": 25.0,
        "volume_shares": 90_000 + 50 * second, "bar_start_ms": start_ms, "bar_end_ms": start_ms + 1000,
        "bar_open_usd": 24.0, "bar_high_usd": 26.0, "bar_low_usd": 23.0, "bar_close_usd": 25.0,
        "bar_volume_shares": 50, "bar_vwap_usd": 24.5, "day_high_usd": 26.0, "day_low_usd": 18.0, "previous_close_usd": 19.0,
    } | cells  # fmt: skip
    columns = ["symbol", *(asked.view.columns or [])]
    cells_ = [known.get(name) for name in columns[1:]]
    return Snap(
        asked.id, asked.feed, f"e{second}", 1, HEAD.asof_ms, HEAD, columns, [["AAPL", *cells_]], 1, None,  # type: ignore[arg-type]  # no checksum: it is not looked at then
    )  # fmt: skip


@pytest.fixture
async def vendor() -> Vendor:
    """The vendor."""
    return Vendor()


@pytest.fixture
async def page(browser: Browser, vendor: Vendor) -> Page:
    """A page with a chart of AAPL."""
    made = await browser.new_page()
    await made.route("**/v1/bars/**", vendor.answer)
    chart = widget("chart", link=None, symbol="AAPL", interval="1m") | {"w": 24}
    await begin_with(made, chart, script=OWN_CONNECTION)
    return made


async def opened(page: Page, script: Script) -> tuple[Line, Subscribe]:
    """The connection of the page, and its subscription of the row."""
    await page.goto(script.url)
    line = await script.line()
    await line.greet("row/*", "trades/*")
    asked = await line.hear(Subscribe)
    assert asked.feed == "row/AAPL"
    return line, asked


async def first_bar(page: Page) -> list[str]:
    """The newest bar as the table has it: open, high, low, close, volume."""
    return await page.locator("mesh-chart .sheet tbody tr").first.locator("td").all_inner_texts()


async def test_chart_continues_history(page: Page, script: Script, vendor: Vendor) -> None:
    """The candle that forms goes on from the vendor's last bar, by what has been traded since, and the next follows it."""
    line, asked = await opened(page, script)
    await expect(page.locator("mesh-chart .legend")).to_contain_text("EMA 200")
    assert vendor.asked[0] == "AAPL?interval=1m&days=5&limit=5000"
    await page.locator("mesh-chart .stage").press("t")
    table = page.locator("mesh-chart .sheet tbody tr")
    await expect(table).to_have_count(200)
    await expect(table.first.locator("td").last).to_have_text("1.00K")
    before = await first_bar(page)
    await line.say(row(asked, 0, event_ms=START_MS + 1000), row(asked, 1))

    await expect(table.first.locator("td").last).to_have_text("1.05K")
    assert await first_bar(page) == [before[0], "26.00", before[2], "25.00", "1.05K"]
    await line.say(row(asked, 60))
    await expect(table.first.locator("td").first).to_have_text("24.00")
    assert await first_bar(page) == ["24.00", "26.00", "23.00", "25.00", "50"]


async def test_every_state_is_said(page: Page, script: Script, vendor: Vendor) -> None:
    """A vendor that fails, one that has nothing, and a symbol that begins with its first trade are told apart."""
    vendor.status, vendor.body = 502, {"message": "the vendor failed: 500"}
    line, asked = await opened(page, script)
    stage = page.locator("mesh-chart .stage")
    await expect(stage.get_by_role("alert")).to_contain_text("the vendor failed: 500")
    await expect(page.locator("mesh-frame .state")).to_have_attribute("aria-label", "error")
    await expect(
        page.locator("mesh-chart .plot")
    ).to_be_hidden()  # axes alone look like a smaller chart
    vendor.status, vendor.body = 404, {"message": "the vendor has no bars of AAPL"}
    await stage.get_by_role("button", name="Try again").click()
    await expect(stage.get_by_text("No bars of AAPL")).to_be_visible()
    await line.say(row(asked, 0))
    await expect(page.locator("mesh-chart .legend")).to_contain_text("26.00")

    vendor.status, vendor.body = 200, bars(300)
    await page.get_by_role("radio", name="5 minutes", exact=True).click()
    await expect(page.locator("mesh-chart .legend")).to_contain_text("EMA 9")
    await expect(page.locator("mesh-chart .plot")).to_be_visible()
    assert vendor.asked[-1].startswith("AAPL?interval=5m&days=10")


async def test_chart_needs_no_pointer(page: Page, script: Script) -> None:
    """Keys move and zoom the chart, and bring it back; what is chosen is kept in the layout."""
    await opened(page, script)
    stage = page.locator("mesh-chart .stage")
    await expect(page.locator("mesh-chart .legend")).to_be_visible()
    await stage.press("Shift+ArrowLeft")
    await expect(stage.get_by_role("button", name="newest")).to_be_visible()
    await stage.press("-")
    await stage.press("End")
    await expect(stage.get_by_role("button", name="newest")).to_have_count(0)

    await page.get_by_role("button", name="MACD").press("Enter")
    await expect(page.locator("mesh-chart .legend")).to_contain_text("Signal")
    await page.get_by_role("button", name="Settings of").press("Enter")
    await page.locator("mesh-chart").get_by_role("checkbox", name="EMA 21").press("Space")
    await page.reload()
    await expect(page.locator("mesh-chart .legend")).to_contain_text("Signal")
    await expect(page.locator("mesh-chart .legend")).not_to_contain_text("EMA 21")


async def test_symbol_is_typed(page: Page, script: Script, vendor: Vendor) -> None:
    """Another symbol is followed instead, and its history asked for."""
    line, _ = await opened(page, script)
    await page.locator("mesh-chart").get_by_role("textbox", name="Symbol").fill("msft")
    await page.locator("mesh-chart").get_by_role("textbox", name="Symbol").press("Enter")

    await line.hear(Unsubscribe)
    assert (await line.hear(Subscribe)).feed == "row/MSFT"
    await expect(page.locator("mesh-frame h2")).to_have_text("Chart · MSFT · 1m")
    assert vendor.asked[-1].startswith("MSFT?")
