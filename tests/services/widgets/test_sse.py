"""Feeds as server-sent events: the frames of `/ws` line by line, to their end from either side."""

import asyncio
import os
import signal
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from mesh.connection import Connection
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually
from schemas.widget import Delta, Event, ServerError, Snap, Status
from services.widgets.app import build
from services.widgets.catalogue import Catalogue
from services.widgets.door import Door
from services.widgets.hub import Hub
from services.widgets.limits import Places
from services.widgets.server import Server
from services.widgets.sse import sse_route
from tests.mesh.programs import mesh_run, running_program
from tests.services.listener.programs import Told
from tests.services.widgets.boards import encoded
from tests.services.widgets.listening import listening
from tests.services.widgets.market import Market, row
from tests.services.widgets.serving import Place, Running, on_free_port, running, visiting


pytestmark = pytest.mark.broker

_PLACES = 3


@pytest.fixture
def market(connection: Connection) -> Market:
    """What publishes."""
    return Market(connection)


@pytest.fixture
async def program(settings: Settings, market: Market) -> AsyncIterator[Running]:
    """The program, with a market of two, and few places for a user."""
    await market.show(row("A", 10.0), row("B", 20.0))
    own = on_free_port(settings, ws_flush_ms=10, ws_per_user=_PLACES)
    async with running(own) as made:
        async with visiting(made) as visitor:
            await visitor.follow(1, "row/*")
        await eventually(lambda: _clients(made), (0).__eq__)
        yield made


async def test_table_begins_whole_and_goes_on(program: Running, market: Market) -> None:
    """The first event is the snap of the view that the query asks for, and each change is a delta after it."""
    query = {"columns": "last_usd", "sort": "last_usd", "top": "1", "where": "last_usd > 5"}
    async with listening(program, "row/*", **query) as events:
        assert events.answer.headers["content-type"].startswith("text/event-stream")
        assert events.answer.headers["cache-control"] == "no-cache"
        snap = await events.until(Snap)
        first_id = events.last_id
        await market.show(row("A", 30.0))
        delta = await events.until(Delta)

        assert (snap.feed, snap.columns, snap.rows) == (
            "row/*",
            ["symbol", "last_usd"],
            [["B", 20]],
        )
        assert (snap.total, snap.recovered) == (2, None)
        assert first_id == f"{snap.epoch}:{snap.seq}"
        assert (delta.after, delta.gone, delta.moves) == (snap.seq, ["B"], [(0, "A")])
        assert events.last_id == f"{snap.epoch}:{delta.seq}"


async def test_table_goes_on_after_the_last_event(program: Running, market: Market) -> None:
    """`Last-Event-ID` gives what was missed and no snap, again and again; each id is good for the next time."""
    async with listening(program, "row/A", columns="last_usd") as events:
        snap = await events.until(Snap)
        last = events.last_id
    for number in range(3):
        await market.show(row("A", 30.0 + number))
        async with listening(program, "row/A", last, columns="last_usd") as events:
            delta = await events.next()
            while delta.seq < snap.seq + number + 1:
                delta = await events.next()

            assert isinstance(delta, Delta)
            assert delta.cells == [[1, [30 + number]]]
            last = events.last_id


async def test_table_begins_anew_after_an_unknown_event(program: Running) -> None:
    """Whoever names a position that there is not is given the whole table, and told so; what is no position is none."""
    async with listening(program, "row/A") as events:
        epoch = (await events.until(Snap)).epoch
    for position, recovered in (
        ("elsewhere:5", False), (f"{epoch}:99", False), (f"{epoch}:0", False),
        (f"{epoch}:x", None), (":", None), ("5", None),
    ):  # fmt: skip
        async with listening(program, "row/A", position) as events:
            snap = await events.next()

            assert isinstance(snap, Snap)
            assert snap.recovered is recovered, position


async def test_alerts_come_as_events_and_go_on(program: Running, market: Market) -> None:
    """Those of before are in the first event; who comes back with its id has each of the others once."""
    await market.alert("high", "A", "one", 1)
    async with listening(program, "alert/high/*", top="5") as events:
        first = await events.until(Event)
        numbers = _numbers(first)
        while not numbers:
            numbers += _numbers(await events.until(Event))
        last = events.last_id
    await market.alert("low", "A", "two", 2)
    await market.alert("high", "B", "three", 3)
    async with listening(program, "alert/high/*", last) as events:
        again = await events.until(Event)
        while len(numbers) < 2:
            numbers += _numbers(again)
            again = again if len(numbers) == 2 else await events.until(Event)

    assert numbers == [1, 3]
    assert first.recovered is None
    assert again.epoch == first.epoch


async def test_values_cannot_leave_their_event(
    program: Running, market: Market, connection: Connection
) -> None:
    """JSON may have line ends between its words: they end no line of an event."""
    value = b'{"number":\r\n\r\n1,\r"x":\n\n"event: snap\\n\\ndata: {}"\n}'
    async with listening(program, "alert/>") as events:
        await events.until(Event)
        await connection.acknowledged("alert.high.A", value, {"Nats-Msg-Id": "wild"})
        wild = await events.until(Event)
        await market.alert("high", "A", "tame", 2)
        tame = await events.until(Event)

    assert [msgspec.json.decode(each) for each in wild.values] == [msgspec.json.decode(value)]
    assert _numbers(tame) == [2]


