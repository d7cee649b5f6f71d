"""The whole program against a real broker, seen by real clients of its WebSocket."""

import asyncio
import socket

import httpx
import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mesh.config import Settings
from mesh.connection import Connection
from mesh.errors import FatalError
from mesh.kv import RECEIVED_MS, KeyValue
from mesh.testing import RunningBroker, eventually, ready_connection
from schemas.naming import Bucket
from services.widgets.service import serve
from tests.services.widgets.boards import board, encoded, rows_of
from tests.services.widgets.serving import Told, on_free_port, running, visiting


pytestmark = pytest.mark.broker


@pytest.fixture
def boards(connection: Connection) -> KeyValue:
    """The bucket that the program watches."""
    return KeyValue(connection, Bucket.BOARDS)


async def test_service_board_in_kv_reaches_a_client(settings: Settings, boards: KeyValue) -> None:
    """What is put into KV arrives at a subscriber, first whole, then as a change, with the time it was received."""
    await boards.put("gainers", encoded(("A", 1.0, 2.0)), {RECEIVED_MS: "1767623465000.125"})
    async with (
        running(on_free_port(settings, source="simulated")) as program,
        visiting(program) as visitor,
    ):
        assert (await visitor.hear("hello"))["source"] == "simulated"
        await eventually(lambda: _feeds(program.page), bool)
        await visitor.say(action="sub", id=4, feed="board/gainers")
        snap = await visitor.hear("snap")
        await boards.put("gainers", encoded(("B", 3.0, 1.0), ("A", 1.0, 2.0), seq=2))
        delta = await visitor.hear("delta")

        assert snap["received_ms"] == 1767623465000.125
        assert delta["received_ms"] == 0
        assert visitor.rows(4) == rows_of(board(("B", 3.0, 1.0), ("A", 1.0, 2.0)))


async def test_service_finds_boards_by_itself(settings: Settings, boards: KeyValue) -> None:
    """A board that nobody named anywhere is announced to who is connected, and in the next hello."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.hear("hello")
        await boards.put("low-float", encoded(("A", 1.0, 2.0), name="low-float"))
        announced = await visitor.hear("feeds")

        assert announced["feeds"] == ["board/low-float"]
        async with visiting(program) as second:
            assert (await second.hear("hello"))["feeds"] == ["board/low-float"]


async def test_service_value_that_is_no_board_is_ignored(
    settings: Settings, boards: KeyValue
) -> None:
    """Garbage in the bucket is counted; the board keeps its last value and goes on with the next."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await boards.put("gainers", encoded(("A", 1.0, 2.0)))
        await visitor.hear("feeds")
        await visitor.say(action="sub", id=1, feed="board/gainers")
        await visitor.hear("snap")
        await boards.put("gainers", b"garbage")
        await boards.put("gainers", encoded(("A", 1.5, 2.0), seq=2))
        await visitor.hear("delta")

        assert visitor.rows(1)[0]["score"] == 1.5
        assert (await program.stop())["rejected"] == 1


async def test_service_goes_on_after_a_broker_restart(
    settings: Settings, boards: KeyValue, broker: RunningBroker
) -> None:
    """Clients stay connected while the broker is away, and get what comes afterwards."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await boards.put("gainers", encoded(("A", 1.0, 2.0)))
        await visitor.hear("feeds")
        await visitor.say(action="sub", id=1, feed="board/gainers")
        await visitor.hear("snap")
        await broker.stop()
        await broker.start()
        async with ready_connection(settings) as again:
            await KeyValue(again, Bucket.BOARDS).put("gainers", encoded(("A", 7.0, 2.0), seq=2))
            await visitor.hear("delta")

        assert visitor.rows(1)[0]["score"] == 7.0


async def test_service_stop_closes_clients_with_1001(settings: Settings) -> None:
    """A client learns from the close code that the service goes away; the counters say what was done."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.hear("hello")
        counters = await program.stop()
        with pytest.raises(ConnectionClosed) as closed:
            await visitor.hear("snap")

        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert counters == {"updates": 0, "rejected": 0, "clients": 1, "frames": 1}


