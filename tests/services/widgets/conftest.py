"""Fixtures of tests of sessions (a board, and a client that follows it) and of pages (a service by script)."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page

from schemas.widget import View
from services.widgets.catalogue import Catalogue
from tests.services.widgets.boards import encoded
from tests.services.widgets.players import BOARD, Player
from tests.services.widgets.scripted import Script


@pytest.fixture
def catalogue() -> Catalogue:
    """One board of one row."""
    made = Catalogue("e")
    made.put_board("gainers", encoded(("A", 1.0, 2.0)), 5.0)
    return made


@pytest.fixture
def client(catalogue: Catalogue) -> Player:
    """A client that has subscribed to it as 1, and taken all."""
    made = Player(catalogue)
    made.subscribe(1, BOARD, View())
    made.drain(0.0)
    made.kinds.clear()
    return made


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    """The service, answering by script."""
    async with Script().running() as made:
        yield made


@pytest.fixture
async def still_page(browser: Browser) -> Page:
    """A page whose clock stands still unless it is put forward: else a slow machine lets timers pass unseen."""
    made = await browser.new_page()
    await made.clock.install(time=0)
    await made.clock.pause_at(1_000)
    return made
