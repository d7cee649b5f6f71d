"""The page's module for protocol 1 in a real browser, against a service by script."""

import pytest
from msgspec import Raw
from playwright.async_api import Page

from mesh.testing import eventually
from schemas.widget import (
    Ack,
    Event,
    Lag,
    ServerError,
    Set,
    Subscribe,
    Unsubscribe,
    View,
)
from tests.services.widgets.browsing import FEED, connected, until, wait_ms
from tests.services.widgets.histories import History, checksum
from tests.services.widgets.scripted import Line, Script


pytestmark = pytest.mark.slow

TABLE = """(number) => {
    const { state } = subs[number];
    return state && [state.epoch, state.seq, state.crc()];
}"""


@pytest.fixture
async def page(still_page: Page) -> Page:
    """The page with the module."""
    return still_page


@pytest.fixture
async def line(page: Page, script: Script) -> Line:
    """The first connection of a page that has the module and nothing else, greeted."""
    made = await connected(page, script)
    await made.greet(FEED, "alert/*/*")
    await until(page, "client.phase === 'open'")
    return made


async def shows(page: Page, history: History, number: int = 0) -> None:
    """Wait until a subscription of the page has the table of *history*, by position and checksum."""
    wanted = [*history.position(), checksum(history.rows)]
    await eventually(lambda: page.evaluate(TABLE, number), lambda found: found == wanted)


async def following(page: Page, line: Line, history: History) -> Subscribe:
    """Have the page follow the table of *history*, and wait until it has it."""
    await page.evaluate("follow", FEED)
    asked = await line.hear(Subscribe)
    await line.say(history.snap())
    await shows(page, history)
    return asked


async def test_client_follows_many_tables_over_one_connection(page: Page, line: Line) -> None:
    """Twenty views of a feed are twenty subscriptions, and each arrives where its random history ends."""
    histories: list[History] = []
    for number in range(20):
        await page.evaluate("top => follow('board/gainers', { top })", number + 1)
        asked = await line.hear(Subscribe)
        assert (asked.feed, asked.view, asked.epoch) == (FEED, View(top=number + 1), None)
        histories.append(History(number, asked.id))
        await line.say(histories[-1].snap())
    for _ in range(20):
        await line.say(*(history.delta() for history in histories))

    for number, history in enumerate(histories):
        await shows(page, history, number)
    assert line.is_quiet
    assert await page.evaluate("client.diverged") == 0


async def test_equal_views_share_a_subscription(page: Page, line: Line) -> None:
    """Whoever wants the same gets the same state; it is given back with the last one."""
    await page.evaluate("follow('board/gainers', { top: 5, sort: null, hz: 2 })")
    asked = await line.hear(Subscribe)
    await page.evaluate("follow('board/gainers', { hz: 2, top: 5 })")
    history = History(1, asked.id)
    await line.say(history.snap())
    for number in (0, 1):
        await shows(page, history, number)
    assert await page.evaluate("updates") == 2

    await page.evaluate("client.unsubscribe(subs[0])")
    await line.say(history.delta())
    await shows(page, history, 1)
    assert await page.evaluate("updates") == 3
    await page.evaluate("client.unsubscribe(subs[1])")
    assert (await line.hear(Unsubscribe)).id == asked.id


async def test_lost_delta_is_asked_for_again(page: Page, line: Line) -> None:
    """A delta that does not follow makes the client begin anew, once, under the same number."""
    history = History(2)
    asked = await following(page, line, history)
    history.delta()
    await line.say(history.delta(), history.delta())

    assert await line.hear(Subscribe) == Subscribe(asked.id, FEED)
    await line.say(history.snap(), history.delta())
    await shows(page, history)
    assert line.is_quiet


async def test_wrong_checksum_is_asked_for_again(page: Page, line: Line) -> None:
    """A table that is not the service's is begun anew; one that is wrong even so is kept, not asked for for ever."""
    history = History(3)
    asked = await following(page, line, history)
    await line.say(history.delta(crc=1))
    assert await line.hear(Subscribe) == Subscribe(asked.id, FEED)
    await line.say(history.snap())
    await shows(page, history)
    await line.say(history.snap(crc=1))
    assert await line.hear(Subscribe) == Subscribe(asked.id, FEED)
    await line.say(history.snap(crc=1), history.delta(crc=None))

    await shows(page, history)
    assert await page.evaluate("client.diverged") >= 3