async def test_service_taken_port_is_fatal(settings: Settings) -> None:
    """The sentence names the port and how to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FatalError, match=rf"port {port} .* --port or MESH_PORT"):
            await serve(msgspec.structs.replace(settings, port=port), Told())


async def test_service_slow_client_delays_nobody_and_gets_a_snap(
    settings: Settings, boards: KeyValue
) -> None:
    """Beside a client that does not read, another gets every delta; the slow one is then given the latest state."""
    rows = [(f"S{number:03}", 1000.0 - number, 5.0) for number in range(500)]
    async with running(on_free_port(settings)) as program, visiting(program) as quick:
        await boards.put("gainers", encoded(*rows))
        await quick.hear("feeds")
        async with visiting(program, max_queue=1, sock=_narrow(program.port)) as slow:
            for visitor in (quick, slow):
                await visitor.say(action="sub", id=1, feed="board/gainers")
                await visitor.hear("snap")
            for seq in range(2, 150):
                shifted = [(symbol, score + seq, float(seq)) for symbol, score, _ in rows]
                await boards.put("gainers", encoded(*shifted, seq=seq))
                await quick.hear("delta")
            async with asyncio.timeout(10):
                while slow.boards[1]["seq"] < quick.boards[1]["seq"]:
                    slow.take(str(await slow.connection.recv()))

        assert slow.rows(1) == quick.rows(1)
        assert slow.kinds.count("snap") > 1
        assert slow.kinds.count("delta") < 140


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_service_own_page_may_connect(settings: Settings, host: str) -> None:
    """Both names of this machine are the page's own origin."""
    async with (
        running(on_free_port(settings)) as program,
        visiting(program, {"Origin": f"http://{host}:{program.port}"}) as visitor,
    ):
        assert await visitor.hear("hello")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}"]
)
async def test_service_foreign_page_is_refused(settings: Settings, origin: str) -> None:
    """A page of any other origin, port or scheme does not get a connection."""
    async with running(on_free_port(settings)) as program:
        with pytest.raises(InvalidStatus) as refused:
            async with visiting(program, {"Origin": origin.format(port=program.port)}):
                pass

        assert refused.value.response.status_code == 403


async def test_service_oversized_frame_closes_the_connection(settings: Settings) -> None:
    """A frame over 64 KB is not even read: code 1009."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.hear("hello")
        await visitor.connection.send("x" * (64 * 1024 + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await visitor.hear("snap")

        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_service_bad_frame_is_answered(settings: Settings) -> None:
    """Text that is no frame, and a binary frame, are answered by errors; the connection goes on."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.connection.send("nonsense")
        await visitor.hear("error")
        await visitor.connection.send(b"\x00\x01")
        await visitor.hear("error")
        await visitor.say(action="unsub", id=1)

        assert (await visitor.hear("error"))["id"] == 1


async def test_service_page_is_served_under_a_strict_policy(settings: Settings) -> None:
    """The page and all its parts come from here, and the browser is told to load nothing else."""
    async with running(on_free_port(settings)) as program, httpx.AsyncClient() as http:
        for path in ("", "main.js", "page.css", "favicon.svg"):
            answer = await http.get(program.page + path)

            assert answer.status_code == 200
            assert answer.headers["content-security-policy"].startswith("default-src 'self';")
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await http.get(program.page + "../app.py")).status_code == 404
        assert (await http.get(program.page + "%2e%2e%2fapp.py")).status_code == 404


async def test_service_is_healthy(settings: Settings) -> None:
    """Health says how many clients there are."""
    async with running(on_free_port(settings)) as program, visiting(program) as visitor:
        await visitor.hear("hello")
        async with httpx.AsyncClient() as http:
            answer = (await http.get(program.page + "healthz")).json()

    assert answer == {"status": "ok", "feeds": [], "clients": 1}


async def test_service_says_when_it_is_not_ready(settings: Settings, broker: RunningBroker) -> None:
    """While the broker is away the page's own port says that its boards stand still."""

    async def status() -> tuple[int, dict[str, str]]:
        async with httpx.AsyncClient() as http:
            answer = await http.get(program.page + "readyz")
        return answer.status_code, answer.json()["reasons"]

    async with running(on_free_port(settings)) as program:
        assert await status() == (200, {})
        await broker.kill()
        await eventually(status, (503, {"broker": "is away"}).__eq__)
        await broker.start()
        await eventually(status, (200, {}).__eq__)


async def _feeds(page: str) -> list[str]:
    async with httpx.AsyncClient() as http:
        feeds: list[str] = (await http.get(page + "healthz")).json()["feeds"]
        return feeds


def _narrow(port: int) -> socket.socket:
    """A connection whose receiving end holds little."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    narrow.connect(("127.0.0.1", port))
    narrow.setblocking(False)
    return narrow
