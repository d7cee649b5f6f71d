"""A server with keys, and who looks after it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.connection import Connection, open_connection
from mesh.logs import set_up
from mesh.permissions import ADMIN
from tests.mesh.keys import Secured, secured


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Secured]:
    """A server with keys, users and the topology."""
    async with secured(tmp_path) as server:
        yield server


@pytest.fixture
async def admin(mesh: Secured) -> AsyncIterator[Connection]:
    """What looks after that server."""
    log = set_up("test", "error")
    async with open_connection(mesh.settings(ADMIN), "test", log) as connection:
        yield connection
