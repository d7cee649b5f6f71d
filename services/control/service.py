"""The program `control`: sign-in, sessions, accounts, the audit, and everything that people run the mesh with."""

import asyncio
from pathlib import Path

from litestar.types import ControllerRouterHandler

from mesh.address import parse_origins
from mesh.connection import Connection, open_connection
from mesh.http_server import HOST, HttpServer, listening
from mesh.kv import KeyValue
from mesh.lifecycle import Counters, Lifecycle
from mesh.logs import Log
from mesh.nats_keys import Issuer
from mesh.settings import Settings
from mesh.tasks import end
from schemas.naming import Bucket
from services.control.access import Access
from services.control.accounts import Accounts
from services.control.app import build
from services.control.attempts import Attempts
from services.control.audit import Audit
from services.control.audit_rest import audit_routes
from services.control.door import Door
from services.control.links import Links
from services.control.me import me_routes
from services.control.nats_users import NatsUsers, nats_user_routes
from services.control.own import own_routes
from services.control.pages import pages
from services.control.passwords import Passwords
from services.control.sessions import Limits, Sessions
from services.control.sign_in import Ways, sign_in_routes
from services.control.users_rest import users_routes
from services.control.welcome import Reception, welcome_routes


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
            parts = Parts(settings, port, connection, lifecycle.log)
            app = build(parts.access, parts.routes(), lifecycle.report, lifecycle.log)
            server = HttpServer(app, ws="none")
            running = [tasks.create_task(each.run()) for each in (parts.accounts, parts.sessions)]
            serving = tasks.create_task(server.serve([listener]))
            await server.up.wait()
            link = await parts.reception.first_link()
            if (
                link is not None
            ):  # a warning, so that it is seen: whoever has it decides who may what
                lifecycle.log.warning("admin.missing", open_once=link)
            lifecycle.ready(page=f"{parts.page}/")
            await lifecycle.stopping.wait()
            server.should_exit = True
            await serving
            await end(running)
    return {}


class Parts:
    """What the program is made of."""

    def __init__(self, settings: Settings, port: int, connection: Connection, log: Log) -> None:
        self.page = settings.control_url or f"http://{HOST}:{port}"
        self.audit = Audit(connection)
        self.accounts = Accounts(KeyValue(connection, Bucket.USERS))
        self.passwords = Passwords()
        self.links = Links(KeyValue(connection, Bucket.LINKS), f"{self.page}/welcome")
        self.sessions = Sessions(
            KeyValue(connection, Bucket.SESSIONS), self.accounts, _limits(settings, port)
        )
        self.door = Door(
            self.accounts, self.passwords, Attempts(KeyValue(connection, Bucket.ATTEMPTS))
        )
        self.reception = Reception(self.accounts, self.links, self.passwords)
        self.access = Access(
            _origins(settings, port),
            self.sessions.caller,
            behind_proxy=bool(settings.control_url),
        )
        self._nats_users = _nats_users(settings, connection, log)
        self._settings = settings

    def routes(self) -> list[ControllerRouterHandler]:
        """All routes."""
        is_open = self._settings.self_registration
        return [
            *pages(),
            *me_routes(),
            *audit_routes(self.audit),
            *sign_in_routes(
                self.door, self.sessions, self.audit, self.access.origins, Ways(is_open, [])
            ),
            *own_routes(self.accounts, self.sessions, self.door, self.passwords, self.audit),
            *users_routes(self.accounts, self.links, self.audit),
            *nats_user_routes(self._nats_users, self.audit),
            *welcome_routes(self.reception, self.door, self.sessions, self.audit, is_open=is_open),
        ]


def _nats_users(settings: Settings, connection: Connection, log: Log) -> NatsUsers | None:
    if not settings.nats_issuer:
        return None
    issuer = Issuer(Path(settings.nats_issuer))
    return NatsUsers(settings, KeyValue(connection, Bucket.NATS_USERS), issuer, log)


def _limits(settings: Settings, port: int) -> Limits:
    """A cookie of plain HTTP is for this machine alone, and named by the port, since cookies do not tell ports apart."""
    is_secure = bool(settings.control_url)
    return Limits(
        idle_ms=settings.session_idle_min * 60_000,
        longest_ms=settings.session_h * 3_600_000,
        cookie="__Host-tickmesh" if is_secure else f"tickmesh-{port}",
        is_secure=is_secure,
    )


def _origins(settings: Settings, port: int) -> frozenset[str]:
    """Of the pages that may call in the name of whoever is signed in."""
    own = {settings.control_url} if settings.control_url else _of_this_machine(port)
    further = parse_origins(settings.control_origins) or _of_this_machine(
        settings.port or DESK_PORT
    )
    return frozenset(own | further)


def _of_this_machine(port: int) -> set[str]:
    return {f"http://127.0.0.1:{port}", f"http://localhost:{port}"}
