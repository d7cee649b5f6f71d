"""What the connections of one process share: what can be followed, who is there, and the end."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mesh import clock
from mesh.logs import Log
from schemas.widget import EXPIRED, RESTARTING, TOO_SLOW, Status
from schemas.wire import encode_json
from services.widgets.catalogue import Catalogue
from services.widgets.client import Client, Guest
from services.widgets.limits import Places
from services.widgets.revoked import Revoked


_STALLED_S = 30.0
LOOK_S = 3.0
"""How often it is worth looking for stalled clients: to look at thousands costs as much as to send to some hundred."""


class Hub:
    """Everybody who is served. Nothing is queued for anybody."""

    def __init__(self, catalogue: Catalogue, places: Places, log: Log) -> None:
        self._log = log
        self.catalogue = catalogue
        self.places = places
        self.closing = False
        """Whether every client is to be closed: at the end, and while the process is drained."""
        self.stale = False
        """Whether what is served is not known to be up to date."""
        self.clients_served = 0
        self.closed: dict[int, int] = {}
        """Connections that the service ended, by code."""
        self.revoked = Revoked()
        self._clients: set[Guest] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def clients(self) -> int:
        """Clients that are connected."""
        return len(self._clients)

    @property
    def slow(self) -> int:
        """Those of them who have no room for more."""
        return sum(
            isinstance(client, Client) and client.connection.full_since_s is not None
            for client in self._clients
        )

    @contextmanager
    def joined(self, client: Guest) -> Iterator[None]:
        """The time during which *client* is connected."""
        self._clients.add(client)
        self._empty.clear()
        self.clients_served += 1
        if self.closing:
            client.session.close(RESTARTING)
        try:
            yield
        finally:
            self._clients.discard(client)
            client.session.leave()
            self._count(client)
            if not self._clients:
                self._empty.set()

    def say_stale(self, *, stale: bool) -> None:
        """Tell everybody that what is served has lost its source, or has it again."""
        if stale != self.stale:
            self.stale = stale
            for client in self._clients:
                if client.session.is_welcome:
                    client.session.say(self.status())

    def status(self) -> Status:
        """How it stands with the source of what is served."""
        return Status(self.stale, int(clock.now_ms()))

    def revoke(self, key: str, value: bytes) -> None:
        """Let in nobody any more whose token an entry of KV `revoked` takes back, and close those who are.

        Raises:
            ValueError: it is no such entry.
        """
        if not self.revoked.put(key, value):
            return
        for client in self._clients:
            why = None if client.token is None else self.revoked.why(client.token)
            if why is not None:
                client.session.close(why)

    def end_tokens_of(self, keys: frozenset[str]) -> None:
        """Have whoever is here with a token of one of *keys* come back with another."""
        for client in self._clients:
            if client.token is not None and client.token.key in keys:
                client.session.close(EXPIRED)

    def end_stalled(self) -> None:
        """End connections whose client has taken nothing for too long."""
        now_s = clock.monotonic_s()
        for client in self._clients:
            since_s = client.connection.full_since_s if isinstance(client, Client) else None
            if since_s is not None and now_s - since_s > _STALLED_S:
                client.session.close(TOO_SLOW)

    def report(self) -> bytes:
        """What the feed `status` tells, as JSON."""
        market = self.catalogue.market
        return encode_json(
            {
                "server_ms": int(clock.now_ms()),
                "stale": self.stale,
                "clients": self.clients,
                "symbols": 0 if market is None else len(market.columns),
                "head": None if market is None else market.head,
            }
        )

    def drain(self, *, drained: bool) -> None:
        """Send every client elsewhere, and whoever comes; or serve again."""
        self.closing = drained
        if drained:
            for client in self._clients:
                client.session.close(RESTARTING)

    async def close(self, patience_s: float) -> None:
        """Have every client closed; who does not take even that within *patience_s* is left behind."""
        self.drain(drained=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._empty.wait()

    def _count(self, client: Guest) -> None:
        """Count and log an end that was ours: what a client did wrong, and never what it sent."""
        why = client.session.closing
        if why is not None:
            self.closed[why.code] = self.closed.get(why.code, 0) + 1
            if why is not RESTARTING:
                self._log.info(
                    "client.closed",
                    code=why.code,
                    why=why.name,
                    user=client.user,
                    address=client.address,
                )
