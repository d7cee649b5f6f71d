"""The WebSocket edge: connections, who is let in, who has to go.

One connection a key: a newcomer wins and the older connection is closed with 1008. Nothing is
compressed. The server sends no pings: a lossless connection that is not read for minutes is held
back, not closed, and a live one has its backlog to judge it by.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from mesh.errors import FatalError
from services.simulator import finlight_server
from services.simulator.feed import Feed
from services.simulator.finlight_server import FinlightServer
from services.simulator.protocol import CONNECTED, EVICTED, Conversation, Subscriptions


PATH = "/stocks"
_NEWS_PATHS = (finlight_server.PATH, finlight_server.RAW_PATH)
POLICY_VIOLATION = 1008
_PARTING_S = 1.0


class Session:
    """One authenticated connection; `ended` says why it has to go (a last frame), once."""

    def __init__(self, connection: ServerConnection, subscriptions: Subscriptions) -> None:
        self.subscriptions = subscriptions
        self.ended: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self.subscribed = asyncio.Event()
        self._connection = connection

    async def send(self, frame: bytes) -> None:
        """Send a text frame; waits while the other side does not read."""
        await self._connection.send(frame, text=True)

    def drop(self) -> None:
        """End the connection because it has not read for too long; does not wait."""
        self.end(None)

    def end(self, last_frame: bytes | None) -> None:
        """Let the connection go, after *last_frame* if the other side still reads."""
        if not self.ended.done():
            self.ended.set_result(last_frame)


class FeedServer:
    """Speaks the vendor's protocol for one feed and one key; beside it, under another path, that of the vendor of *news*."""

    def __init__(self, feed: Feed, key: str, news: FinlightServer | None = None) -> None:
        self.connections = 0
        """Accepted since the start, whatever became of them."""
        self._feed = feed
        self._key = key
        self._news = news
        self._session: Session | None = None
        self._failure: asyncio.Future[FatalError] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def serving(self, listening: socket.socket) -> AsyncIterator[None]:
        """Serve on a bound socket for the duration of the context."""
        async with serve(
            self._accept,
            sock=listening,
            process_request=self._admit,
            compression=None,
            ping_interval=None,
            close_timeout=_PARTING_S,
            server_header=None,
        ):
            yield

    async def require_intact_feed(self) -> None:
        """Wait for as long as the feed can be played.

        Raises:
            FatalError: what a connection was being sent turned out to be broken.
        """
        raise await self._failure

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == PATH:
            return None
        if self._news is not None and request.path in _NEWS_PATHS:
            return self._news.admit(connection, request)
        return connection.respond(HTTPStatus.NOT_FOUND, f"the only market here is {PATH}\n")

    async def _accept(self, connection: ServerConnection) -> None:
        request = connection.request
        if self._news is not None and request is not None and request.path != PATH:
            await self._news.serve(connection)
            return
        self.connections += 1
        conversation = Conversation(self._key)
        with suppress(ConnectionClosed):  # the other side is free to go
            await connection.send(CONNECTED, text=True)
            if await _authenticated(connection, conversation):
                await self._serve(connection, conversation)

    async def _serve(self, connection: ServerConnection, conversation: Conversation) -> None:
        session = Session(connection, conversation.subscriptions)
        if self._session is not None:
            self._session.end(EVICTED)
        self._session = session
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_converse(connection, conversation, session)),
                    group.create_task(self._play(session)),
                ]
                last_frame = await session.ended
                for task in tasks:
                    task.cancel()
        finally:
            if self._session is session:
                self._session = None
        await _part(connection, last_frame)

    async def _play(self, session: Session) -> None:
        await session.subscribed.wait()
        try:
            await self._feed.play(session)
        except ConnectionClosed:
            session.end(None)
        except FatalError as error:
            session.end(None)
            if not self._failure.done():
                self._failure.set_result(error)


async def _authenticated(connection: ServerConnection, conversation: Conversation) -> bool:
    async for message in connection:
        answer = conversation.on_message(message)
        if answer is not None:
            await connection.send(answer, text=True)
        if conversation.refused:
            connection.transport.close()  # as the live server does it: no close frame
            return False
        if conversation.authenticated:
            return True
    return False


async def _converse(
    connection: ServerConnection, conversation: Conversation, session: Session
) -> None:
    with suppress(ConnectionClosed):
        async for message in connection:
            answer = conversation.on_message(message)
            if answer is not None:
                await connection.send(answer, text=True)
            if conversation.refused:
                break
            if conversation.subscriptions:
                session.subscribed.set()
    session.end(None)


async def _part(connection: ServerConnection, last_frame: bytes | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(2 * _PARTING_S):
            if last_frame is not None:
                await connection.send(last_frame, text=True)
            await connection.close(POLICY_VIOLATION)
            return
    connection.transport.abort()  # it does not even read its good-bye