async def test_stream_is_refused_before_it_begins(program: Running) -> None:
    """400 for numbers that are none, 401 without a valid token or with one in the URL, 403 beyond its scopes, 429 if a user has no place left."""
    token = program.token()
    for query in ({"hz": "0"}, {"hz": "nan"}, {"hz": "51"}, {"top": "0"}, {"top": "x"}):
        assert await _status(program, "row/A", token, **query) == 400
    assert await _status(program, "row/A", None) == 401
    assert await _status(program, "row/A", "eyJ.eyJ.x") == 401
    assert await _status(program, "row/A", None, token=token) == 401
    assert await _status(program, "row/A", token, token=token) == 401
    assert await _status(program, "row/B", program.token("row/A")) == 403
    assert await _status(program, "row/*", program.token("row/A")) == 403
    async with (
        listening(program, "row/A") as one,
        listening(program, "row/A") as two,
        visiting(program) as visitor,
    ):
        await one.next()
        await two.next()
        await visitor.follow(1, "row/A")

        assert await _status(program, "row/A", token) == 429
        assert await _status(program, "row/A", program.token(user="another")) == 200
    await eventually(lambda: _status(program, "row/A", token), (200).__eq__)


async def test_feed_that_is_none_is_an_error_and_the_end(program: Running) -> None:
    """A feed, a view or a condition that cannot be is refused as on `/ws`, and the stream ends."""
    for feed, query in (
        ("board/nowhere", {}), ("trades/*", {}), ("row/A", {"columns": "nothing"}),
        ("row/A", {"where": "last_usd >"}), ("alert/>", {"sort": "last_usd"}),
    ):  # fmt: skip
        async with listening(program, feed, **query) as events:
            assert isinstance(await events.next(), ServerError), (feed, query)
            assert await events.next() is None


async def test_clients_that_go_away_leave_nothing() -> None:
    """However a client goes, amid the stream or before it began, nobody follows for it and its place is free."""
    hub = Hub(Catalogue("e"), Places(_PLACES, 100, 100), set_up("test", "error"))
    async with _alone(hub) as place:
        for number in range(4 * _PLACES):
            async with listening(place, f"trades/S{number}") as events:
                await events.until(Event)
                assert hub.catalogue.followed("trades") == [f"trades/S{number}"]
            await eventually(lambda: hub.places.total, (0).__eq__)
        for number in range(4 * _PLACES):
            _ask_and_go(place.port, "sse/alert/%3E", is_abrupt=number % 2 == 0)
        await eventually(lambda: hub.clients_served, lambda count: count > 4 * _PLACES)
        await eventually(lambda: (hub.places.total, hub.clients), (0, 0).__eq__)

        assert hub.catalogue.followed("trades") == []
        assert hub.catalogue.followed("alert") == []
        assert await _status(place, "status", None) == 200


async def test_quiet_stream_has_comments() -> None:
    """Where nothing happens a comment comes now and then, which is no event to anybody."""
    hub = Hub(Catalogue("e"), Places(_PLACES, 100, 100), set_up("test", "error"))
    async with _alone(hub, quiet_s=0.01) as place, listening(place, "alert/>") as events:
        await events.until(Event)
        await events.until_comments(3)
        hub.catalogue.put_event("alert/high/A", b'{"number": 1}')

        assert _numbers(await events.next()) == [1]


async def test_slow_stream_has_comments() -> None:
    """Nor is the connection silent while the next frame of a slow view is due only later."""
    hub = Hub(Catalogue("e"), Places(_PLACES, 100, 100), set_up("test", "error"))
    hub.catalogue.put_board("gainers", encoded(("A", 1.0, 2.0)), 0.0)
    async with (
        _alone(hub, quiet_s=0.01) as place,
        listening(place, "board/gainers", hz="0.001") as events,
    ):
        await events.until(Snap)
        hub.catalogue.put_board("gainers", encoded(("A", 2.0, 2.0)), 0.0)
        await events.until_comments(3)


async def test_stream_says_first_that_it_is_stale(program: Running, broker: RunningBroker) -> None:
    """Who comes while the broker is away learns it before the rows, and hears when it is back, as on `/ws`."""
    async with listening(program, "row/A") as early:
        await early.until(Snap)
        await broker.kill()
        assert (await early.until(Status)).stale
        async with listening(program, "row/A") as late:
            first = await late.next()
            assert isinstance(first, Status)
            assert first.stale
            await late.until(Snap)
            await broker.start()
            assert not (await late.until(Status)).stale


async def test_stream_ends_with_the_service(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    """SIGTERM ends a stream between two events, and the process does not wait for its clients."""
    del connection
    own = on_free_port(settings)
    async with running_program(mesh_run("widgets"), own, tmp_path / "log") as process:
        await process.until(ready=True)
        async with listening(Place(own.port), "alert/>") as events:
            await events.until(Event)
            os.kill(process.process.pid, signal.SIGTERM)
            while await events.next() is not None:
                pass

        assert await process.process.wait() == 0


@asynccontextmanager
async def _alone(hub: Hub, quiet_s: float = 15.0) -> AsyncIterator[Place]:
    """The route alone, of *hub*, to whoever comes."""
    routes = [sse_route(Door(hub, None, "simulated"), quiet_s)]
    server = Server(build(hub, routes, Told().report, frozenset()))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listener]))
            await server.up.wait()
            try:
                yield Place(listener.getsockname()[1])
            finally:
                server.should_exit = True


def _ask_and_go(port: int, path: str, *, is_abrupt: bool) -> None:
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.sendall(f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        if is_abrupt:
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _status(program: Place, feed: str, bearer: str | None, **query: str) -> int:
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    async with (
        httpx.AsyncClient(base_url=program.page, headers=headers, trust_env=False) as http,
        http.stream("GET", f"sse/{feed}", params=query) as answer,
    ):
        if answer.status_code != 200:
            assert " " in msgspec.json.decode(await answer.aread())["message"]
        return answer.status_code


def _numbers(event: Event) -> list[int]:
    return [msgspec.json.decode(value)["number"] for value in event.values]


async def _clients(program: Place) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        found: int = (await http.get(f"{program.page}healthz")).json()["clients"]
    return found
