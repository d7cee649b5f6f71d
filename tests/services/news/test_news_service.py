"""The whole program between real vendors and a real broker: who listens, who stands by, and what comes of it."""

import asyncio

import msgspec
import pytest

from mesh.changes import FINLIGHT, start_feed, stop_feed
from mesh.connection import Connection
from mesh.control import By, Control
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually
from services.news.service import serve
from tests.services.listener.programs import Told, running
from tests.services.news.newsroom import vendors
from tests.services.news.tape import finlight, stored, until_stored


pytestmark = [pytest.mark.broker, pytest.mark.slow]


def _listens(told: Told) -> bool:
    return "listener" in told.facts.get("roles", ())


async def test_one_listens_and_the_other_takes_over(
    settings: Settings, connection: Connection
) -> None:
    """Of two processes one is connected; when it stops, the other is, and no article is lost or doubled."""
    async with vendors() as room:
        chosen = room.settings(settings)
        async with running(serve, chosen) as one, running(serve, chosen) as other:
            await eventually(lambda: len(one.facts.get("roles", ())) == 1 and len(other.facts.get("roles", ())) == 1, timeout_s=20.0)  # fmt: skip
            await eventually(lambda: room.finlight.is_connected)
            assert _listens(one) != _listens(other)
            await room.finlight.publish(finlight(1))
            await until_stored(connection, 1)
            (one if _listens(one) else other).stopping.set()
            await eventually(lambda: room.finlight.connections == 2)
            await eventually(lambda: room.finlight.is_connected)
            await room.finlight.publish(finlight(2))
            found = await until_stored(connection, 2)

    assert [each.title for each in found] == ["Title 1", "Title 2"]


async def test_both_vendors_tell_of_an_article_and_it_is_one(
    settings: Settings, connection: Connection
) -> None:
    """What Massive lists of the morning comes as well; of what both have, one is published."""
    async with vendors() as room:
        chosen = msgspec.structs.replace(room.settings(settings), massive_news_s=1)
        async with running(serve, chosen), asyncio.TaskGroup() as tasks:
            await eventually(lambda: room.finlight.is_connected)
            sending = tasks.create_task(room.finlight.run())
            before = {each.link for each in room.newsroom.published}
            for _ in range(3):
                room.play(30)
                await eventually(lambda: room.newsroom.published[-1].due_ms > room.market.now_ms - 30_000)  # fmt: skip
            links = {each.link for each in room.newsroom.published}

            async def all_of_them() -> set[str | None]:
                return {each.link for each in await stored(connection)}

            await eventually(all_of_them, links.__le__, timeout_s=20.0)
            sending.cancel()
        found = await stored(connection)

    assert before
    assert {each.vendor for each in found} == {"finlight", "massive"}
    versions = [(each.id, each.revision) for each in found]
    assert len(versions) == len({*versions})
    assert len({each.id for each in found}) == len({each.link for each in found})


async def test_a_vendor_that_fails_is_asked_again(
    settings: Settings, connection: Connection
) -> None:
    """Limits, errors and halves of answers are waited out, and then the articles come."""
    async with vendors() as room:
        chosen = msgspec.structs.replace(room.settings(settings), massive_news_s=1, finlight_key="")
        room.faults.fail("/v2/reference/news", "malformed")
        async with running(serve, chosen) as told:
            await told.until("massive_news.unavailable")
            room.faults.fail("/v2/reference/news", "limit")
            await eventually(lambda: len(told.said("massive_news.unavailable")) >= 2, timeout_s=20.0)  # fmt: skip
            room.faults.mend()
            await until_stored(connection, 1)
            asked = room.faults.asked[-1]

    assert "sort=published_utc" in asked


async def test_articles_wait_while_the_broker_is_away(
    settings: Settings, connection: Connection, broker: RunningBroker
) -> None:
    """The vendors' connection goes on, and everything is published when the broker is back."""
    async with vendors() as room, running(serve, room.settings(settings)):
        await eventually(lambda: room.finlight.is_connected)
        await broker.kill()
        for number in range(20):
            await room.finlight.publish(finlight(number))
        await broker.start()
        await eventually(connection.connected.is_set)
        found = await until_stored(connection, 20)

    assert {each.title for each in found} == {f"Title {number}" for number in range(20)}
    assert len(found) == 20


async def test_feed_of_news_stops_and_starts(settings: Settings, connection: Connection) -> None:
    """A person stops the connection to Finlight: it ends at once, also for whoever takes over; started, it is back."""
    control = Control(connection)
    async with vendors() as room:
        chosen = room.settings(settings)
        async with running(serve, chosen) as told:
            await eventually(lambda: room.finlight.is_connected)
            await control.change(stop_feed(FINLIGHT), By("ann"))
            await eventually(lambda: not room.finlight.is_connected)
            await told.until("finlight.stopped")
        async with running(serve, chosen) as again:
            await again.until("finlight.stopped")
            connections = room.finlight.connections
            await control.change(start_feed(FINLIGHT), By("ann"))
            await eventually(lambda: room.finlight.is_connected)
            await room.finlight.publish(finlight(1))
            await until_stored(connection, 1)

    assert (connections, room.finlight.connections) == (1, 2)
