"""The page of a real `mesh up`, in a real browser: what `make run` shows."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.system.mesh_up import mesh_up


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(90)]

PICTURE = Path(__file__).parents[1] / "pictures" / "page.png"
"""What the README shows; written anew when KEEP_PICTURES is set."""


async def test_run_shows_moving_boards(tmp_path: Path, browser: Browser) -> None:
    """The desk of the morning fills and moves, a click shows a symbol everywhere, and the page says that it is simulated."""
    start = {"MESH_SIM_START": "2026-01-05T09:30:40"}
    async with mesh_up(tmp_path / "mesh", **start) as mesh:
        address = await mesh.until_ready()
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await page.goto(address)
        for name in ("gainers", "gappers", "volume"):
            board = page.locator(f'[feed="board/{name}"] tbody.rows')
            await expect(board.locator("tr:nth-child(10)")).to_be_visible(timeout=20_000)
            before = await board.inner_text()
            await expect(board).not_to_have_text(before, use_inner_text=True, timeout=20_000)
        symbol = page.locator('[feed="board/gainers"] tbody.rows th').first
        await symbol.click(force=True)  # it may move to another place at any moment
        await expect(page.locator("mesh-quote .last")).to_be_visible(timeout=20_000)
        await expect(page.locator("mesh-alerts tbody tr").first).to_be_visible(timeout=20_000)
        await expect(page.locator("#banner")).to_have_text("Simulated data — not the market")
        await page.screenshot(
            path=PICTURE if "KEEP_PICTURES" in os.environ else tmp_path / "page.png"
        )
