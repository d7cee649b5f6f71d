"""The whole program against a real broker, seen by real clients of its WebSocket."""

import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from mesh.connection import Connection
from mesh.errors import FatalError
from mesh.kv import RECEIVED_MS, KeyValue
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection
from schemas.naming import Bucket
from schemas.widget import Ack, Delta, Feeds, Hello, Snap, Status
from services.widgets.catalogue import FEEDS_ALWAYS
from services.widgets.service import serve
from tests.mesh.programs import mesh_run, running_program
from tests.services.listener.programs import Told
from tests.services.widgets.boards import encoded
from tests.services.widgets.serving import Place, Running, narrow, on_free_port, running, visiting


pytestmark = pytest.mark.broker


@pytest.fixture
def boards(connection: Connection) -> KeyValue:
    """The bucket that the program watches."""
    return KeyValue(connection, Bucket.BOARDS)


@pytest.fixture
async def program(settings: Settings, connection: Connection) -> AsyncIterator[Running]:
    """The program, on a broker that has all streams."""
    del connection
    async with running(on_free_port(settings, ws_flush_ms=10, source="simulated")) as made:
        yield made


async def test_service_board_in_kv_reaches_a_client(program: Running, boards: KeyValue) -> None:
    """What is put into KV arrives at a subscriber, first whole, then as a change, with the time it was received."""
    async with visiting(program) as visitor:
        assert (await visitor.hear(Hello)).source == "simulated"
        await boards.put("gainers", encoded(("A", 1.0, 2.0)), {RECEIVED_MS: "1767623465000.125"})
        await visitor.hear(Feeds)
        snap = await visitor.follow(4, "board/gainers", columns=["score", "last_usd"])
        await boards.put("gainers", encoded(("B", 3.0, 1.0), ("A", 1.5, 2.0), seq=2))
        delta = await visitor.hear(Delta)

    assert isinstance(snap, Snap)
    assert snap.received_ms == 1767623465000.125
    assert (delta.after, delta.seq, delta.received_ms) == (snap.seq, snap.seq + 1, 0)
    assert visitor.rows(4) == [
        {"symbol": "B", "score": 3, "last_usd": 1},
        {"symbol": "A", "score": 1.5, "last_usd": 2},
    ]


async def test_service_serves_several_feeds_on_one_socket(
    program: Running, boards: KeyValue
) -> None:
    """Two boards and two views of one of them go on beside each other, each under its number."""
    async with visiting(program) as visitor:
        await visitor.hear(Hello)
        for name in ("gainers", "low"):
            await boards.put(name, encoded(("A", 1.0, 2.0), ("B", 0.5, 3.0), name=name))
            await visitor.hear(Feeds)
        await visitor.follow(1, "board/gainers")
        await visitor.follow(2, "board/low")
        await visitor.follow(3, "board/low", top=1, columns=["last_usd"])
        await visitor.say(action="unsub", id=1)
        assert await visitor.hear(Ack) == Ack("unsub", 1)
        await boards.put("gainers", encoded(("X", 7.0, 2.0), seq=2))
        await boards.put("low", encoded(("C", 5.0, 9.0), ("A", 1.0, 2.0), name="low", seq=2))
        taken = {(await visitor.hear(Delta)).id, (await visitor.hear(Delta)).id}

    assert taken == {2, 3}
    assert [each["symbol"] for each in visitor.rows(2)] == ["C", "A"]
    assert visitor.rows(3) == [{"symbol": "C", "last_usd": 9}]


async def test_service_finds_boards_by_itself(program: Running, boards: KeyValue) -> None:
    """A board that nobody named anywhere is announced to who is connected, and in the next hello."""
    async with visiting(program) as visitor:
        assert (await visitor.hear(Hello)).feeds == sorted(FEEDS_ALWAYS)
        await boards.put("low-float", encoded(("A", 1.0, 2.0), name="low-float"))
        announced = await visitor.hear(Feeds)

        assert announced.feeds == sorted(["board/low-float", *FEEDS_ALWAYS])
        async with visiting(program) as second:
            assert (await second.hear(Hello)).feeds == announced.feeds


async def test_service_value_that_is_no_board_is_ignored(
    program: Running, boards: KeyValue
) -> None:
    """Garbage in the bucket is counted; the board keeps its last value and goes on with the next."""
    async with visiting(program) as visitor:
        await visitor.hear(Hello)
        await boards.put("gainers", encoded(("A", 1.0, 2.0)))
        await visitor.hear(Feeds)
        await visitor.follow(1, "board/gainers")
        await boards.put("gainers", b"garbage")
        await boards.put("gainers", encoded(("A", 1.5, 2.0), seq=2))
        await visitor.hear(Delta)

    assert visitor.rows(1)[0]["score"] == 1.5
    assert (await program.stop())["rejected"] == 1


async def test_service_resumes_where_a_client_was(program: Running, boards: KeyValue) -> None:
    """A client that comes back with its position is given what it missed, and no whole table."""
    async with visiting(program) as first:
        await first.hear(Hello)
        await boards.put("gainers", encoded(("A", 1.0, 2.0)))
        await first.hear(Feeds)
        snap = await first.follow(1, "board/gainers")
        assert isinstance(snap, Snap)
    await boards.put("gainers", encoded(("B", 3.0, 1.0), ("A", 1.0, 2.0), seq=2))
    async with visiting(program) as second:
        second.tables = first.tables
        await second.say(action="sub", id=1, feed="board/gainers", epoch=snap.epoch, seq=snap.seq)
        while second.tables[1].seq == snap.seq:
            await second.next()

    assert [each["symbol"] for each in second.rows(1)] == ["B", "A"]
    assert not any(isinstance(frame, Snap) for frame in second.heard)


