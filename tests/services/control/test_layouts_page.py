"""The page of layouts in a browser: a version is restored, a link given, its layout taken by another, and revoked."""

import pytest
from playwright.async_api import Browser, Page, expect

from mesh.connection import Connection
from mesh.kv import KeyValue
from schemas.account import Role
from schemas.control_naming import layouts_key
from schemas.naming import Bucket
from tests.services.control.people import FIRST, PASSWORD, Person
from tests.services.control.serving import Running
from tests.services.control.test_layouts import desk, layout
from tests.services.control.test_pages import choose, new_page, sign_in
from tests.services.widgets.test_page_accessible import AXE, FOUND


pytestmark = [pytest.mark.broker, pytest.mark.slow]


async def _opened(browser: Browser, program: Running, complaints: list[str]) -> Page:
    page = await new_page(browser, complaints)
    await page.goto(f"{program.origin}/layouts")
    await sign_in(page, FIRST, PASSWORD)
    await expect(page.get_by_role("heading", name="Your layouts")).to_be_visible()
    return page


@pytest.fixture
async def kept(connection: Connection, ann: Person) -> KeyValue:
    """Two versions of ann's layouts."""
    del ann  # she has an account now
    layouts = KeyValue(connection, Bucket.LAYOUTS)
    await layouts.put(layouts_key(FIRST), desk(layout("Morning", 7), layout("News", 3)))
    await layouts.put(layouts_key(FIRST), desk(layout("<b>Halts</b>", 2)))
    return layouts


async def test_layout_is_restored_shared_taken_and_revoked(
    browser: Browser, program: Running, ann: Person, kept: KeyValue
) -> None:
    """What was overwritten comes back; its link survives signing in, and leads nowhere once it is revoked."""
    del kept  # it has seen to her layouts
    complaints: list[str] = []
    page = await _opened(browser, program, complaints)
    await expect(page.locator("#layouts")).to_contain_text("<b>Halts</b>")
    await page.get_by_role("button", name="Restore the version").click()
    await expect(page.get_by_role("status")).to_contain_text("are again what they were")
    await expect(page.locator("#versions tr")).to_have_count(3)
    await page.get_by_role("button", name="Share Morning").click()
    link = page.locator("#shares a")
    await expect(link).to_have_text("Morning")
    address = await link.get_attribute("href") or ""

    other = await new_page(browser, complaints)
    await other.goto(await ann.invite("bob", Role.VIEWER))
    await choose(other, None)
    await expect(other.locator("#role")).to_have_text("viewer")
    await other.get_by_role("button", name="Sign out", exact=True).click()
    await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    await other.goto(address)
    await sign_in(other, "bob", PASSWORD)
    await expect(other.get_by_role("heading", name="ann shares Morning")).to_be_visible()
    await other.get_by_role("button", name="Take it").click()
    await expect(other.locator("#layouts tr")).to_contain_text("Morning")

    await page.get_by_role("button", name="Revoke the link to Morning").click()
    await expect(page.locator("#shares")).to_contain_text("You share nothing")
    await other.goto(address)
    await expect(other.get_by_role("alert")).to_contain_text("Nothing is shared here")
    assert complaints == []


@pytest.mark.parametrize("ground", ["dark", "light"])
async def test_page_has_no_violation(
    browser: Browser, program: Running, kept: KeyValue, ground: str
) -> None:
    """With versions, a link and an offer, on both grounds."""
    del kept  # it has seen to her layouts
    page = await _opened(browser, program, [])
    await page.emulate_media(color_scheme="dark" if ground == "dark" else "light")
    await page.get_by_role("button", name="Share").click()
    address = await page.locator("#shares a").get_attribute("href") or ""
    await page.goto(address)
    await expect(page.get_by_role("button", name="Take it")).to_be_visible()
    await page.evaluate(AXE.read_text())

    assert await page.evaluate(FOUND) == []
