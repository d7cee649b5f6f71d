"""`/compat/ws`: the replaced system's protocol on a real socket."""

import asyncio
from typing import Any

from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers.websocket_handlers import WebsocketRouteHandler

from mesh import clock
from mesh.tasks import end, ticks
from schemas.widget import AUTH_WITHIN_S, TOO_MANY, TOO_SLOW, UNAUTHENTICATED
from services.widgets.compat import CheckToken, CompatSession, Ending
from services.widgets.compat_source import CompatSource
from services.widgets.guard import from_pages
from services.widgets.limits import Places, Rate


PATH = "/compat/ws"

_FRAMES_A_SECOND, _FRAMES_AT_ONCE = 20.0, 200.0
"""Of one client, on average and in a burst: a widget sends five when it connects."""
_SEND_S = 30.0
"""A client that does not take a frame for so long is closed."""
_CLOSE_S = 2.0
_CHECK_S = 15.0
"""How often the token of a connection is looked at again."""

Socket = WebSocket[Any, Any, Any]


def compat_route(
    source: CompatSource,
    check_token: CheckToken,
    origins: frozenset[str],
    places: Places,
    *,
    auth_within_s: float = AUTH_WITHIN_S,
    check_s: float = _CHECK_S,
) -> WebsocketRouteHandler:
    """The handler of `/compat/ws`.

    The server that it runs in must refuse frames over 64 KB, and answer pings.

    Args:
        source: what is served; somebody must `run` it.
        check_token: whether the key of a client's first frame lets it in, now; it must compare in
            constant time. It is asked again every *check_s*.
        origins: the pages that may connect.
        places: shared with `/ws`; a key of the replaced system names no user, so clients count by address.
        auth_within_s: when a client that has not said who it is is closed.
        check_s: see *check_token*.
    """

    @websocket(PATH, guards=[from_pages(origins)])
    async def compat(socket: Socket) -> None:
        await socket.accept()
        address = socket.client.host if socket.client is not None else ""
        if places.enter(None, address) is not None:
            await _close(socket, Ending(TOO_MANY.code, TOO_MANY.name))
            return
        client = _Client(socket, source, check_token)
        try:
            async with asyncio.TaskGroup() as tasks:
                meanwhile = [
                    tasks.create_task(client.read(auth_within_s)),
                    tasks.create_task(client.check(check_s)),
                ]
                ending = await client.write()
                await end(meanwhile)
                await _close(socket, ending)
        except* (WebSocketDisconnect, OSError):
            pass  # the client is gone, or we closed it: there is nobody to tell
        finally:
            places.leave(None, address)

    return compat


class _Client:
    """The tasks of one connection."""

    def __init__(self, socket: Socket, source: CompatSource, check_token: CheckToken) -> None:
        self._socket = socket
        self._source = source
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._session = CompatSession(source.switch, check_token, self._wake.set)

    async def read(self, auth_within_s: float) -> None:
        """Take the client's frames, each after the one before was answered, until the connection is to end."""
        session = self._session
        try:
            async with asyncio.timeout(auth_within_s):
                session.on_text(await self._socket.receive_text())
        except TimeoutError:
            session.end(UNAUTHENTICATED)
        if not session.is_authorized:
            return
        with self._source.joined(session):
            await self._source.ready()  # a subscription that is acknowledged misses nothing
            allowed = Rate(_FRAMES_A_SECOND, _FRAMES_AT_ONCE)
            while session.ending is None:
                text = await self._socket.receive_text()
                if not allowed.take(clock.monotonic_s()):
                    session.end(TOO_MANY)
                session.on_text(text)
                if session.wanted is not None:
                    session.answer(await self._source.get(*session.wanted))
                while session.is_full:
                    self._room.clear()
                    await self._room.wait()

    async def check(self, check_s: float) -> None:
        """Look at the token again and again."""
        async for _ in ticks(check_s):
            self._session.check_again()

    async def write(self) -> Ending:
        """Send what the client is owed, each frame when there is room for it; how it ends."""
        session = self._session
        while True:
            frame = session.next_frame()
            if frame is not None:
                try:
                    async with asyncio.timeout(_SEND_S):
                        await self._socket.send_text(frame)
                except TimeoutError:
                    session.end(TOO_SLOW)
                    return Ending(TOO_SLOW.code, TOO_SLOW.name)
                self._room.set()
            elif session.ending is not None:
                return session.ending
            else:
                await self._wake.wait()
                self._wake.clear()


async def _close(socket: Socket, ending: Ending) -> None:
    try:
        async with asyncio.timeout(_CLOSE_S):
            await socket.close(ending.code, ending.reason)
    except TimeoutError:
        pass  # it does not take even that
