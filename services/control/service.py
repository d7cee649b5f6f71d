"""The program `control`: sign-in, sessions, accounts, the audit, and everything that people run the mesh with."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.types import ControllerRouterHandler

from mesh.address import THIS_MACHINE, is_loopback, own_origins, parse_origins, reach
from mesh.calendar import calendar_with
from mesh.connection import Connection
from mesh.http_server import HttpServer, listening
from mesh.kv import KeyValue
from mesh.lifecycle import Counters, Lifecycle
from mesh.logs import Log
from mesh.nats_keys import Issuer
from mesh.service import join
from mesh.settings import Settings
from mesh.spans import Spans
from mesh.tasks import end
from schemas.naming import Bucket
from services import scanners
from services.control import figures, oidc
from services.control.access import Access
from services.control.accounts import Accounts
from services.control.app import build
from services.control.attempts import Attempts
from services.control.audit import Audit
from services.control.audit_rest import audit_routes
from services.control.credentials import Credentials
from services.control.door import Door
from services.control.layouts import layout_routes
from services.control.layouts_shared import sharing_routes
from services.control.links import Links
from services.control.me import me_routes
from services.control.nats_users import NatsUsers, nats_user_routes
from services.control.oidc_provider import Provider
from services.control.own import own_routes
from services.control.pages import pages
from services.control.passwords import Passwords
from services.control.runtime_rest import runtime_routes
from services.control.sessions import Limits, Sessions
from services.control.shared_layouts import SharedLayouts
from services.control.sign_in import Ways, sign_in_routes
from services.control.users_rest import users_routes
from services.control.watch import Watch
from services.control.welcome import Reception, welcome_routes


DEFAULT_PORT = 8081
DESK_PORT = 8080


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Serve until told to stop.

    Raises:
        FatalError: the port is taken.
    """
    port = settings.control_port or DEFAULT_PORT
    with listening(port, "the control plane", "MESH_CONTROL_PORT", host=settings.host) as listener:
        async with (
            join(settings, lifecycle, "control") as service,
            oidc.opened(settings, _page(settings, port)) as provider,
            asyncio.TaskGroup() as tasks,
        ):
            parts = Parts(
                settings, port, service.connection, lifecycle.log, provider, lifecycle.spans
            )
            await parts.credentials.open()
            answered, calendar = Counter[str](), calendar_with(settings.closures)
            app = build(parts.access, parts.routes(), lifecycle.report, lifecycle.log, answered)
            lifecycle.meters.add(
                lambda: figures.of(parts.watch.report(), parts.audit.written, answered, calendar)
            )
            server = HttpServer(app, ws="none")
            running = [tasks.create_task(each) for each in parts.running()]
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

    def __init__(
        self,
        settings: Settings,
        port: int,
        connection: Connection,
        log: Log,
        provider: Provider | None = None,
        spans: Spans | None = None,
    ) -> None:
        self.page = _page(settings, port)
        self.audit = Audit(connection)
        self.accounts = Accounts(KeyValue(connection, Bucket.USERS))
        self.credentials = Credentials(connection, settings, self.accounts, log)
        self.passwords = Passwords()
        self.links = Links(KeyValue(connection, Bucket.LINKS), f"{self.page}/welcome")
        limits = _limits(settings, port)
        self.sessions = Sessions(KeyValue(connection, Bucket.SESSIONS), self.accounts, limits)
        self.door = Door(
            self.accounts, self.passwords, Attempts(KeyValue(connection, Bucket.ATTEMPTS))
        )
        self.reception = Reception(self.accounts, self.links, self.passwords)
        self.access = Access(
            _origins(settings, port),
            self.sessions.caller,
            [self.credentials.api_tokens.caller],
            behind_proxy=bool(settings.control_url),
        )
        self.provider = provider
        self._log = log
        self._sign_ins = KeyValue(connection, Bucket.SIGN_INS)
        self._limits = limits
        self.watch = Watch(settings, connection, spans)
        self._settings = settings
        self._connection = connection
        self._boards = [board.name for board in scanners.discover(settings.boards)]

    def running(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run beside the routes, for ever."""
        return [
            self.accounts.run(), self.sessions.run(), self.watch.run(), *self.credentials.running(),
        ]  # fmt: skip

    def routes(self) -> list[ControllerRouterHandler]:
        """All routes."""
        is_open = self._settings.self_registration
        return [
            *pages(),
            *me_routes(),
            *audit_routes(self.audit),
            *sign_in_routes(
                self.door,
                self.sessions,
                self.audit,
                self.access.origins,
                Ways(is_open, oidc.offered(self.provider)),
                oidc.goodbye(self.provider, self.page),
            ),
            *self._oidc_routes(),
            *own_routes(self.accounts, self.sessions, self.door, self.passwords, self.audit),
            *self._layout_routes(),
            *users_routes(self.accounts, self.links, self.audit),
            *welcome_routes(self.reception, self.door, self.sessions, self.audit, is_open=is_open),
            *nats_user_routes(self._nats_users(), self.audit),
            *runtime_routes(self._connection, self._boards),
            *self.credentials.routes(self.audit),
            *self.watch.routes(),
        ]

    def _nats_users(self) -> NatsUsers | None:
        if not self._settings.nats_issuer:
            return None
        issuer = Issuer(Path(self._settings.nats_issuer))
        known = KeyValue(self._connection, Bucket.NATS_USERS)
        return NatsUsers(self._settings, known, issuer, self._log)

    def _layout_routes(self) -> list[HTTPRouteHandler]:
        layouts = KeyValue(self._connection, Bucket.LAYOUTS)
        shared = SharedLayouts(KeyValue(self._connection, Bucket.SHARED_LAYOUTS))
        return [
            *layout_routes(layouts, self.audit),
            *sharing_routes(layouts, shared, self.audit),
        ]

    def _oidc_routes(self) -> list[HTTPRouteHandler]:
        if self.provider is None:
            return []
        way = oidc.Way(
            self.provider,
            oidc.names(self._settings),
            self.accounts,
            self.sessions,
            self._sign_ins,
            self.door,
            self.audit,
            self.access.origins,
            f"{self._limits.cookie}-oidc",
            self._limits.is_secure,
        )
        return oidc.oidc_routes(way)


def _page(settings: Settings, port: int) -> str:
    """The address of this program, for browsers."""
    return settings.control_url or f"http://{reach(settings.host)}:{port}"


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
    own = (
        frozenset({settings.control_url})
        if settings.control_url
        else _of_this_machine(settings, port)
    )
    further = parse_origins(settings.control_origins) or _of_this_machine(
        settings, settings.port or DESK_PORT
    )
    return own | further


def _of_this_machine(settings: Settings, port: int) -> frozenset[str]:
    """What is signed in over plain HTTP must not cross a network, wherever the program listens."""
    return own_origins(settings.host if is_loopback(settings.host) else THIS_MACHINE, port)
