"""Conversations of the replaced system's widgets, replayed against the real route on a real server and broker."""

import pytest

from mesh.connection import Connection
from tests.services.widgets.compat_serving import conversations, follow, serving


pytestmark = pytest.mark.broker

RECORDED = conversations()


@pytest.mark.parametrize("name", RECORDED)
async def test_compat_conversation_goes_as_recorded(name: str, connection: Connection) -> None:
    """From the first frame of a client to the data it came for, every answer is the old system's, in its order."""
    async with serving(connection) as service:
        await follow(RECORDED[name], service)
