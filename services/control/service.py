"""The program `control`: sign-in, sessions, accounts, the audit, and everything that people run the mesh with."""

import asyncio
from pathlib import Path
from typing import Any

from litestar.connection import ASGIConnection
from litestar.types import ControllerRouterHandler

from mesh.address import parse_origins
from mesh.connection import Connection, open_connection
from mesh.http_server import HOST, HttpServer, listening
from mesh.kv import KeyValue
from mesh.lifecycle import Counters, Lifecycle
from mesh.nats_keys import Issuer
from mesh.settings import Settings
from schemas.naming import Bucket
from services.control.access import Access
from services.control.app import build
from services.control.audit import Audit
from services.control.audit_rest import audit_routes
from services.control.caller import Caller
from services.control.me import me_routes
from services.control.nats_users import NatsUsers, nats_user_routes


DEFAULT_PORT = 8081
DESK_PORT = 8080


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Serve until told to stop.

    Raises:
        FatalError: the port is taken.
    """
    port = settings.control_port or DEFAULT_PORT
    with listening(port, "the control plane", "MESH_CONTROL_PORT") as listener:
        async with (
            open_connection(settings, "control", lifecycle.log) as connection,
            asyncio.TaskGroup() as tasks,
        ):
            access = Access(_origins(settings, port), _nobody)
            server = HttpServer(
                build(
                    access,
                    _routes(settings, connection, lifecycle),
                    lifecycle.report,
                    lifecycle.log,
                ),
                ws="none",
            )
            serving = tasks.create_task(server.serve([listener]))
            await server.up.wait()
            lifecycle.ready(page=f"http://{HOST}:{port}/")
            await lifecycle.stopping.wait()
            server.should_exit = True
            await serving
    return {}


async def _nobody(_: ASGIConnection[Any, Any, Any, Any]) -> Caller | None:
    return None


def _routes(
    settings: Settings, connection: Connection, lifecycle: Lifecycle
) -> list[ControllerRouterHandler]:
    audit = Audit(connection)
    users = _nats_users(settings, connection, lifecycle)
    return [*me_routes(), *audit_routes(audit), *nats_user_routes(users, audit)]


def _nats_users(
    settings: Settings, connection: Connection, lifecycle: Lifecycle
) -> NatsUsers | None:
    if not settings.nats_issuer:
        return None
    issuer = Issuer(Path(settings.nats_issuer))
    return NatsUsers(settings, KeyValue(connection, Bucket.NATS_USERS), issuer, lifecycle.log)


def _origins(settings: Settings, port: int) -> frozenset[str]:
    """Of the pages that may call in the name of whoever is signed in."""
    own = {settings.control_url} if settings.control_url else _of_this_machine(port)
    further = parse_origins(settings.control_origins) or _of_this_machine(
        settings.port or DESK_PORT
    )
    return frozenset(own | further)


def _of_this_machine(port: int) -> set[str]:
    return {f"http://127.0.0.1:{port}", f"http://localhost:{port}"}
