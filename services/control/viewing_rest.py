"""Which feeds a user may see, for operators: shown and narrowed."""

from typing import Annotated

from litestar import get, post
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, PathParameter

from mesh.tokens import is_user
from schemas.account import Role
from services.control.access import needs
from services.control.audit import Audit
from services.control.caller import Asked, record
from services.control.revocations import Revocations
from services.control.viewing import Scopes, Viewing


_User = Annotated[str, PathParameter(description="The name of the user")]


def viewing_routes(
    viewing: Viewing, revocations: Revocations, audit: Audit
) -> list[HTTPRouteHandler]:
    """What shows and narrows scopes."""

    @get("/v1/users/{user:str}/scopes", opt=needs(Role.OPERATOR), sync_to_thread=False)
    def shown(user: _User) -> Scopes:
        """What a user may see by an operator's decision; null: what the role gives."""
        return Scopes(viewing.narrowed(_checked(user)))

    @post("/v1/users/{user:str}/scopes", opt=needs(Role.OPERATOR), status_code=200)
    async def narrow(request: Asked, user: _User, data: JSONBody[Scopes]) -> Scopes:
        """Let a user see no more than these feeds; whoever is connected goes on with what is left."""
        before = viewing.narrowed(_checked(user))
        try:
            await viewing.narrow(user, data.scopes)
        except ValueError as error:
            raise ClientException(str(error)) from error
        await revocations.sign_out(user, may_return=True)
        await audit.write(record(request, "scopes.set", user, before=before, after=data.scopes))
        return data

    return [shown, narrow]


def _checked(user: str) -> str:
    if not is_user(user):
        raise ClientException("a user must be 1–100 printable characters")
    return user
