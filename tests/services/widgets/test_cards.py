"""Company, short sales, filings and splits on the page: what each shows of what the vendor says, and of its silence."""

import pytest
from playwright.async_api import Browser, Page, expect

from mesh.testing import eventually
from tests.services.widgets.answering import answering
from tests.services.widgets.companies import FOUR, SEC, Vendor
from tests.services.widgets.desks import OWN_CONNECTION, begin_with, widget
from tests.services.widgets.scripted import Script
from tests.services.widgets.test_page_accessible import AXE, FOUND


pytestmark = pytest.mark.slow

expect.set_options(timeout=15_000)

KINDS = ("company", "short", "filings", "splits")
SPRUNG = "<img src=x onerror=\"document.title = 'sprung'\">"


@pytest.fixture
async def vendor() -> Vendor:
    """The vendor."""
    return Vendor()


@pytest.fixture
async def complaints() -> list[str]:
    """Errors of the page, and what its policy did not allow."""
    return []


@pytest.fixture
async def page(browser: Browser, vendor: Vendor, complaints: list[str]) -> Page:
    """An empty page."""
    made = await browser.new_page(viewport={"width": 1600, "height": 900})
    made.on("console", lambda said: complaints.append(said.text) if "olicy" in said.text else None)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    await vendor.serve(made)
    return made


async def begin_with_four(page: Page, **settings: object) -> None:
    """The four beside each other, linked to nothing."""
    four = [widget(kind, n, None, **settings) for n, kind in enumerate(KINDS)]
    await begin_with(page, *(each | {"x": 6 * n, "w": 6} for n, each in enumerate(four)))


async def test_company_is_shown_with_its_logo(
    page: Page, script: Script, complaints: list[str]
) -> None:
    """Name, exchange, figures and description; the picture is fetched and drawn, and the policy of the page allows it."""
    await begin_with(page, widget("company", link=None, symbol="AAA"))
    await page.goto(script.url)
    async with answering(await script.line()):
        card = page.locator("mesh-company")
        await expect(card.locator("strong")).to_have_text("Able Corp")
        await expect(card).to_contain_text("Nasdaq · Common stock")
        await expect(card).to_contain_text("Ladders & steps", ignore_case=True)
        await expect(card.locator("dl")).to_contain_text("Market cap$84.0M")
        await expect(card.locator("dl")).to_contain_text("Float8.00M · 40%")
        await expect(card.locator("dl a")).to_have_attribute("href", "https://www.able.example/")
        await expect(card.locator(".about")).to_have_text("Makes ladders.")
        drawn = "image => image.src.startsWith('blob:') && image.decode().then(() => image.naturalWidth)"

        assert await card.locator("img").evaluate(drawn) == 90
        assert complaints == []


async def test_short_sales_are_shown(page: Page, script: Script) -> None:
    """What is sold short, of the float too, its change from settlement to settlement, and a bar for each day's short volume."""
    await begin_with(page, widget("short", link=None, symbol="AAA"))
    await page.goto(script.url)
    async with answering(await script.line()):
        short = page.locator("mesh-short")
        interest, volume = short.locator("section").first, short.locator("section").last
        await expect(interest.locator("dl")).to_contain_text("Sold short2.00M")
        await expect(interest.locator("dl")).to_contain_text("Of the float25.00%")
        await expect(interest.locator("tbody tr").first).to_contain_text("2025-12-31")
        await expect(interest.locator("tbody tr").first).to_contain_text("+25.00%")
        await expect(volume.locator("tbody tr").first).to_contain_text("50.00%")

        await expect(volume.get_by_role("img")).to_have_attribute(
            "aria-label", "Short part of the volume of 2 days, latest 50.00%"
        )
        path = await volume.locator("path").last.get_attribute("d")
        assert path == "M1.5 100v-25M4.5 100v-50"


async def test_filings_and_splits_are_shown(page: Page, script: Script) -> None:
    """Forms with how much they matter and links to the SEC; splits, those to come marked, and former symbols."""
    await begin_with_four(page, symbol="AAA")
    await page.goto(script.url)
    async with answering(await script.line()):
        form = page.locator("mesh-filings tbody tr")
        await expect(form.first).to_contain_text("8-K")
        await expect(form.first).to_contain_text("high")
        await expect(form.first.locator("a").first).to_have_attribute("href", f"{SEC}1-index.htm")
        await expect(form.nth(1).locator("a")).to_have_attribute("href", f"{SEC}2.txt")
        split = page.locator("mesh-splits section").first.locator("tbody tr")
        await expect(split.first).to_contain_text("1 for 20reverse split to come")
        await expect(split.nth(1)).to_contain_text("4 for 1split")

        await expect(split.nth(1)).not_to_contain_text("to come")
        await expect(page.locator("mesh-splits section").last).to_contain_text("ABLE")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "the vendor has nothing of AAA"),
        (502, "the vendor failed: it took too long"),
        (403, "your token does not let you see 'AAA'"),
    ],
)
async def test_silence_of_the_vendor_is_said_in_words(
    page: Page, script: Script, vendor: Vendor, status: int, message: str
) -> None:
    """In place of what is not there stands why; a failure is amber and can be tried again."""
    vendor.fail(status, message)
    await begin_with_four(page, symbol="AAA")
    await page.goto(script.url)
    async with answering(await script.line()):
        for tag in FOUR:
            await expect(page.locator(f"{tag} section").first).to_contain_text(message)
        vendor.fail(200, "")
        again = page.locator("mesh-company").get_by_role("button", name="Try again")
        if status == 404:
            await expect(again).to_have_count(0)
        else:
            await expect(page.locator('mesh-frame[data-tone="warn"]')).to_have_count(4)
            await again.click()
            await expect(page.locator("mesh-company strong")).to_have_text("Able Corp")


