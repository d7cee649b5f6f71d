"""When the page's module connects, with what, and when it does not: in a real browser, against a service by script."""

import pytest
from playwright.async_api import Page

from mesh import clock
from schemas.widget import (
    CLOSE_CODES,
    EXPIRED,
    TOO_SLOW,
    UNAUTHENTICATED,
    Ack,
    Auth,
    Bye,
    Close,
    Event,
    Ping,
    ServerError,
    Set,
    Subscribe,
    Unsubscribe,
    View,
)
from tests.services.widgets.browsing import FEED, connected, until, wait_ms
from tests.services.widgets.histories import History
from tests.services.widgets.scripted import Script


pytestmark = pytest.mark.slow

NEVER = [close for close in CLOSE_CODES if close.again == "never"]
MINUTE_MS = 60_000
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
async def page(still_page: Page) -> Page:
    """The page with the module."""
    return still_page


async def test_close_codes_are_those_of_the_protocol(page: Page, script: Script) -> None:
    """The module has every code of the table, and does what it says."""
    await page.goto(f"{script.url}blank")
    found = await page.evaluate("async () => (await import('/mesh-client.js')).CLOSE_CODES")

    assert {int(code): row["again"] for code, row in found.items()} == {
        close.code: close.again for close in CLOSE_CODES
    }


@pytest.mark.parametrize("close", NEVER, ids=lambda close: close.name)
async def test_never_is_not_followed_by_a_connection(
    page: Page, script: Script, close: Close
) -> None:
    """A client that was sent away says why, and stays away."""
    line = await connected(page, script)
    await line.greet()
    await line.close(close.code)
    await until(page, "client.phase === 'refused'")
    await page.clock.fast_forward(60 * MINUTE_MS)

    assert await page.evaluate("client.phase") == "refused"
    assert await page.evaluate("client.reason") != ""
    assert script.is_quiet


async def test_service_says_when_to_come_back(page: Page, script: Script) -> None:
    """`bye` names the time, or none: then the client does not come back, whatever the code."""
    line = await connected(page, script)
    await line.greet()
    await line.say(Bye(1001, "drains", 7_000))
    await line.close(1001)
    assert 5_000 < await wait_ms(page) <= 7_000
    await page.clock.fast_forward(7_000)
    line = await script.line()
    await line.say(Bye(1001, "closed for today", None))
    await line.close(1001)

    await until(page, "client.phase === 'refused'")
    assert await page.evaluate("client.reason") == "closed for today"


async def test_delays_grow(page: Page, script: Script) -> None:
    """`later` is half a minute, a minute and so on; a service that does not answer is asked less and less."""
    line = await connected(page, script)
    for least_ms in (30_000, 60_000, 120_000):
        await line.greet()
        await line.close(TOO_SLOW.code)
        assert least_ms - 2_000 < await wait_ms(page) <= 1.5 * least_ms
        await page.clock.fast_forward(2 * least_ms)
        line = await script.line()
    delays = await page.evaluate(
        """async () => {
            const { Patience } = await import("/mesh-client.js");
            const patience = new Patience();
            const most = Array.from({ length: 8 }, () => patience.delayMs(1006, null, 0));
            patience.accepted();
            return [...most, patience.delayMs(1006, null, 0)];
        }"""
    )

    most_ms = [1, 2, 4, 8, 15, 15, 15, 15, 1]
    assert all(0 <= delay <= most * 1_000 for delay, most in zip(delays, most_ms, strict=True))


async def test_token_of_the_page_is_the_first_frame(page: Page, script: Script) -> None:
    """The token is in no address but in the first frame; an expired one is replaced by that of a fresh page."""
    script.give_token("first")
    line = await connected(page, script)
    assert await line.hear(Auth) == Auth("first")
    await line.greet(FEED, user="me", expires_ms=int(clock.now_ms()) + MINUTE_MS)
    await page.evaluate("follow", FEED)
    await line.hear(Subscribe)
    script.give_token("second")
    await page.clock.fast_forward(MINUTE_MS)
    await line.close(EXPIRED.code)
    await page.clock.fast_forward(1_000)

    line = await script.line()
    assert await line.hear(Auth) == Auth("second")
    await line.greet(FEED, user="me", expires_ms=int(clock.now_ms()) + 10 * MINUTE_MS)
    await line.hear(Subscribe)
    await line.close(1001)
    script.give_token("third")
    await page.clock.fast_forward(1_000)
    assert await (await script.line()).hear(Auth) == Auth("second")


async def test_token_is_renewed_over_the_same_connection(page: Page, script: Script) -> None:
    """Before its end the page says another on the connection that it has, and what it follows goes on."""
    script.give_token("first")
    line = await connected(page, script)
    assert await line.hear(Auth) == Auth("first")
    await line.greet(FEED, user="me", expires_ms=int(clock.now_ms()) + 10 * MINUTE_MS)
    await page.evaluate("follow", FEED)
    await line.hear(Subscribe)
    script.give_token("second")
    await page.clock.fast_forward(9 * MINUTE_MS)

    assert await line.hear(Auth) == Auth("second")
    await line.greet(FEED, user="me", expires_ms=int(clock.now_ms()) + 30 * MINUTE_MS)
    script.give_token("third")
    await page.clock.fast_forward(25 * MINUTE_MS)
    assert await line.hear(Auth) == Auth("third")


