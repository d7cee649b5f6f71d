"""Attacks by what is asked for: numbers, nesting, conditions and subscriptions without measure."""

from collections.abc import AsyncIterator

import pytest

from mesh.connection import Connection
from mesh.settings import Settings
from schemas.widget import Ack, Hello, ServerError, Snap
from services.widgets.limits import SUBSCRIPTIONS
from tests.services.widgets.attacking import attacked
from tests.services.widgets.market import Market, rows_of_many
from tests.services.widgets.serving import Running, Visitor, visiting


pytestmark = pytest.mark.broker


@pytest.fixture
async def program(
    settings: Settings, connection: Connection, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Running]:
    """The program, with a market of 300 rows, and whole afterwards."""
    await Market(connection).show(*rows_of_many(300))
    async with attacked(settings, caplog) as made:
        yield made


@pytest.fixture
async def visitor(program: Running) -> AsyncIterator[Visitor]:
    """A client that was let in."""
    async with visiting(program) as made:
        await made.hear(Hello)
        yield made


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        '{"x":' * 10_000,
        '{"x":' + "[" * 30_000 + "]" * 30_000 + ',"action":"ping"}',
        '{"action":"ping","id":' + "[" * 30_000 + "]" * 30_000 + "}",
        '{"action":"sub","id":1,"feed":"row/*","view":' + '{"view":' * 5000 + "1" + "}" * 5001,
    ],
    ids=["open lists", "open objects", "passed over", "number", "view"],
)
async def test_deep_json_is_a_bad_frame(visitor: Visitor, text: str) -> None:
    """Point "schema-validate": nesting beyond the stack is refused like any other nonsense."""
    await visitor.connection.send(text)
    await visitor.hear(ServerError)

    assert await visitor.is_served()


@pytest.mark.parametrize(
    "frame",
    [
        '{"action":"ping","id":1e400}',
        '{"action":"ping","id":2147483648}',
        '{"action":"ping","id":%s}' % ("9" * 5000),
        '{"action":"sub","id":1,"feed":"row/*","view":{"hz":1e400}}',
        '{"action":"sub","id":1,"feed":"row/*","view":{"hz":-1}}',
        '{"action":"sub","id":1,"feed":"row/*","view":{"hz":NaN}}',
        '{"action":"sub","id":1,"feed":"row/*","view":{"top":99999999999999999999}}',
        '{"action":"sub","id":1,"feed":"row/*","view":{"top":0}}',
        '{"action":"sub","id":1,"feed":"row/*","view":{"window":[-1,5]}}',
        '{"action":"sub","id":1,"feed":"row/*","view":{"window":[5,5]}}',
        '{"action":"sub","id":1,"feed":"row/*","view":{"columns":[]}}',
        '{"action":"sub","id":1,"feed":"row/*","view":{"columns":["__class__"]}}',
        '{"action":"sub","id":1,"feed":"row/*","view":{"sort":"+__len__"}}',
        '{"action":"sub","id":1,"feed":"alert/>","view":{"columns":["last_usd"]}}',
        '{"action":"set","id":1,"view":{"top":1}}',
    ],
)
async def test_number_that_cannot_be_is_refused(visitor: Visitor, frame: str) -> None:
    """Point "schema-validate": numbers out of all bounds, and names that are no columns, change nothing."""
    await visitor.connection.send(frame)
    await visitor.hear(ServerError)

    assert await visitor.is_served()


@pytest.mark.parametrize(
    "view",
    [
        {"window": [0, 10**18]},
        {"window": [10**18, 10**18 + 1]},
        {"top": 5000, "columns": ["last_usd"] * 128},
        {"symbols": ["S0001"] * 1000},
        {"hz": 5e-324},
        {"hz": 1e-9},
        {"hz": 50},
    ],
)
async def test_number_at_the_edge_is_served(visitor: Visitor, view: dict[str, object]) -> None:
    """Point "schema-validate": what the schema lets through is served, and the largest costs what there is."""
    snap = await visitor.follow(1, "row/*", **view)
    assert await visitor.is_served()
    await visitor.say(action="sub", id=1, feed="row/*", epoch=snap.epoch, seq=1 << 63)

    assert not (await visitor.hear(Snap)).recovered


@pytest.mark.parametrize("seq", [-1, 0, 1 << 62, -(1 << 62)])
@pytest.mark.parametrize("feed", ["row/*", "alert/>"])
async def test_position_that_cannot_be_begins_anew(visitor: Visitor, feed: str, seq: int) -> None:
    """Point "schema-validate": to go on from where nobody can be is no way to more than a first frame."""
    first = await visitor.follow(1, feed)
    visitor.tables, visitor.sequences = {}, {}
    await visitor.say(action="sub", id=1, feed=feed, epoch=first.epoch, seq=seq)
    again = await visitor.next()

    assert getattr(again, "recovered", None) is (feed == "alert/>" and seq == 0)


@pytest.mark.parametrize(
    "where",
    [
        "(" * 1000,
        "-" * 999 + "1",
        "not " * 249 + "x",
        "(" * 400 + "last_usd > 1" + ")" * 400,
        " or ".join(["last_usd>1"] * 70),
        "last_usd > " + "9" * 900,
        "last_usd > 1e999999999",
        "symbol in (" + ",".join(["'A'"] * 240) + ")",
        "last_usd" + " ** 9" * 190,
        "__import__('os').system('true')",
        "last_usd.__class__",
        "symbol like '" + "%a" * 400 + "'",
        "symbol matches '(a+)+$'",
        "last_usd > 1\u0000",
    ],
)
async def test_condition_cannot_be_a_bomb(visitor: Visitor, where: str) -> None:
    """Conditions that nest, repeat, or are code are refused or served, and keep nobody waiting."""
    for number in range(10):
        await visitor.say(action="sub", id=number, feed="row/*", view={"where": where[:1000]})
    assert await visitor.is_served()

    assert not any(isinstance(frame, ServerError) and frame.id is None for frame in visitor.heard)


async def test_condition_that_is_too_long_is_refused(visitor: Visitor) -> None:
    """A condition has 1000 characters at most."""
    view = {"where": "last_usd > 1 " + " " * 1000}
    await visitor.say(action="sub", id=1, feed="row/*", view=view)
    await visitor.hear(ServerError)

    assert await visitor.is_served()


async def test_too_many_subscriptions_are_refused(visitor: Visitor) -> None:
    """One connection may have 64; another is refused, and a place that is given back can be used."""
    for number in range(SUBSCRIPTIONS):
        await visitor.follow(number, "row/*", columns=["last_usd"], top=number + 1)
    await visitor.say(action="sub", id=1000, feed="row/*")
    assert (await visitor.hear(ServerError)).id == 1000
    await visitor.say(action="unsub", id=0)
    assert await visitor.hear(Ack) == Ack("unsub", 0)

    assert isinstance(await visitor.follow(1000, "row/*"), Snap)
