"""The program, and its first admin."""

from collections.abc import AsyncIterator

import pytest

from mesh.connection import Connection
from mesh.settings import Settings
from tests.services.control.people import Person, first_admin
from tests.services.control.serving import Running, running


@pytest.fixture
async def program(settings: Settings, connection: Connection) -> AsyncIterator[Running]:
    """The control plane, with nobody in it."""
    del connection  # it has seen to the buckets
    async with running(settings) as made:
        yield made


@pytest.fixture
async def ann(program: Running, connection: Connection) -> Person:
    """The first admin, signed in."""
    return await first_admin(program, connection)
