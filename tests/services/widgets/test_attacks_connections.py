"""Attacks by connections: too many of them, none that says anything, and those that take nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from mesh import opening
from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.widget import Hello
from services.widgets import hub, server
from tests.services.widgets.attacking import attacked, ended, put_frame
from tests.services.widgets.market import Market, rows_of_many
from tests.services.widgets.serving import Running, narrow, visiting


pytestmark = pytest.mark.broker

PER_USER, PER_ADDRESS = 3, 6


@pytest.fixture
def market(connection: Connection) -> Market:
    """What publishes."""
    return Market(connection)


@pytest.fixture
async def program(
    settings: Settings, market: Market, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Running]:
    """The program, which takes three connections of a user and six from an address, and is whole afterwards."""
    await market.show(*rows_of_many(300))
    few = {"ws_per_user": PER_USER, "ws_per_address": PER_ADDRESS}
    async with attacked(settings, caplog, **few) as made:
        yield made


async def test_too_many_connections_of_a_user_are_refused(program: Running) -> None:
    """Point "per-user connection caps": one more is closed with 4429; when one has gone there is a place again."""
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(visiting(program)) for _ in range(PER_USER)]
        for visitor in held:
            await visitor.hear(Hello)
        async with visiting(program) as refused:
            assert (await ended(refused)).code == 4429
        async with visiting(program, token=None) as refused:
            await refused.say(action="auth", token=program.token())
            assert (await ended(refused)).code == 4429
        async with visiting(program, token=program.token(user="other")) as other:
            await other.hear(Hello)
        await held[0].connection.close()
        await eventually(partial(_is_let_in, program))  # type: ignore[arg-type]  # T is what is awaited


async def test_too_many_connections_of_an_address_are_refused(program: Running) -> None:
    """Point "per-IP connection caps": who says nothing counts as well, and whoever comes then is told why not."""
    async with AsyncExitStack() as stack:
        for _ in range(PER_ADDRESS):
            await stack.enter_async_context(visiting(program, token=None))
        async with visiting(program, token=program.token(user="other")) as refused:
            assert (await ended(refused)).code == 4429
    await eventually(partial(_is_let_in, program))  # type: ignore[arg-type]  # T is what is awaited


async def test_address_is_not_what_a_client_says_it_is(program: Running) -> None:
    """Point "per-IP connection caps": headers that proxies write do not make an address another."""
    async with AsyncExitStack() as stack:
        for number in range(PER_ADDRESS):
            headers = {"X-Forwarded-For": f"10.0.0.{number}", "Forwarded": f"for=10.0.0.{number}"}
            await stack.enter_async_context(visiting(program, headers, token=None))
        async with visiting(program, {"X-Forwarded-For": "10.0.0.99"}, token=None) as refused:
            assert (await ended(refused)).code == 4429
    await eventually(partial(_is_let_in, program))  # type: ignore[arg-type]  # T is what is awaited


async def test_changing_tokens_takes_no_places(program: Running) -> None:
    """Point "per-user connection caps": one connection that says it is another user each time holds one place."""
    async with visiting(program, token=program.token(user="u0")) as visitor:
        await visitor.hear(Hello)
        for number in range(1, 30):
            await visitor.say(action="auth", token=program.token(user=f"u{number % 7}"))
            assert (await visitor.hear(Hello)).user == f"u{number % 7}"
        async with visiting(program, token=program.token(user="u2")) as other:
            await other.hear(Hello)


async def test_client_that_takes_nothing_is_ended(
    program: Running, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Point "backpressure": who does not read for long enough loses the connection, and delays nobody meanwhile."""
    monkeypatch.setattr(hub, "_STALLED_S", 0.5)
    async with visiting(program) as quick:
        await quick.follow(1, "row/*")
        stalled = narrow(program.port)
        async with visiting(program, max_queue=1, sock=stalled) as visitor:
            for number in range(10):
                await visitor.say(action="sub", id=number, feed="row/*")
            visitor.connection.transport.pause_reading()
            step = 0
            while await _clients(program) > 1:
                step += 1
                await market.show(*rows_of_many(300, step))
                await quick.next()
            visitor.connection.transport.abort()

    assert step