async def test_token_that_ends_early_is_replaced(page: Page, script: Script) -> None:
    """When what the user may see has changed, the page comes back with a token that says so."""
    script.give_token("first")
    line = await connected(page, script)
    assert await line.hear(Auth) == Auth("first")
    await line.greet(FEED, user="me", expires_ms=int(clock.now_ms()) + 10 * MINUTE_MS)
    await until(page, "client.phase === 'open'")
    script.give_token("second")
    await line.say(Bye(EXPIRED.code, EXPIRED.meaning, 100))
    await line.close(EXPIRED.code)
    await wait_ms(page)
    await page.clock.fast_forward(2_000)

    assert await (await script.line()).hear(Auth) == Auth("second")


async def test_unknown_token_is_replaced_once(page: Page, script: Script) -> None:
    """A service that has started again may not know the page's token; the page that it serves has one it knows."""
    script.give_token("old")
    line = await connected(page, script)
    assert await line.hear(Auth) == Auth("old")
    script.give_token("new")
    await line.say(Bye(UNAUTHENTICATED.code, "who are you?", None))
    await line.close(UNAUTHENTICATED.code)
    await wait_ms(page)
    await page.clock.fast_forward(1_000)
    line = await script.line()
    assert await line.hear(Auth) == Auth("new")
    await line.say(Bye(UNAUTHENTICATED.code, "and you?", None))
    await line.close(UNAUTHENTICATED.code)

    await until(page, "client.phase === 'refused'")
    assert await page.evaluate("client.reason") == "and you?"


async def test_hidden_page_is_given_less(page: Page, script: Script) -> None:
    """After half a minute out of sight one update a second of a table is enough; seen again, all is as it was."""
    line = await connected(page, script)
    await line.greet(FEED, "alert/*/*", "board/volume")
    for feed, hz in ((FEED, 4), ("board/volume", 0.5), ("board/volume", None)):
        await page.evaluate("([feed, hz]) => follow(feed, { hz })", [feed, hz])
        number = (await line.hear(Subscribe)).id
        await line.say(History(1, number).snap())
        await until(page, f"subs[{number - 1}].state")
    await page.evaluate("follow('alert/high/AAPL')")
    await line.hear(Subscribe)
    await line.say(Event(4, "alert/high/AAPL", "e", 0, 0, []))
    await page.evaluate(HIDE, True)
    await page.clock.fast_forward(30_000)
    assert await line.hear(Set) == Set(1, View(hz=1.0))
    assert await line.hear(Set) == Set(3, View(hz=1.0))
    await page.evaluate("follow('board/gainers')")
    assert await line.hear(Subscribe) == Subscribe(5, FEED)
    await line.say(History(1, 5).snap())
    assert await line.hear(Set) == Set(5, View(hz=1.0))

    await page.evaluate(HIDE, False)
    assert [await line.hear(Set) for _ in range(3)] == [
        Set(1, View(hz=4.0)), Set(3, View(hz=None)), Set(5, View(hz=None)),
    ]  # fmt: skip
    await page.evaluate(HIDE, True)
    await page.evaluate(HIDE, False)
    await page.clock.fast_forward(30_000)
    await page.evaluate("client.unsubscribe(subs[0])")
    assert await line.hear(Unsubscribe) == Unsubscribe(1)


async def test_dead_connection_is_left(page: Page, script: Script) -> None:
    """A service that says nothing is asked for a sign of life; one that gives none counts as gone."""
    line = await connected(page, script)
    await line.greet()
    await until(page, "client.phase === 'open'")
    await page.clock.run_for(40_000)
    await line.hear(Ping)
    await line.say(Ack("ping"))
    await page.evaluate("client.addEventListener('status', () => updates++)")
    await line.greet()
    await until(page, "updates === 1")
    await page.clock.run_for(40_000)
    await line.hear(Ping)
    assert await page.evaluate("client.phase") == "open"
    await page.clock.run_for(20_000)

    assert await page.evaluate("client.phase") != "open"
    await page.clock.run_for(1_000)
    await script.line()


async def test_feed_that_is_not_there_yet_is_asked_for_later(page: Page, script: Script) -> None:
    """What is not offered is not asked for; what was refused is asked for when the feeds change."""
    line = await connected(page, script)
    await line.greet("row/*")
    await page.evaluate("follow", FEED)
    await page.evaluate("follow", "row/BRK.B")
    assert await line.hear(Subscribe) == Subscribe(2, "row/BRK.B")
    await line.say(ServerError("there is no such symbol", 2))
    await until(page, "subs[1].error !== null")
    await line.greet(FEED, "row/*")

    assert await line.hear(Subscribe) == Subscribe(1, FEED)
    assert await line.hear(Subscribe) == Subscribe(2, "row/BRK.B")
