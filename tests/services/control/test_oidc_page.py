"""Signing in at a provider in a browser, to which it is another site: there, back, and out of both."""

import pytest
from playwright.async_api import Browser, Page, expect

from mesh.connection import Connection
from mesh.settings import Settings
from tests.services.control.provided import Provided, provided
from tests.services.control.test_pages import new_page


pytestmark = [pytest.mark.broker, pytest.mark.slow]


async def go_to_provider(page: Page, both: Provided) -> None:
    """Click the button on the page of sign-in."""
    await page.goto(f"{both.program.origin}/sign-in?next=/account")
    await page.get_by_role("link", name="Continue with 127.0.0.2").click()


async def sign_in_there(page: Page, login: str) -> None:
    """Fill the provider's form, and consent."""
    await page.get_by_placeholder("Enter any login").fill(login)
    await page.get_by_placeholder("and password").fill("any")
    await page.get_by_role("button", name="Sign-in").click()
    await page.get_by_role("button", name="Continue").click()


@pytest.mark.timeout(180)
async def test_person_signs_in_and_out_at_the_provider(
    browser: Browser, settings: Settings, connection: Connection
) -> None:
    """From the button to the consent and back, signed in; out again, and the provider asks for the password anew."""
    del connection  # it has seen to the buckets
    complaints: list[str] = []
    async with provided(settings) as both:
        page = await new_page(browser, complaints)
        await go_to_provider(page, both)
        await sign_in_there(page, "alice")
        await expect(page).to_have_url(f"{both.program.origin}/account")
        await expect(page.locator("#user")).to_have_text("alice")
        await expect(page.locator("#role")).to_have_text("admin")
        names = [each.get("name", "") for each in await page.context.cookies(both.program.origin)]
        assert names == [f"tickmesh-{both.program.port}"], (
            "the cookie of the sign-in is still there"
        )

        await page.get_by_role("button", name="Sign out", exact=True).click()
        await page.get_by_role("button", name="Yes, sign me out").click()
        await expect(page).to_have_url(f"{both.program.origin}/sign-in")
        await go_to_provider(page, both)
        await sign_in_there(page, "bob")
        await expect(page.locator("#user")).to_have_text("bob")
    assert [each for each in complaints if both.program.origin in each] == []


async def test_person_who_stays_out_reads_why(
    browser: Browser, settings: Settings, connection: Connection
) -> None:
    """Somebody without a role, and everybody while the provider is away, read so on a page with ways to go on."""
    del connection  # it has seen to the buckets
    complaints: list[str] = []
    async with provided(settings) as both:
        page = await new_page(browser, complaints)
        await go_to_provider(page, both)
        await sign_in_there(page, "carol")
        await expect(page.get_by_role("alert")).to_contain_text("nobody has given you a role")
        await page.get_by_role("link", name="sign in otherwise").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert [each for each in complaints if both.program.origin in each] == []
