"""Who the caller is."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from schemas.account import Role
from schemas.wire import Wire
from services.control.access import needs
from services.control.caller import Asked


class Me(Wire, frozen=True):
    """The caller."""

    user: str
    role: Role
    kind: str
    """`session` or `token`."""
    csrf: str
    """What calls of this session that change something must show in `X-CSRF-Token`; empty for a token."""


def me_routes() -> list[HTTPRouteHandler]:
    """What tells a page who is signed in."""

    @get("/v1/me", opt=needs(Role.VIEWER), sync_to_thread=False)
    def me(request: Asked) -> Me:
        """Who calls, and what that lets them do."""
        caller = request.user
        return Me(caller.user, caller.role or Role.VIEWER, caller.kind, caller.csrf)

    return [me]
