"""A control plane whose sessions a test makes up: who is signed in is what the cookie says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from typing import Any

import httpx
import msgspec
from litestar.connection import ASGIConnection

from mesh.connection import Connection, open_connection
from mesh.http_server import HttpServer, listening
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.readiness import Report
from mesh.settings import Settings
from mesh.tasks import end
from schemas.account import Role
from schemas.naming import Bucket
from schemas.token_keys import JWKS_KEY, parse_key_set
from services.control.access import Access
from services.control.accounts import Accounts
from services.control.app import build
from services.control.audit import Audit
from services.control.caller import Caller
from services.control.credentials import Credentials
from services.control.me import me_routes


CSRF = "shown by pages of ours"
TOKEN_KEY = "0123456789abcdef" * 2
DESK = "http://desk.example.com"


class Control:
    """A process of the control plane."""

    def __init__(
        self, port: int, accounts: Accounts, credentials: Credentials, audit: Audit
    ) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.accounts = accounts
        self.credentials = credentials
        self.audit = audit

    def as_user(self, user: str, role: Role = Role.VIEWER) -> httpx.AsyncClient:
        """A browser in which *user* is signed in, on a page of ours."""
        headers = {"Origin": DESK, "X-CSRF-Token": CSRF, "Cookie": f"who={user}.{role}"}
        return self._client(headers)

    def with_token(self, token: str | None) -> httpx.AsyncClient:
        """A script."""
        return self._client({} if token is None else {"Authorization": f"Bearer {token}"})

    def _client(self, headers: dict[str, str]) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.origin, headers=headers, trust_env=False, timeout=30)

    async def widgets_token(self, user: str, role: Role = Role.VIEWER, **wanted: Any) -> str:
        """A token of the Widget Data Service, as the page of *user* gets it."""
        async with self.as_user(user, role) as client:
            answer = await client.post("/v1/widgets-token", json=wanted)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["token"]
        return token


@asynccontextmanager
async def controlling(
    settings: Settings, port: int = 0, origins: frozenset[str] = frozenset({DESK})
) -> AsyncIterator[Control]:
    """A process of the control plane, ready."""
    own = msgspec.structs.replace(settings, token_key=settings.token_key or TOKEN_KEY)
    log = set_up("control", "error")
    async with open_connection(own, "control", log) as connection:
        with listening(port, "the control plane", "MESH_CONTROL_PORT") as listener:
            accounts = Accounts(KeyValue(connection, Bucket.USERS))
            credentials = Credentials(connection, own, accounts, log)
            await credentials.open()
            audit = Audit(connection)
            access = Access(origins, _by_cookie, [credentials.api_tokens.caller])
            routes = [*me_routes(), *credentials.routes(audit)]
            server = HttpServer(build(access, routes, lambda: Report(True, {}, {}), log), ws="none")
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(each) for each in (accounts.run(), *credentials.running())
                ]
                serving = tasks.create_task(server.serve([listener]))
                await server.up.wait()
                try:
                    yield Control(listener.getsockname()[1], accounts, credentials, audit)
                finally:
                    server.should_exit = True
                    await serving
                    await end(running)


async def _by_cookie(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller | None:
    cookie = SimpleCookie(connection.headers.get("cookie", "")).get("who")
    if cookie is None:
        return None
    user, _, role = cookie.value.rpartition(".")
    return Caller(user, Role(role), "session", "s", CSRF)


async def published(connection: Connection) -> list[str]:
    """The ids of the keys that are published."""
    entry = await KeyValue(connection, Bucket.KEYS).get(JWKS_KEY)
    return [key.kid for key in parse_key_set(entry.value or b"").keys] if entry else []
