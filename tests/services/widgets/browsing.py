"""The page's module in a browser: how tests load it, and wait for what it says."""

from playwright.async_api import Page

from mesh.testing import eventually
from tests.services.widgets.scripted import Line, Script


FEED = "board/gainers"

_CONNECT = """async () => {
    Object.assign(window, await import("/mesh-client.js"), { subs: [], updates: 0 });
    window.follow = (feed, view = {}) => subs.push(client.subscribe(feed, view, () => updates++)) - 1;
    client.connect();
}"""


async def connected(page: Page, script: Script) -> Line:
    """The first connection of a page, before any frame of the service."""
    await page.goto(f"{script.url}blank")
    await page.evaluate(_CONNECT)
    return await script.line()


async def until(page: Page, condition: str) -> None:
    """Wait until a condition of the page's holds; playwright's own way is against the policy."""
    await eventually(lambda: page.evaluate(condition))


async def wait_ms(page: Page) -> float:
    """How long the client waits until its next attempt."""
    await until(page, "client.phase === 'waiting'")
    left: float = await page.evaluate("client.retryAtMs - Date.now()")
    return left
