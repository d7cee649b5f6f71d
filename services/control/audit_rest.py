"""The audit for `curl` and for the page."""

from typing import Annotated

from litestar import get
from litestar.exceptions import ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from schemas.account import Role
from schemas.audit import Record
from schemas.wire import Wire
from services.control.access import needs
from services.control.audit import Audit


_Most = Annotated[int, QueryParameter(ge=1, le=1000, description="At most so many")]
_Who = Annotated[str | None, QueryParameter(description="Only what this user did")]
_Action = Annotated[
    str | None,
    QueryParameter(description="Only this action (`sign-in`), or all that begin so (`feed.*`)"),
]


class Records(Wire, frozen=True):
    """What was done, newest first."""

    records: list[Record]


def audit_routes(audit: Audit) -> list[HTTPRouteHandler]:
    """What reads the audit."""

    @get("/v1/audit", opt=needs(Role.ADMIN))
    async def read(most: _Most = 100, who: _Who = None, action: _Action = None) -> Records:
        """Who did what, when, and what came of it; newest first."""
        try:
            return Records(await audit.read(most, who, action))
        except ValueError as error:
            raise ValidationException(str(error)) from error

    return [read]