async def test_loading_is_shown_until_the_vendor_answers(
    page: Page, script: Script, vendor: Vendor
) -> None:
    """A place holder stands for what is asked; without a symbol a widget asks for one, and takes it as it is typed."""
    vendor.wait()
    await begin_with_four(page)
    await page.goto(script.url)
    async with answering(await script.line()):
        for tag in FOUR:
            await expect(page.locator(f"{tag} .empty")).to_contain_text("Choose a symbol")
            await page.locator(f"{tag} input").fill("brk.b")
            await page.locator(tag).get_by_role("button", name="Show").click()
            await expect(page.locator(f"{tag} .skeleton").first).to_be_visible()
        await eventually(lambda: len(vendor.asked) == 6)
        assert {path.partition("/")[2] for path in vendor.asked} == {"BRK.B"}
        vendor.go_on()

        await expect(page.locator(".skeleton")).to_have_count(0)
        await expect(page.locator("mesh-frame h2").first).to_have_text("Company · BRK.B")


async def test_what_comes_from_a_cache_says_how_old_it_is(
    page: Page, script: Script, vendor: Vendor
) -> None:
    """An older answer is shown with its age, and one that should have been replaced by now in amber."""
    vendor.age_ms = 5 * 3_600_000
    await begin_with_four(page, symbol="AAA")
    await page.goto(script.url)
    async with answering(await script.line()):
        for tag in FOUR:
            await expect(page.locator(f"{tag} .age").first).to_have_text("from cache, 5 h old")
        await expect(page.locator("[data-old]")).to_have_count(0)
        vendor.age_ms = 50 * 3_600_000
        await page.reload()
        async with answering(await script.line()):
            await expect(page.locator("mesh-company [data-old]")).to_have_text(
                "from cache, 50 h old"
            )


async def test_answer_stays_while_the_vendor_fails(
    page: Page, script: Script, vendor: Vendor
) -> None:
    """What is too old is asked for again; if that fails the old one stays, with why there is no newer one."""
    await page.clock.install(time=0)
    await page.clock.pause_at(1_000)
    await begin_with(page, widget("company", link=None, symbol="AAA"))
    await page.goto(script.url)
    async with answering(await script.line()):
        await page.clock.run_for(1_000)
        await expect(page.locator("mesh-company strong")).to_have_text("Able Corp")
        vendor.fail(502, "the vendor failed: it took too long")
        await page.clock.run_for(301_000)
        await eventually(lambda: vendor.asked.count("company/AAA") == 2)

        await expect(page.locator("mesh-company .age")).to_contain_text(
            "the vendor failed: it took too long"
        )
        await expect(page.locator("mesh-company strong")).to_have_text("Able Corp")
        await page.clock.run_for(1_000)
        await expect(page.locator("mesh-frame")).to_have_attribute("data-tone", "warn")


async def test_link_colours_move_all_and_ask_for_nothing_on_the_way(
    page: Page, script: Script, vendor: Vendor
) -> None:
    """Who walks over three symbols at once asks the vendor about the last alone, in every widget of the colour."""
    await page.clock.install(time=0)
    await page.clock.pause_at(1_000)
    linked = [widget("board", 0, board="gainers"), *(widget(kind, 1) for kind in KINDS)]
    await begin_with(page, *linked, script=OWN_CONNECTION)
    await page.goto(script.url)
    async with answering(await script.line()):
        await page.clock.run_for(1_000)
        await expect(page.locator("mesh-company .empty")).to_be_visible()
        for symbol in ("AAA", "CCC", "BBB"):
            await page.locator("mesh-board").evaluate(
                "(board, symbol) => board.dispatchEvent(new CustomEvent('mesh-choose', { detail: symbol }))",
                symbol,
            )
            for tag in FOUR:
                await expect(page.locator(tag)).to_have_attribute("symbol", symbol)
            await expect(page.get_by_role("heading", name=f"Splits · {symbol}")).to_be_visible()
        await page.clock.run_for(1_000)
        await expect(page.locator("mesh-company strong")).to_have_text("Able Corp")
        await eventually(lambda: len([path for path in vendor.asked if "logo" not in path]) == 6)

        assert {path.split("/")[1] for path in vendor.asked if "logo" not in path} == {"BBB"}


