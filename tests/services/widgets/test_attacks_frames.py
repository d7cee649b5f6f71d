"""Attacks by what a client sends: too large, too many, too deep, or no frames at all."""

from collections.abc import AsyncIterator

import pytest
from websockets.frames import Opcode

from mesh.connection import Connection
from mesh.settings import Settings
from schemas.widget import MAX_CLIENT_FRAME_BYTES, Hello, ServerError
from services.widgets.limits import BAD_FRAMES
from tests.services.widgets.attacking import MARK, attacked, ended, put_frame
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


async def test_compression_is_declined(program: Running) -> None:
    """Point "permessage-deflate off": it is offered by every browser, and the answer does not take it."""
    async with visiting(program, compression="deflate") as visitor:
        response = visitor.connection.response
        assert response is not None
        assert "Sec-WebSocket-Extensions" not in response.headers
        assert "Sec-WebSocket-Extensions" in (visitor.connection.request or response).headers


async def test_frame_that_says_it_is_compressed_is_a_violation(visitor: Visitor) -> None:
    """Point "a decompressed limit": what was not negotiated is not unpacked."""
    visitor.connection.transport.write(b"\xc1\x80\x00\x00\x00\x00")  # RSV1
    code, _ = await visitor.until_closed()

    assert code == 1002


@pytest.mark.parametrize("size", [MAX_CLIENT_FRAME_BYTES + 1, 1 << 20])
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
async def test_frame_over_64_kb_ends_the_connection(
    visitor: Visitor, size: int, opcode: Opcode
) -> None:
    """Point "<= 64 KB messages (close 1009)": from the head of the frame on it is not read."""
    put_frame(visitor, opcode, b"x" * size)
    code, _ = await visitor.until_closed()

    assert code == 1009


async def test_frame_that_claims_to_be_huge_is_not_waited_for(visitor: Visitor) -> None:
    """Point "<= 64 KB messages": a length of 2^63 - 1 is refused before a byte of it has come."""
    visitor.connection.transport.write(b"\x81\xff\x7f" + b"\xff" * 7 + b"\x00" * 4)
    code, _ = await visitor.until_closed()

    assert code == 1009


async def test_message_that_grows_by_fragments_ends_the_connection(visitor: Visitor) -> None:
    """Point "<= 64 KB messages": the limit is of the message, however small its pieces are."""
    put_frame(visitor, Opcode.TEXT, b"{" + b" " * 1000, fin=False)
    for _ in range(100):
        put_frame(visitor, Opcode.CONT, b" " * 1000, fin=False)
    code, _ = await visitor.until_closed()

    assert code == 1009


async def test_message_of_empty_fragments_ends_the_connection(visitor: Visitor) -> None:
    """Point "rate limit": pieces of nothing never reach 64 KB, and count as frames."""
    put_frame(visitor, Opcode.TEXT, b"", fin=False)
    for _ in range(5000):
        put_frame(visitor, Opcode.CONT, b"", fin=False)
    code, _ = await visitor.until_closed()

    assert code == 4429


async def test_flood_of_pings_ends_the_connection(visitor: Visitor) -> None:
    """Point "rate limit": control frames, which the service answers before anything counts them, count as well."""
    for _ in range(5000):
        put_frame(visitor, Opcode.PING, b"x" * 125)
    code, _ = await visitor.until_closed()

    assert code == 4429


async def test_flood_of_frames_ends_the_connection(visitor: Visitor) -> None:
    """Point "rate limit": good frames, far more than anybody needs."""
    for _ in range(1000):
        put_frame(visitor, Opcode.TEXT, b'{"action":"ping"}')

    assert (await ended(visitor)).code == 4429


async def test_flood_without_a_token_ends_the_connection(program: Running) -> None:
    """Point "rate limit": who is not known yet may not send more than who is."""
    async with visiting(program, token=None) as nobody:
        for _ in range(1000):
            put_frame(nobody, Opcode.TEXT, b'{"action":"ping"}')

        assert (await ended(nobody)).code == 4429


@pytest.mark.parametrize(
    ("opcode", "content"),
    [
        (Opcode.TEXT, b""),
        (Opcode.TEXT, b"nonsense " + MARK.encode()),
        (Opcode.TEXT, b'{"action":"drop"}'),
        (Opcode.TEXT, b'{"action":"ping","id":-1}'),
        (Opcode.TEXT, b'{"action":"ping","more":1}'),
        (Opcode.TEXT, b'{"action":"ping"} {"action":"ping"}'),
        (Opcode.TEXT, b"\xff\xfe\xfd"),
        (Opcode.TEXT, b'{"action":"auth","token":"\xc3\x28"}'),
        (Opcode.TEXT, b'{"action":"auth","token":"\\ud800"}'),
        (Opcode.BINARY, b""),
        (Opcode.BINARY, b"\x00\x01\x02"),
        (Opcode.BINARY, b"\x81\xa6action\xa4ping"),
    ],
)
async def test_bad_frames_are_answered_and_then_end_the_connection(
    visitor: Visitor, opcode: Opcode, content: bytes
) -> None:
    """Point "schema-validate": each is answered by an error that repeats nothing; too many of them end it with 4400."""
    put_frame(visitor, opcode, content)
    error = await visitor.hear(ServerError)
    assert MARK not in error.message
    assert await visitor.is_served()
    for _ in range(BAD_FRAMES):
        put_frame(visitor, opcode, content)

    assert (await ended(visitor)).code == 4400
