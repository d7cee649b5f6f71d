"""Widgets in pages of other sites: those that the service knows, and those that it does not."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from schemas.naming import Bucket
from tests.services.widgets.boards import Ranked
from tests.services.widgets.serving import Running, on_free_port, running
from tests.services.widgets.test_widgets_page import Market


pytestmark = [pytest.mark.broker, pytest.mark.slow]

expect.set_options(timeout=15_000)

INSTEAD = "No live data here."
TWO: list[Ranked] = [("AAA", 3.0, 13.0), ("BBB", 2.0, 12.0)]
FIRST = "mesh-board .rows tr:first-child"


class Site:
    """Another site: whatever is asked of it, it gives one page. A browser may not ask this machine for what a page of nowhere wants."""

    def __init__(self) -> None:
        self.origin = ""
        self.page = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Site"]:
        """Serve on a free port."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = self.page.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """Another site."""
    async with Site().running() as made:
        yield made


@pytest.fixture
async def program(settings: Settings, site: Site) -> AsyncIterator[Running]:
    """The service, which knows that site."""
    chosen = on_free_port(settings, ws_origins=site.origin)
    async with running(chosen) as made:
        yield made


@pytest.fixture
async def market(connection: Connection) -> Market:
    """A board of two rows."""
    made = Market(KeyValue(connection, Bucket.BOARDS))
    await made.show(*TWO)
    return made


async def bare_page(browser: Browser, site: Site, head: str) -> Page:
    """A page of another site with a board in it, and nothing else."""
    page = await browser.new_page()
    style = "<style>mesh-board { display: block; height: 300px }</style>"
    body = f'<mesh-board name="gainers">{INSTEAD}</mesh-board>'
    site.page = f"<!doctype html><html><head>{head}{style}</head><body>{body}</body></html>"
    await page.goto(site.origin)
    return page


def elements(program: Running) -> str:
    """The tag that loads the widgets."""
    return f'<script type="module" src="{program.page}elements.js"></script>'


def with_tokens(program: Running, token: str) -> str:
    """A script that gives tokens, instead of the page."""
    return (
        f'<script type="module">import {{ tokensFrom }} from "{program.page}elements.js";'
        f'tokensFrom(async () => "{token}");</script>'
    )


async def test_board_lives_in_a_page_of_a_known_site(
    browser: Browser, program: Running, market: Market, site: Site
) -> None:
    """A board that stands alone in another site's page has its rows, and they move."""
    meta = f'<meta name="mesh-token" content="{program.token("board/*")}">'
    page = await bare_page(browser, site, meta + elements(program))
    await expect(page.locator(FIRST)).to_contain_text("AAA")
    await market.show(("CCC", 9.0, 19.0), *TWO)

    await expect(page.locator(FIRST)).to_contain_text("CCC")
    await expect(page.locator("mesh-board")).not_to_have_attribute("standing", "connecting")


async def test_page_says_where_tokens_come_from(
    browser: Browser, program: Running, market: Market, site: Site
) -> None:
    """A page may give tokens by a function of its own, so that none stands in it."""
    del market
    page = await bare_page(browser, site, with_tokens(program, program.token("board/*")))

    await expect(page.locator(FIRST)).to_contain_text("AAA")


async def test_board_says_that_its_token_is_refused(
    browser: Browser, program: Running, market: Market, site: Site
) -> None:
    """Who embeds a board with a token that is of no use reads so in it."""
    del market
    page = await bare_page(browser, site, with_tokens(program, "eyJ.eyJ.x"))

    await expect(page.locator("mesh-board")).to_have_attribute(
        "standing", re.compile("refused — it is no token")
    )
    await expect(page.locator(FIRST)).to_have_count(0)


async def test_page_of_an_unknown_site_gets_nothing(
    browser: Browser, program: Running, market: Market
) -> None:
    """A site that is not on the list is given neither widgets nor data, and shows the words that it has instead."""
    del market
    meta = f'<meta name="mesh-token" content="{program.token()}">'
    async with Site().running() as unknown:
        page = await bare_page(browser, unknown, meta)
    failed = "new Promise((done) => { const made = document.createElement('script'); made.type = 'module';"
    failed += f"made.src = '{program.page}elements.js'; made.onload = () => done('loaded');"
    failed += "made.onerror = () => done('refused'); document.head.append(made); })"
    ask = f"""new Promise((done) => {{ const made = new WebSocket("ws://127.0.0.1:{program.port}/ws");
        made.onopen = () => done("open"); made.onclose = () => done("refused"); }})"""
    fetched = f'fetch("{program.page}v1/boards").then(() => "answered", () => "refused")'

    assert await page.evaluate(failed) == "refused"
    assert await page.evaluate(ask) == "refused"
    assert await page.evaluate(fetched) == "refused"
    await expect(page.locator("mesh-board")).to_have_text(INSTEAD)
    assert await page.evaluate("customElements.get('mesh-board') === undefined")


async def test_example_shows_live_widgets(
    browser: Browser, settings: Settings, market: Market
) -> None:
    """The page that shows how it is done has what it shows."""
    del market
    async with running(on_free_port(settings, ws_page_token=True)) as program:
        page = await browser.new_page()
        await page.goto(f"{program.page}example.html")

        await expect(page.locator(FIRST).first).to_contain_text("AAA")
