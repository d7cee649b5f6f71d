"""A program on the broker: found, asked and told by the protocol of NATS micro services."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from mesh.changes import MASSIVE, pause_board, restart_feed, set_feed, start_feed, stop_feed
from mesh.connection import Connection
from mesh.control import By, Control
from mesh.errors import ConflictError
from mesh.kv import KeyValue
from mesh.service import Says, Service, join, offer_feed
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.control import BoardWanted, FeedWanted
from schemas.naming import Bucket
from tests.mesh.asking import ask, ask_all, audited
from tests.mesh.micro import Info, Ping, Stats
from tests.services.listener.programs import Told


pytestmark = pytest.mark.broker

ANN, BOB = By("ann", "10.0.0.1"), By("bob")


@pytest.fixture
async def service(settings: Settings, connection: Connection) -> AsyncIterator[Service]:
    """A program `test` with a feed; *connection* has made the streams."""
    assert connection.connected.is_set()
    async with join(settings, Told(), "test") as joined:
        joined.says = Says(lambda: {"symbols": 3}, lambda: {"events": 7})
        await offer_feed(joined, MASSIVE)
        yield joined


@pytest.mark.parametrize("which", ["", ".test", ".test.{instance}"])
async def test_ping_info_and_stats_are_as_the_protocol_says(
    service: Service, connection: Connection, which: str
) -> None:
    """All three answer to everybody, to the name and to the instance, in the forms of ADR-32."""
    which = which.format(instance=service.instance)
    (ping,) = await ask_all(connection, f"$SRV.PING{which}", 1)
    (info,) = await ask_all(connection, f"$SRV.INFO{which}", 1)
    (stats,) = await ask_all(connection, f"$SRV.STATS{which}", 1)

    assert msgspec.convert(ping, Ping).id == service.instance
    endpoints = msgspec.convert(info, Info).endpoints
    assert {each.subject for each in endpoints} >= {
        "ctl.test.get.status", f"ctl.test.get.status.{service.instance}", "ctl.test.do.stop", "ctl.test.do.log",
    }  # fmt: skip
    assert [each.subject for each in msgspec.convert(stats, Stats).endpoints] == [
        each.subject for each in endpoints
    ]


async def test_metadata_says_which_process_it_is(service: Service, connection: Connection) -> None:
    """Host, process and image, with the version of each, stand there, so that a person finds what to look at."""
    (ping,) = await ask_all(connection, "$SRV.PING.test", 1)

    assert ping["metadata"].keys() == {
        "program", "instance", "host", "pid", "version", "image", "image_version",
    }  # fmt: skip
    assert ping["metadata"]["instance"] == service.instance


async def test_statistics_carry_all_that_a_process_says_of_itself(
    service: Service, connection: Connection
) -> None:
    """One request tells readiness, state and counters; it is what the endpoint `status` answers."""
    (stats,) = await ask_all(connection, "$SRV.STATS", 1)
    (told,) = [each["data"] for each in stats["endpoints"] if each["name"] == "status"]
    answer = await ask(connection, "ctl.test.get.status")

    assert answer.content == told
    assert (told["state"], told["counters"]) == ({"symbols": 3}, {"events": 7})
    assert told["reasons"] == {"program": "is starting"}
    assert told["instance"] == service.instance


async def test_request_writes_what_is_wanted(service: Service, connection: Connection) -> None:
    """A request to stop a feed is stored with who and when, followed, and audited with before and after."""
    wish = service.wishes.follow("feed", MASSIVE, FeedWanted)
    answer = await ask(connection, "ctl.test.do.stop", by="ann")
    await eventually(lambda: not wish.value.running)
    (record,) = await audited(connection, "feed.stop")

    assert answer.content["wanted"]["by"] == wish.value.by == record.who == "nats:ann"
    assert answer.content["revision"] == wish.revision
    assert (record.target, record.outcome) == ("feed.massive", "done")
    assert (record.before["running"], record.after["running"]) == (True, False)
    assert record.at_ms > 0


@pytest.mark.parametrize(
    ("said", "code", "reason"),
    [
        ({}, "400", "say what to change"),
        ({"channels": "a;drop"}, "400", "channels must be"),
        ({"host": "evil.example.com"}, "400", "one of the vendor's"),
        ({"host": "massive.com.evil.org"}, "400", "one of the vendor's"),
        ({"chanels": "A.*"}, "400", "unknown field `chanels`"),
        ({"market": "moon"}, "400", "market"),
        ({"channels": "A.*", "revision": 99}, "409", "changed by nobody since"),
    ],
)
async def test_request_that_makes_no_sense_is_refused(
    service: Service, connection: Connection, said: dict[str, object], code: str, reason: str
) -> None:
    """What is refused says what was expected, changes nothing, and counts as an error of the endpoint."""
    answer = await ask(connection, "ctl.test.do.set", **said)
    kept = await Control(connection).get("feed", MASSIVE)
    (stats,) = await ask_all(connection, f"$SRV.STATS.test.{service.instance}", 1)

    assert (answer.code, kept.revision) == (code, 0)
    assert reason in answer.error
    assert [each["num_errors"] for each in stats["endpoints"] if each["name"] == "set"] == [1]


async def test_change_that_somebody_was_faster_with_is_told_to_both(connection: Connection) -> None:
    """The second of two operators is refused with what is wanted now and by whom; the first finds the attempt in the audit."""
    control = Control(connection)
    seen = await control.get("feed", MASSIVE)
    first = await control.change(stop_feed(MASSIVE), ANN, seen.revision)
    with pytest.raises(ConflictError, match="changed by ann since") as refused:
        await control.change(set_feed(MASSIVE, channels="A.*"), BOB, seen.revision)
    (record,) = await audited(connection, "feed.set")

    assert refused.value.present == first.value
    assert refused.value.revision == first.revision
    assert (record.who, record.before["by"]) == ("bob", "ann")
    assert record.outcome.startswith("refused: ")
    assert (await control.get("feed", MASSIVE)) == first


async def test_what_is_so_already_is_not_written_again(connection: Connection) -> None:
    """To stop what is stopped changes nothing, and so no other operator's revision; it is in the audit."""
    control = Control(connection)
    once = await control.change(stop_feed(MASSIVE), ANN)
    twice = await control.change(stop_feed(MASSIVE), BOB)

    assert twice == once
    assert [record.who for record in await audited(connection, "feed.stop", 2)] == ["ann", "bob"]