async def test_hostile_text_stays_text(
    page: Page, script: Script, vendor: Vendor, complaints: list[str]
) -> None:
    """Markup in what the vendor says is shown as it is, and no link leads anywhere but to the web."""
    for what in vendor.answers.values():
        for row in what.get("rows", [what]):
            row.update({name: SPRUNG for name, value in row.items() if isinstance(value, str)})
    vendor.answers["company"] = {
        **vendor.answers["company"], "logo": None, "homepage_url": "javascript:document.title='sprung'",
    }  # fmt: skip
    forms = vendor.answers["filings"]["rows"]
    forms[0] |= {"index_url": "javascript:document.title='sprung'", "text_url": "http://www.sec.gov/x", "impact": SPRUNG}  # fmt: skip
    await begin_with_four(page, symbol="AAA")
    await page.goto(script.url)
    async with answering(await script.line()):
        await expect(page.locator("mesh-company strong")).to_have_text(SPRUNG)
        for tag in FOUR[1:]:
            await expect(page.locator(tag)).to_contain_text(SPRUNG)

        await expect(page.locator("mesh-frame a")).to_have_count(0)
        await expect(page.locator("mesh-frame img")).to_have_count(0)
        await expect(page).to_have_title("tickmesh")
        assert complaints == []


async def test_quote_has_them_as_parts(page: Page, script: Script, vendor: Vendor) -> None:
    """A quote shows one of them below the price, keeps which over a reload, and asks for no other."""
    await begin_with(page, widget("quote", link=None, symbol="AAA"))
    await page.goto(script.url)
    async with answering(await script.line()):
        await expect(page.locator("mesh-quote .last")).to_have_text("4.20")
        assert vendor.asked == []
        await page.get_by_role("button", name="Filings", exact=True).click()
        await expect(page.locator("mesh-quote mesh-filings tbody tr")).to_have_count(2)
    await page.reload()
    async with answering(await script.line()):
        await expect(page.locator("mesh-quote .last")).to_have_text("4.20")
        await expect(page.locator("mesh-quote mesh-filings tbody tr")).to_have_count(2)

    assert {path.partition("/")[0] for path in vendor.asked} == {"filings"}


async def test_settings_leave_parts_out(page: Page, script: Script) -> None:
    """Each widget shows less on request, and keeps to it."""
    await begin_with_four(page, symbol="AAA")
    await page.goto(script.url)
    left_out = {
        "mesh-company": ("What the company does", ".about"),
        "mesh-short": ("Short volume", "svg"),
        "mesh-filings": ("Only forms that may move the price", "tbody tr:nth-child(2)"),
        "mesh-splits": ("Symbols", "section:nth-of-type(2)"),
    }
    async with answering(await script.line()):
        for tag, (title, part) in left_out.items():
            await expect(page.locator(f"{tag} {part}")).to_have_count(1)
            frame = page.locator("mesh-frame").filter(has=page.locator(tag))
            await frame.locator("[data-do=set-up]").click()
            await frame.get_by_label(title, exact=True).click()
            await frame.get_by_role("button", name="Done").click()
            await expect(page.locator(f"{tag} section").first).to_be_visible()

            await expect(page.locator(f"{tag} {part}")).to_have_count(0)


async def test_card_stands_alone(page: Page, script: Script) -> None:
    """An element with nothing but a symbol shows it, without a frame around it; with another symbol it shows that."""
    await begin_with(page, widget("clock"))
    await page.goto(script.url)
    async with answering(await script.line()):
        await expect(page.locator("mesh-frame")).to_have_count(1)
        await page.locator("#toast").evaluate(
            "toast => toast.insertAdjacentHTML('afterend', '<mesh-splits symbol=AAA></mesh-splits>')"
        )
        alone = page.locator("mesh-splits")
        await expect(alone.locator("tbody tr")).to_have_count(4)
        await alone.evaluate("alone => alone.setAttribute('symbol', 'BBB')")

        await expect(alone.get_by_role("group")).to_have_attribute("aria-label", "Splits · BBB")
        await expect(alone.locator("tbody tr")).to_have_count(4)


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_cards_have_no_violation(page: Page, script: Script, theme: str) -> None:
    """All four as axe sees them, filled and as forms, in both grounds."""
    await begin_with_four(page, symbol="AAA")
    await page.goto(script.url)
    async with answering(await script.line()):
        for tag in FOUR:
            await expect(page.locator(f"{tag} :is(dl, table)").last).to_be_visible()
        await expect(page.locator(".skeleton")).to_have_count(0)
        await page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        await page.evaluate(AXE.read_text())

        assert await page.evaluate(FOUND) == []
        for button in await page.locator("[data-do=set-up]").all():
            await button.click()
        await expect(page.locator("form.settings")).to_have_count(4)
        assert await page.evaluate(FOUND) == []