@pytest.mark.parametrize("code", [1001, 1006])
async def test_client_goes_on_where_it_was(
    page: Page, script: Script, line: Line, code: int
) -> None:
    """After a connection is lost the client asks from its position on; a delta goes on, a snap begins anew."""
    history = History(4)
    asked = await following(page, line, history)
    await line.close(1011 if code == 1006 else code)
    assert await wait_ms(page) <= 1000
    await page.clock.fast_forward(1000)
    second = await script.line()
    await second.greet(FEED)

    assert await second.hear(Subscribe) == Subscribe(asked.id, FEED, View(), *history.position())
    await second.say(history.delta())
    await shows(page, history)
    assert await page.evaluate("client.recoveries") == 1

    await second.close(code if code == 1001 else 1012)
    await page.clock.fast_forward(1000)
    third = await script.line()
    await third.greet(FEED)
    assert (await third.hear(Subscribe)).seq == history.seq
    history = History(5)
    await third.say(history.snap(recovered=False))
    await shows(page, history)
    assert await page.evaluate("client.recoveries") == 1


async def test_events_are_never_left_out(page: Page, script: Script, line: Line) -> None:
    """A gap in a sequence is asked for from the last position on, what is on its way is skipped, and nothing is missing."""

    def event(after: int, *values: bytes, recovered: bool | None = None) -> Event:
        raw = [Raw(value) for value in values]
        return Event(1, "alert/high/AAPL", "e", after, after + len(raw), raw, recovered)

    await page.evaluate("follow('alert/high/AAPL')")
    await line.hear(Subscribe)
    await line.say(event(0), event(0, b"1"), event(1, b"2", b"3"), event(4, b"5"), event(5, b"6"))
    assert await line.hear(Subscribe) == Subscribe(1, "alert/high/AAPL", View(), "e", 3)
    await line.say(event(3, b"4", b"5", b"6", recovered=True))
    await until(page, "subs[0].state.seq === 6")
    await line.close(1001)
    await page.clock.fast_forward(1000)
    second = await script.line()
    await second.greet("alert/*/*")

    assert await second.hear(Subscribe) == Subscribe(1, "alert/high/AAPL", View(), "e", 6)
    await second.say(event(6, recovered=True), event(6, b"7"))
    await until(page, "subs[0].state.seq === 7")
    assert await page.evaluate("subs[0].state.values") == [1, 2, 3, 4, 5, 6, 7]
    assert await page.evaluate("client.recoveries") == 2
    assert line.is_quiet


async def test_views_change_in_place(page: Page, line: Line) -> None:
    """A view says only what is different; of two that shared one, the other stays as it is."""
    await page.evaluate("follow('board/gainers', { top: 5, hz: 2 })")
    await line.hear(Subscribe)
    await page.evaluate("client.setView(subs[0], { top: 9, hz: null, columns: ['last_usd'] })")
    assert await line.hear(Set) == Set(1, View(top=9, hz=None, columns=["last_usd"]))
    await line.say(Ack("set", 1))

    await page.evaluate("follow('board/gainers', { columns: ['last_usd'], top: 9 })")
    await page.evaluate("client.setView(subs[0], { where: 'last_usd > (' })")
    asked = await line.hear(Subscribe)
    assert asked == Subscribe(2, FEED, View(columns=["last_usd"], top=9, where="last_usd > ("))
    await line.say(ServerError("not an expression", 2, 12))
    await until(page, "subs[0].error !== null")
    assert await page.evaluate("subs[0].error") == {"message": "not an expression", "place": 12}
    await page.evaluate("client.setView(subs[0], { where: 'last_usd > 1' })")
    assert (await line.hear(Subscribe)).view.where == "last_usd > 1"
    assert await page.evaluate("subs[1].view") == {"top": 9, "columns": ["last_usd"]}


async def test_refused_change_leaves_the_view_as_it_was(page: Page, line: Line) -> None:
    """A `set` that is refused is said, and changes neither the view nor the table."""
    history = History(6)
    await following(page, line, history)
    await page.evaluate("client.setView(subs[0], { where: '?' })")
    await line.hear(Set)
    await line.say(ServerError("what?", 1, 0), Lag(1, 0.5, 900))
    await until(page, "subs[0].lagHz === 0.5")

    assert await page.evaluate("[subs[0].view, subs[0].error.message]") == [{}, "what?"]
    await line.say(Lag(1, None, 0), history.delta())
    await shows(page, history)
    assert await page.evaluate("[subs[0].lagHz, subs[0].error]") == [None, None]
    await page.evaluate("client.setView(subs[0], { hz: 3 })")
    assert await line.hear(Set) == Set(1, View(hz=3.0))
