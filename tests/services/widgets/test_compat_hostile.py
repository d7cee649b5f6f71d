"""`/compat/ws` and whom it does not let in, or not for long."""

import logging

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mesh.connection import Connection
from mesh.testing import eventually
from tests.services.widgets.compat_serving import KEY, ORIGIN, Serving, serving


pytestmark = pytest.mark.broker


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", ORIGIN + ":1", "https://board.example"]
)
async def test_compat_foreign_page_is_refused(connection: Connection, origin: str) -> None:
    """A page of any other origin does not get a connection."""
    async with serving(connection) as service:
        with pytest.raises(InvalidStatus) as refused:
            async with service.visiting(headers={"Origin": origin}):
                pass

        assert refused.value.response.status_code == 403


async def test_compat_own_page_may_connect(connection: Connection) -> None:
    """A page that is on the list gets in, with a key."""
    async with serving(connection) as service, service.visiting(headers={"Origin": ORIGIN}):
        assert service.source.clients == 1


async def test_compat_silent_client_is_closed(connection: Connection) -> None:
    """Who does not say who it is in time is closed, and told why."""
    async with serving(connection, auth_within_s=0.05) as service, service.visiting(None) as client:
        assert await client.closed() == 4401


async def test_compat_key_that_is_taken_back_ends_the_connection(connection: Connection) -> None:
    """A key that lets nobody in any more ends who came with it."""
    async with serving(connection, check_s=0.05) as service, service.visiting() as client:
        service.keys.clear()
        assert await client.closed() == 4419


async def test_compat_oversized_frame_closes_the_connection(connection: Connection) -> None:
    """A frame over 64 KB is not even read."""
    async with serving(connection) as service, service.visiting() as client:
        await client.connection.send("x" * (64 * 1024 + 1))
        assert await client.closed() == 1009


async def test_compat_binary_frame_ends_the_connection(connection: Connection) -> None:
    """As in the old system, but with an answer and a code."""
    async with serving(connection) as service, service.visiting() as client:
        await client.connection.send(b"\x00\x01")
        assert await client.hear() == {"status": "invalid action"}
        assert await client.closed() == 4400


async def test_compat_too_many_frames_end_the_connection(connection: Connection) -> None:
    """A client that floods is closed."""
    async with serving(connection) as service, service.visiting() as client:
        for _ in range(400):
            await client.say(action="subscribe", feed="quote:A")
        assert await client.closed() == 4429


async def test_compat_takes_so_many_clients_of_an_address(connection: Connection) -> None:
    """One more than there may be is closed at once, and has its place as soon as another has gone."""
    async with serving(connection, most_clients=2) as service, service.visiting():
        async with service.visiting(), service.visiting(None) as third:
            assert await third.closed() == 4429

        async def is_let_in() -> bool:
            async with service.visiting(None) as client:
                try:
                    await client.ask(action="auth", api_key=KEY)
                except ConnectionClosed:
                    return False
                return True

        await eventually(is_let_in)  # type: ignore[arg-type]  # T is what is awaited


async def test_compat_fuzzed_frames_end_in_nothing_but_a_close(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is sent, first or later, the answer is a frame or a close with a code, and nobody has an error to log."""
    caplog.set_level(logging.WARNING)
    async with serving(connection) as service:
        for text in _ODD:
            for key in (None, KEY):
                code = await _end_of(service, key, text)
                assert code in (1000, 4400), text

    assert caplog.records == []


async def _end_of(service: Serving, key: str | None, text: str) -> int:
    """The code that a connection ends with which sends *text* and then what is no frame."""
    async with service.visiting(key) as client:
        await client.connection.send(text)
        await client.connection.send("}")
        return await client.closed()


_ODD = [
    "",
    "\x00",
    "null",
    "NaN",
    '"auth"',
    "[" * 5000,
    '{"action":' * 3000,
    '{"action":"get","cache":"quote:A","limit":1e999}',
    '{"action":"get","cache":"quote:A","limit":null}',
    '{"action":"get","cache":"quote:A","limit":' + "9" * 5000 + "}",
    '{"action":"get","cache":{"a":1}}',
    '{"action":"get","cache":"\\ud800"}',
    '{"action":"get","cache":"\\u0000*[^"}',
    '{"action":"subscribe","feed":"[*[[[^\\\\"}',
    '{"action":"subscribe","feed":7}',
    '{"action":"unsubscribe","feed":true}',
    '{"action":"auth","api_key":["key"]}',
    '{"action":"auth","api_key":"\\ud83d\\ude00"}',
    '{"action":{"action":"get"}}',
    '{"action":"get","action":"auth","cache":"x"}',
]
