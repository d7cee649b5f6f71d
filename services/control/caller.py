"""Who calls: found once for each request, before its route is asked, and then `request.user`."""

from typing import Any, Literal, NamedTuple

from litestar import Request

from mesh import clock
from schemas.account import Role
from schemas.audit import DONE, Record


class Caller(NamedTuple):
    """Who calls, and how that is known."""

    user: str
    """The name; empty for nobody."""
    role: Role | None
    """What the call may do, which for a token may be less than its user may; None: nothing that needs a role."""
    kind: Literal["session", "token", "nobody"]
    id: str
    """Of the session or of the token, and no secret; empty for nobody."""
    csrf: str = ""
    """What a state-changing call of this session must show in `X-CSRF-Token`."""
    address: str = ""
    """Where the call came from."""


NOBODY = Caller("", None, "nobody", "")

Asked = Request[Caller, Any, Any]


def record(
    request: Asked,
    action: str,
    target: str = "",
    *,
    who: str | None = None,
    before: Any = None,
    after: Any = None,
    outcome: str = DONE,
) -> Record:
    """What the caller of *request* did, for the audit; *who*, if that is known better than by the caller."""
    return Record(
        at_ms=int(clock.now_ms()),
        who=request.user.user if who is None else who,
        action=action,
        target=target,
        before=before,
        after=after,
        outcome=outcome,
        address=request.user.address,
    )
