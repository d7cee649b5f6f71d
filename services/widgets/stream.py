"""The WebSocket `/ws`: what a client says goes to its session, what that decides is written by the pump."""

import asyncio
from collections.abc import Callable
from functools import partial
from secrets import SystemRandom
from typing import Any

from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import WebsocketRouteHandler

from mesh import clock
from mesh.errors import TokenError
from schemas.widget import AUTH_WITHIN_S, TOO_MANY, UNAUTHENTICATED, Bye, Close
from schemas.wire import encode_json
from services.widgets.client import Client
from services.widgets.credentials import subprotocol_for, token_of
from services.widgets.door import Door
from services.widgets.guard import from_pages
from services.widgets.limits import Allowance
from services.widgets.pump import Pump
from services.widgets.server import CONNECTION, Connection
from services.widgets.session import Session


Socket = WebSocket[Any, Any, Any]

_AGAIN_MS = {"now": (100, 2000), "later": (30_000, 60_000)}
"""Between which milliseconds a client is told to come back: not all at the same moment."""
_FAREWELL_S = 5.0
_REASON_BYTES = 120
"""A close frame has room for little more; the whole reason is in the `bye`."""
_chance = SystemRandom()


def stream_route(
    door: Door, pump: Pump, origins: frozenset[str], frames_per_s: int
) -> WebsocketRouteHandler:
    """The handler of `/ws`; *origins* are the pages that may open it."""

    @websocket("/ws", guards=[from_pages(origins)])
    async def stream(socket: Socket) -> None:
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(subprotocols=subprotocol_for(offered))
        await _Conversation(socket, door, pump, Allowance(frames_per_s)).hold()

    return stream


class _Conversation:
    def __init__(self, socket: Socket, door: Door, pump: Pump, allowance: Allowance) -> None:
        self._socket = socket
        self._door = door
        self._hub = door.hub
        extensions: Any = socket.scope.get("extensions")
        connection: Connection = extensions[CONNECTION]
        self._session = Session(self._hub.catalogue, allowance, self._wake, connection.way)
        self._client = Client(self._session, _address(socket), connection, self._finish)
        self._pump = pump
        self._finishing: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        """By when the client must have said who it is, or its token ends."""
        connection.on_room = partial(pump.on_room, self._client)

    def _wake(self) -> None:
        self._pump.wake(self._client)

    async def hold(self) -> None:
        """The whole conversation, up to the end of the connection."""
        refused = self._hub.places.enter(None, self._client.address)
        if refused is not None:
            await self._farewell(TOO_MANY, refused)
            return
        try:
            with self._hub.joined(self._client):
                self._greet()
                await self._read()
        finally:
            self._client.is_gone = True
            self._hub.places.leave(self._client.user, self._client.address)
            for timer in (self._deadline, self._client.timer):
                if timer is not None:
                    timer.cancel()
            if self._finishing is not None:
                await self._finishing

    def _greet(self) -> None:
        scope = self._socket.scope
        try:
            text = token_of(scope["headers"], scope.get("subprotocols", []), scope["query_string"])
        except TokenError as error:
            self._session.close(UNAUTHENTICATED, str(error))
            return
        self._open(text)
        if not self._session.is_welcome:
            self._later(AUTH_WITHIN_S, self._give_up)

    def _open(self, text: str | None) -> None:
        was_welcome = self._session.is_welcome
        self._door.open_to(self._client, text, self._later)
        if self._session.is_welcome and not was_welcome and self._hub.stale:
            self._session.say(self._hub.status())

    def _give_up(self) -> None:
        if not self._session.is_welcome:
            self._session.close(UNAUTHENTICATED, f"no token within {AUTH_WITHIN_S:.0f} s")

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do *act* then, instead of what was to be done before."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(max(seconds, 0.0), act)

    async def _read(self) -> None:
        """Take what the client says, until the connection is closed from either side."""
        while True:
            message = await self._socket.receive()
            if message["type"] != "websocket.receive":
                return
            content = message.get("text")
            self._session.on_text(content or message.get("bytes") or "", clock.monotonic_s() * 1000)
            if self._session.token is not None:
                text, self._session.token = self._session.token, None
                self._open(text)

    def _finish(self) -> None:
        """Close the connection as the session says; the reader then hears that it is closed."""
        if self._finishing is None and self._session.closing is not None:
            self._finishing = asyncio.get_running_loop().create_task(
                self._farewell(self._session.closing, self._session.reason)
            )

    async def _farewell(self, why: Close, reason: str) -> None:
        again = _AGAIN_MS.get(why.again)
        bye = Bye(why.code, reason, None if again is None else _chance.randint(*again))
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self._socket.send_text(encode_json(bye).decode())
                await self._socket.close(why.code, _shortened(reason))
        except TimeoutError:
            self._client.connection.abort()  # it does not take even that
        except (WebSocketDisconnect, OSError):
            pass  # it is gone: there is nobody to tell


def _shortened(reason: str) -> str:
    return reason.encode()[:_REASON_BYTES].decode(errors="ignore")


def _address(socket: Socket) -> str:
    return socket.client.host if socket.client is not None else ""
