"""The operations page over a broker of the test's, for somebody of a given role."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mesh import broker
from mesh.connection import Connection, open_connection
from mesh.http_server import HttpServer, listening
from mesh.logs import set_up
from mesh.readiness import Report
from mesh.settings import Settings
from mesh.tasks import end
from schemas.account import Role
from services.control.access import Access
from services.control.app import build
from services.control.audit import Audit
from services.control.audit_rest import audit_routes
from services.control.caller import Caller
from services.control.me import me_routes
from services.control.runtime_rest import runtime_routes
from services.control.watch import Watch


PICTURES = Path(__file__).parents[2] / "pictures"
CSRF = "csrf-of-the-test"


class Operating:
    """A control plane of the test's own."""

    def __init__(self, port: int, connection: Connection) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.page = f"{self.origin}/operations"
        self.connection = connection
        self.role: Role | None = Role.ADMIN
        """Of whoever asks; None: nobody is signed in."""


@asynccontextmanager
async def operating(settings: Settings) -> AsyncIterator[Operating]:
    """It, serving for the duration of the context."""
    port, log = broker.free_port(), set_up("test", "error")
    async with open_connection(settings, "control", log) as connection:
        made = Operating(port, connection)

        async def by_session(_: Any) -> Caller | None:
            return Caller("ann", made.role, "session", "s", CSRF) if made.role else None

        watch = Watch(settings, connection)
        routes = [
            *watch.routes(),
            *me_routes(),
            *audit_routes(Audit(connection)),
            *runtime_routes(connection, []),
        ]
        access = Access(frozenset({made.origin}), by_session)
        app = build(access, routes, lambda: Report(True, {}, {}), log)
        with listening(port, "a test", "nothing") as listener:
            server = HttpServer(app, ws="none")
            serving = asyncio.get_running_loop().create_task(server.serve([listener]))
            watching = asyncio.get_running_loop().create_task(watch.run())
            await server.up.wait()
            try:
                yield made
            finally:
                server.should_exit = True
                await serving
                await end([watching])
