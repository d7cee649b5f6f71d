"""All that lets programs and scripts in: tokens of the Widget Data Service, their keys, and personal API tokens."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from litestar.handlers import HTTPRouteHandler
from msgspec.structs import replace

from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.logs import Log
from mesh.settings import Settings
from mesh.tasks import ticks
from mesh.tokens import key_from, random_key
from schemas.account import User
from services.control.accounts import Accounts
from services.control.api_tokens import ApiTokens
from services.control.api_tokens_rest import api_token_routes
from services.control.audit import Audit
from services.control.key_ring import Seal, Times
from services.control.revocations import Revocations
from services.control.revocations_rest import revocation_routes
from services.control.signing import SigningKeys
from services.control.signing_rest import signing_routes
from services.control.viewing import Viewing
from services.control.viewing_rest import viewing_routes
from services.control.widgets_token_rest import widgets_token_routes


_FORGET_S = 3600.0


class Credentials:
    """What one control process knows of them; it shares them with all others by the broker."""

    def __init__(
        self, connection: Connection, settings: Settings, accounts: Accounts, log: Log
    ) -> None:
        """Begin with nothing known. Without a `MESH_TOKEN_KEY` nobody else can use the keys, nor this process after a restart."""
        token_key = key_from(settings)
        if token_key is None:
            log.warning("signing.unshared", reason="there is no MESH_TOKEN_KEY to seal keys with")
            token_key = random_key().encode()
        times = Times(float(settings.signing_days))
        self.keys = SigningKeys(connection, Seal(token_key), times, log)
        self.revocations = Revocations(connection)
        self.viewing = Viewing(connection, tuple(settings.viewer_scopes.split(",")))
        self.api_tokens = ApiTokens(connection, accounts, log)
        accounts.on_rights.append(self._on_rights)
        self._log = log

    async def open(self) -> None:
        """Know what is there, and have a key to sign with.

        Raises:
            BrokerError: the broker does not answer, or has no such buckets.
        """
        await self.keys.tend()
        await asyncio.gather(self.revocations.load(), self.viewing.load(), self.api_tokens.load())

    def running(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run beside the routes, for ever."""
        return [
            self.keys.run(),
            self.keys.keep(),
            self.revocations.run(),
            self.viewing.run(),
            self.api_tokens.run(),
            self._forget_old(),
        ]

    def routes(self, audit: Audit) -> list[HTTPRouteHandler]:
        """The routes of all of them."""
        return [
            *widgets_token_routes(self.keys, self.viewing, self.revocations),
            *revocation_routes(self.revocations, audit),
            *signing_routes(self.keys, audit),
            *viewing_routes(self.viewing, self.revocations, audit),
            *api_token_routes(self.api_tokens, self.viewing, self.revocations, audit),
        ]

    async def _on_rights(self, before: User, after: User) -> None:
        """Tokens of the Widget Data Service end with the sessions that got them; a new role alone signs nobody out."""
        is_role_alone = after.role != before.role and after == replace(
            before, role=after.role, rights=after.rights
        )
        await self.revocations.sign_out(after.name, may_return=is_role_alone)

    async def _forget_old(self) -> None:
        async for _ in ticks(_FORGET_S):
            try:
                await self.api_tokens.forget_old()
            except BrokerError as error:
                self._log.warning("api_tokens.kept", reason=str(error))
