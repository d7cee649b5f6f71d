"""Layouts on the server: each user's own, and never overwritten by who does not know what is there."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.layouts import MOST_BYTES
from tests.services.widgets.desks import begin_with, widget
from tests.services.widgets.serving import Running, on_free_port, running


pytestmark = [pytest.mark.broker, pytest.mark.slow]

expect.set_options(timeout=15_000)

REVISION = "JSON.parse(localStorage.getItem('tickmesh.desk.revision') ?? '{}').revision ?? 0"


@pytest.fixture
async def program(settings: Settings, connection: Connection) -> AsyncIterator[Running]:
    """The program, with a token in its page."""
    del connection  # it has seen to the buckets
    async with running(on_free_port(settings, ws_page_token=True)) as made:
        yield made


async def ask(
    program: Running, user: str, body: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """Read the layouts of *user*, or write them."""
    headers = {"Authorization": f"Bearer {program.token(user=user)}"}
    async with httpx.AsyncClient(headers=headers) as http:
        url = f"{program.page}v1/layouts"
        answer = await (http.get(url) if body is None else http.put(url, json=body))
    return answer.status_code, answer.json()


async def test_layouts_are_written_by_who_knows_them(program: Running) -> None:
    """A writer names the revision that it knows; who is late is told what is there, and other users see nothing of it."""
    assert await ask(program, "ann@desk.example/α") == (200, {"revision": 0, "desk": None})
    status, first = await ask(program, "ann@desk.example/α", {"revision": 0, "desk": {"n": 1}})
    assert status == 200
    kept = {"revision": first["revision"], "desk": {"n": 1}}

    assert await ask(program, "ann@desk.example/α", {"revision": 0, "desk": {"n": 2}}) == (
        409,
        kept,
    )
    assert await ask(program, "ann@desk.example/α") == (200, kept)
    assert await ask(program, "bob") == (200, {"revision": 0, "desk": None})
    status, second = await ask(program, "ann@desk.example/α", {**kept, "desk": {"n": 2}})
    assert (status, second["revision"] > first["revision"]) == (200, True)


async def test_layouts_are_refused_without_token_sense_or_measure(program: Running) -> None:
    """Nobody writes without a token, nothing that is no JSON object of the kind, and nothing large."""
    async with httpx.AsyncClient() as http:
        url = f"{program.page}v1/layouts"
        assert (await http.put(url, json={"revision": 0, "desk": {}})).status_code == 401
        assert (await http.get(url)).status_code == 401
    assert (await ask(program, "ann", {"desk": {}}))[0] == 400
    large = {"revision": 0, "desk": {"n": "x" * MOST_BYTES}}
    assert (await ask(program, "ann", large))[0] == 413


async def new_page(browser: Browser, program: Running) -> Page:
    """A page of a browser of its own, with one board."""
    page = await (await browser.new_context()).new_page()
    await begin_with(page, widget("clock", 0))
    await page.goto(program.page)
    await expect(page.locator("mesh-frame")).to_have_count(1)
    return page


async def add(page: Page, name: str) -> None:
    """Add a widget."""
    await page.locator("[popovertarget=offers]").click()
    await page.locator("#offers").get_by_text(name, exact=True).click()


async def test_two_browsers_do_not_overwrite_each_other(browser: Browser, program: Running) -> None:
    """What one browser changes another has after a reload; if both have changed, a person is asked."""
    one, other = await new_page(browser, program), await new_page(browser, program)
    await add(one, "Halts")
    await eventually(lambda: one.evaluate(REVISION))
    await add(other, "Mini quote")
    await expect(other.locator("#conflict")).to_contain_text(
        "Another browser has saved other layouts"
    )
    theirs = await other.evaluate(REVISION)
    await other.get_by_role("button", name="Keep mine").click()
    await eventually(lambda: other.evaluate(f"{REVISION} > {theirs}"))
    await expect(other.locator("mesh-quote")).to_have_count(1)

    await one.reload()
    await expect(one.locator("mesh-quote")).to_have_count(1)
    await expect(one.locator("mesh-halts")).to_have_count(0)
    await one.keyboard.press("Control+z")
    await expect(one.locator("mesh-halts")).to_have_count(1)
