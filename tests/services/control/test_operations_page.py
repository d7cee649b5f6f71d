"""The operations page in a browser: real programs, a real broker, and each state that it can be in."""

import re
import shutil
import subprocess
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Route, expect

from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import RunningBroker
from schemas.account import Role
from services.control.audit import Audit
from services.control.operations_page import WEB
from services.listener.service import serve as listen
from services.processors.service import serve as own_partitions
from services.widgets.service import serve as serve_widgets
from tests.services.control.operating import Operating, operating
from tests.services.listener.programs import running
from tests.services.widgets.serving import on_free_port
from tests.services.widgets.test_page_accessible import AXE, FOUND


pytestmark = [pytest.mark.broker, pytest.mark.slow]

PATIENCE_MS = 60_000
PARTITIONS = 4


@pytest.fixture
def whole(settings: Settings) -> Settings:
    """Settings of a mesh whose feed nobody serves."""
    return on_free_port(settings, canary_s=1, partitions=PARTITIONS, feed="127.0.0.1:9", api_key="k")  # fmt: skip


@pytest.fixture
async def control(whole: Settings, connection: Connection) -> AsyncIterator[Operating]:
    """A control plane beside processors and a Widget Data Service."""
    del connection  # it has seen to the streams
    async with (
        running(own_partitions, whole),
        running(serve_widgets, whole),
        operating(whole) as made,
    ):
        yield made


@pytest.fixture
async def page(browser: Browser) -> Page:
    """An empty page that fails a test with any error of its own."""
    made = await browser.new_page(viewport={"width": 1440, "height": 1000}, color_scheme="dark")
    made.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    made.on("pageerror", lambda error: pytest.fail(str(error)))
    return made


async def test_page_shows_the_mesh_as_it_is(page: Page, control: Operating) -> None:
    """Programs and who is missing, each partition with its owner, streams, clients, and a canary that arrives."""
    await page.goto(control.page)

    await expect(page.locator("#canary .state")).to_have_text("arrives")
    await expect(page.locator("#canary .legs .took")).to_have_text([re.compile(r"\d m?s")] * 4)
    await expect(page.locator("#partitions .strip li.owner-0")).to_have_count(PARTITIONS)
    programs = page.locator("#programs tbody tr")
    await expect(programs.filter(has_text="processors")).to_contain_text("ready")
    await expect(programs.filter(has_text="boards")).to_contain_text("missing")
    await expect(page.locator("#streams tbody").first).to_contain_text("TAPE_TRADES")
    await expect(page.locator("#clients .big")).to_have_text("1")
    await expect(page.locator("#verdict")).to_contain_text("need somebody")
    await expect(page.locator("#problems")).to_contain_text("no boards answers")
    await expect(page.locator("#who")).to_have_text("ann · admin")


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_page_has_no_violation(page: Page, control: Operating, theme: str) -> None:
    """Everything that can be seen, with data, a dialog open and closed, on both grounds."""
    await page.goto(control.page)
    await expect(page.locator("#canary .state")).to_have_text("arrives")
    if theme == "light":
        await page.locator("#theme").click()
    for summary in await page.locator("summary").all():
        await summary.click()
    await page.evaluate(AXE.read_text())

    assert await page.evaluate(FOUND) == []


async def test_feed_is_stopped_after_a_question_and_started_without(
    page: Page, control: Operating, whole: Settings
) -> None:
    """Stop asks first and can be left; what was done is wanted, shown with who did it, and in the audit."""
    async with running(listen, whole):
        await page.goto(control.page)
        stop = page.get_by_role("button", name="Stop Massive", exact=True)
        await expect(stop).to_be_enabled()
        await stop.click()
        await expect(page.get_by_role("dialog")).to_contain_text("No new data reaches anybody")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        assert await Audit(control.connection).read(9) == []

        await stop.click()
        await page.get_by_role("button", name="Stop it").click()
        await expect(page.locator("#feeds")).to_contain_text("stopped by ann")
        await expect(page.locator("#audit tbody tr").first).to_contain_text("feed.stop")

        await page.get_by_role("button", name="Start Massive", exact=True).click()
        await expect(stop).to_be_enabled()

    actions = [each.action for each in await Audit(control.connection).read(9)]
    assert actions == ["feed.start", "feed.stop"]