async def test_client_that_answers_no_ping_is_ended(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Point "idle timeout + ping/pong": a connection whose other end is not there any more is not kept."""
    monkeypatch.setattr(server, "PING_EVERY_S", 0.2)
    monkeypatch.setattr(server, "PING_WITHIN_S", 0.2)
    async with attacked(settings, caplog) as program, visiting(program) as visitor:
        await visitor.hear(Hello)
        visitor.connection.transport.pause_reading()
        await eventually(partial(_clients, program), (0).__eq__)
        visitor.connection.transport.resume_reading()

        assert (await visitor.until_closed())[0] == 4408


async def test_client_that_takes_much_is_not_asked_whether_it_is_there(
    program: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it took since a ping was due speaks for it; a client that was sent little is asked, and answers."""
    served: list[server.Connection] = []

    def connection_made(connection: server.Connection, transport: asyncio.Transport) -> None:
        served.append(connection)
        begin(connection, transport)

    begin = server.Connection.connection_made
    monkeypatch.setattr(server.Connection, "connection_made", connection_made)
    monkeypatch.setattr(server, "SEND_BUFFER_BYTES", 1000)
    async with visiting(program) as visitor:
        await visitor.hear(Hello)
        await visitor.follow(1, "row/*")
        is_asked = []
        for _ in range(2):
            served[-1].stop_keepalive()
            served[-1].send_keepalive_ping()
            is_asked.append(served[-1].pending_ping_payload is not None)
        await eventually(lambda: served[-1].pending_ping_payload is None)

    assert is_asked == [False, True]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /ws HTTP/1.1\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 1000,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /ws HTTP/1.1\r\nX: ",
    ],
    ids=["nothing", "a line", "half a head", "half a second request"],
)
async def test_request_that_never_ends_is_ended(
    program: Running, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Point "idle timeout": who connects and asks for nothing, or byte by byte, does not keep the connection."""
    monkeypatch.setattr(opening, "REQUEST_WITHIN_S", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
    writer.write(said)

    async def goes_on() -> bool:
        writer.write(b"x" if said else b"")
        return reader.at_eof() or reader.exception() is not None

    reading = asyncio.get_running_loop().create_task(_until_end(reader))
    await eventually(goes_on)  # type: ignore[arg-type]  # T is what is awaited
    await reading
    writer.close()


_HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n"
)


@pytest.mark.parametrize(
    "said",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
        _HANDSHAKE % (b"/ws", b"Authorization: Bearer " + b"a" * 9000 + b"\r\n"),
        _HANDSHAKE % (b"/ws?" + b"a" * 9000, b""),
        _HANDSHAKE % (b"/ws", b"".join(b"X-%d: 1\r\n" % number for number in range(200))),
        _HANDSHAKE % (b"/ws?\xff\xfe", b""),
        _HANDSHAKE % (b"/\xc3\xa4", b""),
        _HANDSHAKE % (b"/ws", b"X: \xff\xfe\r\nOrigin: http://evil\xff\r\n"),
        _HANDSHAKE % (b"/nowhere", b""),
        _HANDSHAKE % (b"/healthz", b""),
        _HANDSHAKE % (b"/../ws", b""),
        _HANDSHAKE % (b"http://127.0.0.1/ws", b"Origin: http://evil.example\r\n"),
        (_HANDSHAKE % (b"/ws", b"")).replace(b"GET", b"POST"),
        (_HANDSHAKE % (b"/ws", b"")).replace(b"13", b"8"),
        (_HANDSHAKE % (b"/ws", b"")).replace(b"AAAAAAAAAAAAAAAAAAAAAA==", b"short"),
        (_HANDSHAKE % (b"/ws", b"")).replace(b"Sec-WebSocket-Key", b"X"),
        (_HANDSHAKE % (b"/ws", b"")).replace(b"websocket", b"h2c"),
        (_HANDSHAKE % (b"/ws", b"Origin: http://a\r\nOrigin: http://b\r\n")),
        b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET " + b"/a" * 40_000 + b" HTTP/1.1\r\n\r\n",
        b"PUT /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)  # fmt: skip
async def test_senseless_request_is_refused(program: Running, said: bytes) -> None:
    """What is no handshake is answered by what is wrong with it, and never by 500 or by silence."""
    reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
    writer.write(said)
    async with asyncio.timeout(20):
        answer = await _until_end(reader)
    writer.close()

    assert answer[:10] in (b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 2")
    assert b"Traceback" not in answer


async def test_frames_before_the_answer_are_no_way_in(program: Running) -> None:
    """What a client sends behind a handshake that is refused is not looked at."""
    with pytest.raises(InvalidStatus):
        async with visiting(program, {"Origin": "null"}) as visitor:
            put_frame(visitor, Opcode.TEXT, b'{"action":"ping"}')


async def _until_end(reader: asyncio.StreamReader) -> bytes:
    found = b""
    try:
        while part := await reader.read(65_536):
            found += part
    except ConnectionError:
        pass
    return found


async def _is_let_in(program: Running) -> bool:
    async with visiting(program) as visitor:
        return isinstance(await visitor.next(), Hello)


async def _clients(program: Running) -> int:
    async with httpx.AsyncClient() as http:
        answer = (await http.get(program.page + "healthz")).json()
        return int(answer["clients"])
