"""Keys, users and a server that believes them, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from nats.aio.client import Client
from nats.errors import Error

from mesh import clock
from mesh.nats_keys import DAY_S, ISSUER, Issued, Issuer, create, creds_file, inbox_prefix
from mesh.permissions import ADMIN, CLAIMS
from mesh.settings import Settings
from mesh.testing import RunningBroker, ready_connection, running_broker


class Secured(NamedTuple):
    """A server that believes the keys in a folder alone, with the topology applied."""

    broker: RunningBroker
    keys: Path
    issuer: Issuer

    def settings(self, program: str) -> Settings:
        """Those of a program."""
        return Settings(nats_url=self.broker.url, nats_creds=str(creds_file(self.keys, program)))

    def issue(self, name: str = "ann", days: int = 1) -> Issued:
        """An external user."""
        now_s = int(clock.now_ms() / 1000)
        return self.issuer.issue(name, now_s, now_s + days * DAY_S)


class Signed(NamedTuple):
    """A user as a client of NATS without any of ours: what is refused, the server refused."""

    client: Client
    refused: list[str]
    """What the server said that the user may not do, in small letters."""


@asynccontextmanager
async def secured(folder: Path) -> AsyncIterator[Secured]:
    """A server with keys of its own."""
    keys = folder / "keys"
    create(keys, int(clock.now_ms() / 1000))
    async with running_broker(folder / "jetstream", keys) as broker:
        whole = Secured(broker, keys, Issuer(keys / ISSUER))
        async with ready_connection(whole.settings(ADMIN)):
            pass
        yield whole


@asynccontextmanager
async def signed_in(url: str, creds: Path) -> AsyncIterator[Signed]:
    """A client of the user of *creds*, which does not come back by itself."""
    user = Signed(Client(), [])

    async def refuse(error: Exception) -> None:
        user.refused.append(str(error).lower())

    try:
        await user.client.connect(
            url,
            user_credentials=str(creds),
            inbox_prefix=inbox_prefix(creds) or "_INBOX",
            allow_reconnect=False,
            error_cb=refuse,
        )
        yield user
    finally:
        await user.client.close()


def creds_of(keys: Path, name: str) -> Path:
    """The credentials of any user of a set."""
    return creds_file(keys / ISSUER if name == CLAIMS else keys, name)


async def is_let_in(url: str, creds: Path) -> bool:
    """Whether the server lets the user of *creds* in."""
    try:
        async with signed_in(url, creds):
            return True
    except Error:
        return False