async def test_service_client_converges_after_the_broker_was_killed(
    settings: Settings, broker: RunningBroker
) -> None:
    """With the broker gone a client is told so and keeps its socket; when it is back it says so, and the table goes on."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        async with ready_connection(settings) as connection:
            await visitor.hear(Hello)
            await KeyValue(connection, Bucket.BOARDS).put("gainers", encoded(("A", 1.0, 2.0)))
            await visitor.hear(Feeds)
            await visitor.follow(1, "board/gainers")
        await broker.kill()
        assert (await visitor.hear(Status)).stale
        await broker.start()
        assert not (await visitor.hear(Status)).stale
        async with ready_connection(settings) as again:
            await KeyValue(again, Bucket.BOARDS).put("gainers", encoded(("A", 7.0, 2.0), seq=2))
            await visitor.hear(Delta)

        assert visitor.rows(1)[0]["score"] == 7.0
        assert await visitor.is_served()


async def test_service_says_that_it_is_stale_in_its_first_words(
    settings: Settings, connection: Connection, broker: RunningBroker
) -> None:
    """Who comes while the broker is away learns it after the hello, and not only when that changes."""
    del connection
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await broker.kill()
        assert (await visitor.hear(Status)).stale
        async with visiting(program) as second:
            await second.hear(Hello)
            assert (await second.hear(Status)).stale


async def test_service_sigterm_says_bye_with_a_time_to_come_back(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    """As a process: SIGTERM closes every client with a last frame, another time for each, and code 1001."""
    del connection
    own = on_free_port(settings)
    async with running_program(mesh_run("widgets"), own, tmp_path / "log") as process:
        await process.until(ready=True)
        program = Place(own.port)
        async with visiting(program) as one, visiting(program) as other:
            await one.hear(Hello)
            await other.hear(Hello)
            os.kill(process.process.pid, signal.SIGTERM)
            ends = [await one.until_closed(), await other.until_closed()]

        assert await process.process.wait() == 0
    for code, bye in ends:
        assert bye is not None
        assert (code, bye.code) == (1001, 1001)
        assert bye.again_ms is not None
        assert bye.again_ms > 0


async def test_service_stop_counts_what_was_done(program: Running) -> None:
    """The counters at the end say how many clients there were."""
    async with visiting(program) as visitor:
        await visitor.hear(Hello)
        counters = await program.stop()

    assert counters == {
        "updates": 0,
        "rejected": 0,
        "clients": 1,
        "frames": 1,
        "failures": 0,
        "closed": {"1001": 1},
    }


async def test_service_taken_port_is_fatal(settings: Settings) -> None:
    """The sentence names the port and how to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FatalError, match=rf"port {port} .* --port or MESH_PORT"):
            await serve(msgspec.structs.replace(settings, port=port), Told())


async def test_service_slow_client_delays_nobody_and_converges(
    program: Running, boards: KeyValue
) -> None:
    """Beside a client that does not read, another gets every delta; the slow one then catches up in fewer, larger ones."""
    rows = [(f"S{number:03}", 1000.0 - number, 5.0) for number in range(500)]
    async with visiting(program) as quick:
        await quick.hear(Hello)
        await boards.put("gainers", encoded(*rows))
        await quick.hear(Feeds)
        async with visiting(program, max_queue=1, sock=narrow(program.port)) as slow:
            for visitor in (quick, slow):
                await visitor.follow(1, "board/gainers")
            for seq in range(2, 150):
                shifted = [(symbol, score + seq, float(seq)) for symbol, score, _ in rows]
                await boards.put("gainers", encoded(*shifted, seq=seq))
                await quick.hear(Delta)
            while slow.tables[1].seq < quick.tables[1].seq:
                await slow.next()

    assert slow.rows(1) == quick.rows(1)
    assert sum(isinstance(frame, Delta) for frame in quick.heard) == 148
    assert sum(isinstance(frame, Delta | Snap) for frame in slow.heard) < 140


async def test_service_page_is_served_under_a_strict_policy(program: Running) -> None:
    """The page and all its parts come from here, and the browser is told to load nothing else."""
    async with httpx.AsyncClient() as http:
        for path in ("", "main.js", "page.css", "favicon.svg"):
            answer = await http.get(program.page + path)

            assert answer.status_code == 200
            assert answer.headers["content-security-policy"].startswith("default-src 'self';")
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await http.get(program.page + "../app.py")).status_code == 404
        assert (await http.get(program.page + "%2e%2e%2fapp.py")).status_code == 404


async def test_service_is_healthy(program: Running) -> None:
    """Health says how many clients there are, and what can be followed."""
    async with visiting(program) as visitor:
        await visitor.hear(Hello)
        async with httpx.AsyncClient() as http:
            answer = (await http.get(program.page + "healthz")).json()

    assert answer == {"status": "ok", "feeds": sorted(FEEDS_ALWAYS), "clients": 1}


async def test_service_says_when_it_is_not_ready(settings: Settings, broker: RunningBroker) -> None:
    """While the broker is away the page's own port says that its boards stand still."""

    own = on_free_port(settings)

    async def status() -> tuple[int, dict[str, str]]:
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"http://127.0.0.1:{own.port}/readyz")
        return answer.status_code, answer.json()["reasons"]

    async with running(own):
        assert await status() == (200, {})
        await broker.kill()
        await eventually(status, (503, {"broker": "is away"}).__eq__)
        await broker.start()
        await eventually(status, (200, {}).__eq__)
