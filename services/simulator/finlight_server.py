"""The news vendor's WebSocket: connections, who is let in, who has to go, and what goes wrong on demand.

One connection a key: a newcomer that asks for a takeover preempts the one before it, any other is
told of its limit.
"""

from contextlib import suppress
from http import HTTPStatus
from typing import Any

from msgspec import json
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from mesh.tasks import ticks
from schemas.wire import DecodeError
from services.simulator import finlight
from services.simulator.finlight import Query, decode_query
from services.simulator.newsroom import Newsroom, Story


PATH = "/finlight"
RAW_PATH = f"{PATH}/raw"
_LOOK_S = 0.1
_TOO_MANY = "connection limit reached"


class _Client:
    def __init__(self, connection: ServerConnection, query: Query, *, raw: bool) -> None:
        self.connection = connection
        self.query = query
        self.raw = raw

    async def send(self, frame: bytes) -> None:
        with suppress(ConnectionClosed):
            await self.connection.send(frame, text=True)


class FinlightServer:
    """Sends what a newsroom writes to whoever holds the one key."""

    def __init__(self, newsroom: Newsroom, key: str) -> None:
        self.connections = 0
        """Accepted since the start, whatever became of them."""
        self.sent = 0
        """Articles."""
        self.queries: list[Query] = []
        """What was asked for, in order."""
        self.refusal: HTTPStatus | None = None
        """What every handshake is refused with; None lets clients in."""
        self._newsroom = newsroom
        self._key = key
        self._client: _Client | None = None

    async def run(self) -> None:
        """Send stories as they come out, for ever."""
        async for _ in ticks(_LOOK_S):
            for story in self._newsroom.due():
                await self._offer(story)

    @property
    def is_connected(self) -> bool:
        """Whether somebody listens."""
        return self._client is not None

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse a handshake, or let it pass."""
        if self.refusal is not None:
            return connection.respond(self.refusal, "refused\n")
        if request.headers.get("x-api-key") != self._key:
            return connection.respond(HTTPStatus.FORBIDDEN, "Forbidden\n")
        return None

    async def serve(self, connection: ServerConnection) -> None:
        """Serve a connection until it ends."""
        self.connections += 1
        request = connection.request
        takes_over = request is not None and request.headers.get("x-takeover") == "true"
        raw = request is not None and request.path == RAW_PATH
        client: _Client | None = None
        try:
            async for message in connection:
                if client is not None:
                    await self._on_message(client, message)
                elif (query := _query(message)) is None:
                    await connection.send(finlight.error("invalid request"), text=True)
                else:
                    client = _Client(connection, query, raw=raw)
                    await self._enter(client, takes_over=takes_over)
        except ConnectionClosed:
            return
        finally:
            if client is not None and self._client is client:
                self._client = None

    async def say(self, frame: bytes | str) -> None:
        """Send *frame*, whatever it is, to whoever listens."""
        if self._client is not None:
            with suppress(ConnectionClosed):
                await self._client.connection.send(frame, text=isinstance(frame, bytes) or None)

    async def publish(self, article: Any) -> None:
        """Send an article of somebody else's making."""
        self.sent += 1
        await self.say(finlight.send_article(article))

    async def close(self, code: int) -> None:
        """Close the connection that is there."""
        if self._client is not None:
            await self._client.connection.close(code)

    def cut(self) -> None:
        """End the connection without a word."""
        if self._client is not None:
            self._client.connection.transport.abort()

    async def _enter(self, client: _Client, *, takes_over: bool) -> None:
        self.queries.append(client.query)
        before, lease = self._client, f"lease-{self.connections}"
        if before is not None and not takes_over:
            await client.send(finlight.error(_TOO_MANY))
            return
        self._client = client
        if before is not None:
            await before.send(finlight.preempted(lease))
        await client.send(finlight.admit(lease, self._newsroom.now_ms, client.query.client_nonce))

    async def _on_message(self, client: _Client, message: str | bytes) -> None:
        with suppress(ValueError):
            said = json.decode(message)
            if isinstance(said, dict) and said.get("action") == "ping":
                await client.send(finlight.pong(said.get("t")))

    async def _offer(self, story: Story) -> None:
        client = self._client
        if client is not None and client.query.wants(story):
            self.sent += 1
            article = finlight.article(story, client.query, raw=client.raw)
            await client.send(finlight.send_article(article))


def _query(message: str | bytes) -> Query | None:
    try:
        return decode_query(message)
    except DecodeError:
        return None