async def test_change_of_somebody_else_in_between_is_said(
    page: Page, control: Operating, whole: Settings
) -> None:
    """Whoever acts on what is no longer so is told what is, and nothing is changed."""
    async with running(listen, whole):
        await page.goto(control.page)
        restart = page.get_by_role("button", name="Restart Massive")
        await expect(restart).to_be_enabled()
        await page.evaluate(
            """document.addEventListener("click", (event) => {
                const button = event.target.closest("[data-act]");
                if (button) button.dataset.revision = "7";
            }, { capture: true })"""
        )
        await restart.click()
        await page.get_by_role("button", name="Restart it").click()

        await expect(page.locator("#done")).to_contain_text("since")
    assert [each.outcome.partition(":")[0] for each in await Audit(control.connection).read(9)] == ["refused"]  # fmt: skip


async def test_viewer_sees_no_buttons_and_no_audit(page: Page, control: Operating) -> None:
    """What somebody may not do is not offered."""
    control.role = Role.VIEWER
    await page.goto(control.page)

    await expect(page.locator("#partitions .strip li")).to_have_count(PARTITIONS)
    await expect(page.locator("button[data-act]")).to_have_count(0)
    await expect(page.locator("#audit")).to_be_hidden()


async def test_nobody_is_asked_to_sign_in(page: Page, control: Operating) -> None:
    """The page itself holds nothing; once somebody is signed in it goes on."""
    control.role = None
    await page.goto(control.page)
    await expect(page.get_by_role("link", name="Sign in")).to_have_attribute("href", re.compile("^/sign-in"))  # fmt: skip
    await expect(page.locator("#programs table")).to_have_count(0)

    control.role = Role.OPERATOR
    await expect(page.locator("#programs table")).to_be_visible()


async def test_page_is_honest_about_what_is_old(page: Page, control: Operating) -> None:
    """While the control plane does not answer, the page says since when, and what it shows is faded; then it goes on."""
    await page.goto(control.page)
    await expect(page.locator("#programs table")).to_be_visible()

    async def refuse(route: Route) -> None:
        await route.abort()

    await page.route("**/v1/operations", refuse)
    await expect(page.locator("#stale")).to_contain_text("does not answer since")
    await expect(page.locator("#verdict")).to_have_text("Not known")
    await expect(page.locator("body")).to_have_attribute("data-stale", "")
    await expect(page.locator("#programs table")).to_be_visible()

    await page.unroute("**/v1/operations")
    await expect(page.locator("#stale")).to_be_hidden()
    await expect(page.locator("body")).not_to_have_attribute("data-stale", "")


async def test_broker_that_is_away_is_said(
    page: Page, control: Operating, broker: RunningBroker
) -> None:
    """What was found last stays, faded, under a sentence that says why it is not newer."""
    await page.goto(control.page)
    await expect(page.locator("#partitions .strip li.owner-0")).to_have_count(PARTITIONS)
    await broker.stop()

    await expect(page.locator("#problems")).to_contain_text("the broker does not answer since")
    await expect(page.locator("#asof")).to_contain_text("broker is away")
    await expect(page.locator("body")).to_have_attribute("data-stale", "")
    await expect(page.locator("#partitions .strip li")).to_have_count(PARTITIONS)
    await broker.start()
    await expect(page.locator("body")).not_to_have_attribute("data-stale", "")


async def test_page_can_be_used_with_the_keyboard(page: Page, control: Operating) -> None:
    """What has the focus keeps it while everything around it is renewed."""
    await page.goto(control.page)
    await expect(page.locator("#partitions .strip li")).to_have_count(PARTITIONS)
    summary = page.locator("#partitions summary")
    await summary.focus()
    await page.keyboard.press("Enter")
    before = await page.locator("#asof").text_content()
    await expect(page.locator("#asof")).not_to_have_text(before or "")

    await expect(page.locator("#partitions details")).to_have_attribute("open", "")
    await expect(summary).to_be_focused()


def test_scripts_of_the_page_are_typed() -> None:
    """TypeScript finds nothing in them."""
    tsc = AXE.parents[1] / ".bin" / "tsc"
    if not tsc.exists() or shutil.which("node") is None:
        pytest.skip("TypeScript is not installed: services/widgets/web/build.py does that")
    how = "--ignoreConfig --noEmit --allowJs --checkJs --strict --noUncheckedIndexedAccess --target es2023 --lib es2023,dom,dom.iterable --module preserve --moduleResolution bundler"  # fmt: skip
    found = subprocess.run([str(tsc), *how.split(), *map(str, sorted(WEB.glob("*.js")))], capture_output=True, text=True, check=False)  # noqa: S603  # fmt: skip

    assert found.stdout == ""
