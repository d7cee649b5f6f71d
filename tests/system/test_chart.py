"""The chart of a real `mesh up`, in a real browser: the vendor's bars by the proxy, and the candle that forms from the stream."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.services.widgets.desks import begin_with, widget
from tests.system.mesh_up import mesh_up


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(120)]

PICTURE = Path(__file__).parents[1] / "pictures" / "chart.png"
"""What the README may show; written anew when KEEP_PICTURES is set."""


async def test_chart_lives(tmp_path: Path, browser: Browser) -> None:
    """History is there at once, its last candle moves with the tape, and another interval is another chart."""
    async with mesh_up(tmp_path / "mesh", MESH_SIM_START="2026-01-05T10:40:00") as mesh:
        address = await mesh.until_ready()
        page = await browser.new_page(viewport={"width": 1100, "height": 640})
        chart = widget("chart", link=None, symbol="AAPL", interval="5m", macd=True)
        await begin_with(page, chart | {"w": 24, "h": 19})
        await page.goto(address)
        legend = page.locator("mesh-chart .legend")
        await expect(legend).to_contain_text("EMA 200", timeout=30_000)
        await page.locator("mesh-chart .stage").press("t")
        bars = page.locator("mesh-chart .sheet tbody tr")
        await expect(bars).to_have_count(200)
        before = await bars.first.inner_text()
        await expect(bars.first).not_to_have_text(before, use_inner_text=True, timeout=30_000)
        await page.locator("mesh-chart .stage").press("t")
        await page.screenshot(
            path=PICTURE if "KEEP_PICTURES" in os.environ else tmp_path / "chart.png"
        )

        await page.get_by_role("radio", name="1 minute", exact=True).click()
        await expect(page.locator("mesh-frame h2")).to_have_text("Chart · AAPL · 1m")
        await expect(legend).to_contain_text("EMA 200", timeout=30_000)
