"""The pages of sign-in and account in a browser: what a person does there, and that nothing of them is against the policy."""

import asyncio

import pytest
from playwright.async_api import Browser, Page, Route, expect

from mesh.connection import Connection
from mesh.settings import Settings
from tests.services.control.people import PASSWORD
from tests.services.control.serving import Running, running


pytestmark = [pytest.mark.broker, pytest.mark.slow]

expect.set_options(timeout=15_000)


async def new_page(browser: Browser, complaints: list[str]) -> Page:
    """A page of a browser of its own; what it complains of is kept, a refused policy for one."""
    page = await (await browser.new_context()).new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Policy" in said.text else None)
    return page


async def choose(page: Page, name: str | None) -> None:
    """Fill the form of a first password."""
    if name is not None:
        await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password", exact=False).nth(0).fill(PASSWORD)
    await page.get_by_label("The same again").fill(PASSWORD)
    await page.get_by_role("button", name="Go on").click()


async def sign_in(page: Page, name: str, password: str) -> None:
    """Fill the form of sign-in."""
    await page.get_by_label("Name").fill(name)
    await page.locator("#password").fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def test_first_admin_lets_a_second_person_in(browser: Browser, program: Running) -> None:
    """From the printed link to an account, to a link for somebody else, to their account; out again and in again."""
    complaints: list[str] = []
    page = await new_page(browser, complaints)
    await page.goto(program.lifecycle.said("admin.missing")[0]["open_once"])
    await expect(page.get_by_role("heading", name="Welcome to tickmesh")).to_be_visible()
    assert "#" not in page.url, "the secret stays in the address"
    await choose(page, "ann")
    await expect(page).to_have_url(f"{program.origin}/account")
    await expect(page.locator("#role")).to_have_text("admin")
    await expect(page.locator("#sessions tr")).to_contain_text("this browser")

    await page.locator("#new-name").fill("bob")
    await page.locator("#new-role").select_option("operator")
    await page.get_by_role("button", name="Add").click()
    await expect(page.locator("#people tr")).to_have_count(2)
    link = await page.locator("#once-link").inner_text()

    other = await new_page(browser, complaints)
    await other.goto(link)
    await expect(other.get_by_label("Name")).to_have_value("bob")
    await choose(other, None)
    await expect(other.locator("#role")).to_have_text("operator")
    await expect(other.locator("#users")).to_be_hidden()
    await other.get_by_role("button", name="Sign out", exact=True).click()
    await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    await sign_in(other, "bob", "wrong lamps hum quietly")
    await expect(other.get_by_role("alert")).to_contain_text("is wrong")
    await sign_in(other, "bob", PASSWORD)
    await expect(other).to_have_url(f"{program.origin}/account")
    assert complaints == []


async def test_page_of_nobody_leads_to_sign_in_and_back(browser: Browser, program: Running) -> None:
    """Who is not signed in is asked to be, and comes back to where they wanted to go, but never to another site."""
    page = await new_page(browser, [])
    await page.goto(program.lifecycle.said("admin.missing")[0]["open_once"])
    await choose(page, "ann")
    await page.get_by_role("button", name="Sign out everywhere").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    await page.goto(f"{program.origin}/account")
    await expect(page).to_have_url(f"{program.origin}/sign-in?next=/account")
    await sign_in(page, "ann", PASSWORD)
    await expect(page).to_have_url(f"{program.origin}/account")
    await page.goto(f"{program.origin}/sign-in?next=//127.0.0.1:1/stolen")
    await sign_in(page, "ann", PASSWORD)
    await expect(page).to_have_url(f"{program.origin}/account")


async def test_password_is_changed_and_other_browsers_are_out(
    browser: Browser, program: Running
) -> None:
    """The page goes on with its new session; the other browser, which the page shows, is asked to sign in."""
    page, other = await new_page(browser, []), await new_page(browser, [])
    await page.goto(program.lifecycle.said("admin.missing")[0]["open_once"])
    await choose(page, "ann")
    await expect(page.locator("#role")).to_have_text("admin")
    await other.goto(f"{program.origin}/sign-in")
    await sign_in(other, "ann", PASSWORD)
    await expect(other.locator("#sessions tr")).to_have_count(2)

    await page.locator("#old").fill(PASSWORD)
    await page.locator("#new").fill("slow lamps blink twice")
    await page.get_by_role("button", name="Change it").click()
    await expect(page.get_by_role("status").first).to_contain_text("is changed")
    await expect(page.locator("#sessions tr")).to_have_count(1)
    await other.reload()
    await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_anybody_makes_an_account_where_that_is_on(
    browser: Browser, settings: Settings, connection: Connection
) -> None:
    """The page of sign-in leads there, and the new viewer is signed in."""
    del connection  # it has seen to the buckets
    async with running(settings, self_registration=True) as program:
        page = await new_page(browser, [])
        await page.goto(f"{program.origin}/sign-in")
        await page.get_by_role("link", name="Make one").click()
        await choose(page, "eve")
        await expect(page.locator("#role")).to_have_text("viewer")


async def test_password_typed_before_the_script_has_come_goes_nowhere(
    browser: Browser, program: Running
) -> None:
    """Enter does nothing until the page can send it: a browser's own sending would show it in the address and in logs."""
    page = await new_page(browser, [])
    come = asyncio.Event()

    async def late(route: Route) -> None:
        await come.wait()
        await route.continue_()

    await page.route("**/people.js", late)
    await page.goto(program.lifecycle.said("admin.missing")[0]["open_once"], wait_until="commit")
    opened = page.url
    await page.get_by_label("Name").fill("ann")
    await page.locator("#password").fill(PASSWORD)
    await page.locator("#again").fill(PASSWORD)
    await page.locator("#again").press("Enter")
    assert page.url == opened
    come.set()
    await page.get_by_role("button", name="Go on").click()
    await expect(page).to_have_url(f"{program.origin}/account")
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    come.clear()
    await page.goto(f"{program.origin}/sign-in", wait_until="commit")
    await page.get_by_label("Name").fill("ann")
    await page.locator("#password").fill(PASSWORD)
    await page.locator("#password").press("Enter")
    assert page.url == f"{program.origin}/sign-in"
    come.set()
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page).to_have_url(f"{program.origin}/account")