async def test_each_change_is_of_its_own_thing(connection: Connection) -> None:
    """What is wanted of one thing leaves all others as they are; a restart starts."""
    control = Control(connection)
    await control.change(stop_feed("massive"), ANN)
    await control.change(pause_board("gainers"), ANN)
    await control.change(set_feed("massive", channels="A.*, T.*,A.*", host=""), BOB)
    await control.change(restart_feed("massive"), BOB)
    await control.change(start_feed("massive"), BOB)
    board, feed = await control.all()

    assert isinstance(board.value, BoardWanted)
    assert isinstance(feed.value, FeedWanted)
    assert (board.key, board.value.paused) == ("board.gainers", True)
    assert (feed.value.running, feed.value.restarts, feed.value.channels) == (True, 1, "A.*,T.*")


@pytest.mark.parametrize(
    "value", [b"no JSON", b'{"running":"maybe"}', b'{"host":"evil.example.com"}']
)
async def test_value_of_another_hand_is_left_out(
    service: Service, connection: Connection, value: bytes
) -> None:
    """What somebody writes past all checks is not obeyed; the next good value is."""
    wish = service.wishes.follow("feed", MASSIVE, FeedWanted)
    control = KeyValue(connection, Bucket.CONTROL)
    await Control(connection).change(stop_feed(MASSIVE), ANN)
    await eventually(lambda: not wish.value.running)
    await control.put("feed.massive", value)
    await service.wishes.load()
    stopped = wish.value
    await control.put("feed.massive", b'{"channels":"T.*","by":"ann"}')
    await eventually(lambda: wish.value.channels == "T.*")

    assert not stopped.running
