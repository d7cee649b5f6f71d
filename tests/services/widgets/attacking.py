"""What tests that attack the program `widgets` share: afterwards it serves others, and nothing was given away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.frames import Frame, Opcode

from mesh.settings import Settings
from schemas.widget import CLOSE_CODES, Bye, Hello
from tests.services.widgets.serving import KEY, Running, Visitor, on_free_port, running, visiting


MARK = "MARK-of-a-payload"
"""Stands in what attackers send, and in no line of a log."""
TOKEN_BEGINS = "eyJ"  # noqa: S105 (how each begins)

CODES = {close.code: close for close in CLOSE_CODES}


@asynccontextmanager
async def attacked(
    settings: Settings, caplog: pytest.LogCaptureFixture, **changes: object
) -> AsyncIterator[Running]:
    """The program. After the attack another client is still served, nothing failed, and no secret was logged."""
    async with running(on_free_port(settings, ws_flush_ms=10, **changes)) as program:
        yield program
        async with visiting(program, token=program.token(user="another")) as other:
            await other.hear(Hello)
            assert await other.is_served()
    said = [str(record) for record in program.lifecycle.records] + [caplog.text]
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []
    assert [each for each in program.lifecycle.records if each["level"] == "error"] == []
    for secret in (TOKEN_BEGINS, KEY, MARK):
        assert not any(secret in line for line in said), secret


async def ended(visitor: Visitor) -> Bye:
    """The farewell of a connection that the service ends, checked against the table of codes."""
    code, bye = await visitor.until_closed()
    assert bye is not None, f"closed with {code} without a bye"
    assert bye.code == code
    assert (bye.again_ms is None) == (CODES[code].again == "never")
    return bye


def put_frame(visitor: Visitor, opcode: Opcode, content: bytes, *, fin: bool = True) -> None:
    """Send a frame as no client library would."""
    frame = Frame(opcode, content, fin)
    visitor.connection.transport.write(frame.serialize(mask=True))
