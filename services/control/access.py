"""Who may call a route: declared where the route is, in one way, and checked before anything else.

    @post("/v1/feeds/{name:str}/stop", opt=needs(Role.OPERATOR))
    @get("/v1/health", opt=ANYBODY)

A route without a declaration keeps the application from starting. What changes state and is called
by a session, which a browser sends along with whatever a page asks for, must also come from a page
of an origin that we know, and show the session's CSRF token, which only such a page can read.
Nobody's call that changes state (a sign-in) may come without an origin, from a program, but not
from a foreign page. A call with an API token needs neither: no browser sends one by itself.
"""

from collections.abc import Awaitable, Callable, Sequence
from hmac import compare_digest
from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import HTTPRoute

from mesh.bearer import bearer_of
from mesh.errors import TokenError
from schemas.account import Role
from services.control.caller import NOBODY, Caller


CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""None of them changes state."""

_LONGEST_ADDRESS = 45
"""Of IPv6 with an IPv4 address at its end."""
_NEEDS = "needs"

Connection = ASGIConnection[Any, Any, Any, Any]
BySession = Callable[[Connection], Awaitable[Caller | None]]
"""Who is signed in, by the cookie of a request; None if nobody is."""
ByToken = Callable[[str], Awaitable[Caller | None]]
"""Whose API token a text is; None if it is none of theirs."""


def needs(role: Role | None) -> dict[str, Any]:
    """The declaration, as `opt` of a route: callers must have *role* at least; None: anybody may call it."""
    return {_NEEDS: role}


ANYBODY = needs(None)


def declared(app: Litestar) -> list[tuple[str, str, Role | None]]:
    """Path, method and needed role of every route of *app*, without the answers to `OPTIONS` that the framework gives.

    Raises:
        ValueError: some declare nothing; all of them are named.
    """
    found: list[tuple[str, str, Role | None]] = []
    silent: list[str] = []
    for route in app.routes:
        handlers = route.route_handlers if isinstance(route, HTTPRoute) else [route.route_handler]
        for handler in handlers:
            methods = sorted(_methods(handler))
            if _NEEDS in handler.opt:
                found += [(route.path, method, handler.opt[_NEEDS]) for method in methods]
            elif methods != ["OPTIONS"]:
                silent.append(f"{'/'.join(methods)} {route.path}")
    if silent:
        raise ValueError(f"must say who may call it (opt=needs(…)): {', '.join(sorted(silent))}")
    return found


class Access:
    """Finds the caller of each request, and refuses what the caller may not do."""

    def __init__(
        self,
        origins: frozenset[str],
        by_session: BySession,
        by_token: Sequence[ByToken] = (),
        *,
        behind_proxy: bool = False,
    ) -> None:
        """Know callers.

        Args:
            origins: of the pages that may call in the name of whoever is signed in.
            by_session: who is signed in.
            by_token: whose API token it is; asked one after the other.
            behind_proxy: whether there is one, which says in `X-Forwarded-For` where a call came from.
        """
        self.origins = origins
        self._by_session = by_session
        self._by_token = by_token
        self._behind_proxy = behind_proxy

    async def admit(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Let a call go on to its route. The guard of the whole application.

        Raises:
            NotAuthorizedException: it is not known who calls, and the route needs to know.
            PermissionDeniedException: the caller may not do this, or did not ask for it.
        """
        address = self._address(connection)
        connection.scope["user"] = NOBODY._replace(address=address)
        caller = (await self._caller(connection))._replace(address=address)
        connection.scope["user"] = caller
        if connection.scope.get("method") not in SAFE_METHODS:
            self._refuse_forged(connection, caller)
        needed: Role | None = handler.opt.get(_NEEDS)
        if needed is None:
            return
        if caller.role is None:
            raise NotAuthorizedException("nobody is signed in: sign in, or send an API token")
        if not caller.role.covers(needed):
            raise PermissionDeniedException(
                f"this needs the role {needed}, and yours is {caller.role}: ask an admin"
            )

    async def _caller(self, connection: Connection) -> Caller:
        try:
            token = bearer_of(connection.scope["headers"])
        except TokenError as error:
            raise NotAuthorizedException(str(error)) from error
        if token is None:
            return await self._by_session(connection) or NOBODY
        for known in self._by_token:
            caller = await known(token)
            if caller is not None:
                return caller
        raise NotAuthorizedException("the API token is unknown, revoked or past its end")

    def _address(self, connection: Connection) -> str:
        """Of whoever is at the other end; of a proxy, what it says itself, and not what it was told."""
        said = ",".join(connection.headers.getall("x-forwarded-for", []))
        said = said.rpartition(",")[2].strip()
        if self._behind_proxy and said:
            return said[:_LONGEST_ADDRESS]
        return "" if connection.client is None else connection.client.host

    def _refuse_forged(self, connection: Connection, caller: Caller) -> None:
        if caller.kind == "token":
            return
        origin = connection.headers.get("origin")
        if origin not in self.origins and (origin is not None or caller.kind == "session"):
            raise PermissionDeniedException(
                "this call came from no page of ours: its Origin is missing or unknown (MESH_CONTROL_ORIGINS)"
            )
        shown = connection.headers.get(CSRF_HEADER, "")
        if caller.kind == "session" and not compare_digest(
            shown.encode("latin-1", "replace"), caller.csrf.encode()
        ):
            raise PermissionDeniedException(
                f"the header {CSRF_HEADER} is missing or not that of this session: load the page again"
            )


def _methods(handler: BaseRouteHandler) -> set[str]:
    return {*handler.http_methods} if isinstance(handler, HTTPRouteHandler) else {"*"}
