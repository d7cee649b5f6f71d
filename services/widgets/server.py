"""uvicorn, as the program needs it: with a way to end a connection at once."""

from collections.abc import Callable
from typing import Any

from litestar import Litestar
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from mesh import clock
from mesh.http_server import HttpServer
from schemas.widget import MAX_CLIENT_FRAME_BYTES, TOO_MANY, TOO_SLOW, Close
from services.widgets.limits import Rate
from services.widgets.way import Way


BACKLOG = 4096
SEND_BUFFER_BYTES = 256 * 1024
"""Of the kernel, for each client. Left to itself it grows to megabytes, and a slow client would be
sent seconds of old deltas from there before it could be given the present state."""
CONNECTION = "tickmesh.connection"
"""Extension of a WebSocket's scope: its connection, with which the framework has nothing to do any more."""


PING_EVERY_S = 25.0
PING_WITHIN_S = 15.0
"""A WebSocket whose client does not answer a ping in that time is ended."""

_CONTROL_PER_S = 100.0
_LINGER_S = 2.0
"""For so long a client may take the last bytes of a connection that was ended, and answer them."""


class Connection(WebSocketsSansIOProtocol):
    """A WebSocket as uvicorn has it. What is sent to it directly has not passed three layers of the framework.

    What no application sees is bounded here: control frames, the pieces of a message, and whoever takes nothing.
    """

    on_room: Callable[[float], None] | None = None
    """Called when the client has room again, with the seconds for which it had none."""

    full_since_s: float | None = None
    """Since when it has none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.way = Way(self.abort)
        """For whoever sends to the client directly."""
        super().__init__(*args, **kwargs)
        self._unseen = Rate(_CONTROL_PER_S, 2 * _CONTROL_PER_S)

    @property  # type: ignore[explicit-override]  # typing's comes with 3.12
    def close_sent(self) -> bool:
        """What uvicorn asks before it sends; it is kept where everybody asks it."""
        return not self.way.is_open

    @close_sent.setter
    def close_sent(self, is_sent: bool) -> None:
        self.way.is_open = not is_sent

    def connection_made(self, transport: Any) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Begin."""
        super().connection_made(transport)
        self.way.write = transport.write

    def connection_lost(self, exc: Exception | None) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Nothing is sent any more."""
        super().connection_lost(exc)
        self.way.is_open = False

    def pause_writing(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """The client has no room for more."""
        super().pause_writing()
        self.way.has_room, self.full_since_s = False, clock.monotonic_s()

    def resume_writing(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """The client has room again."""
        super().resume_writing()
        since_s, self.way.has_room, self.full_since_s = self.full_since_s, True, None
        if self.on_room is not None and since_s is not None:
            self.on_room(clock.monotonic_s() - since_s)

    async def send(self, message: Any) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """As the application asks for it. After a close there is nobody to send to."""
        await self.writable.wait()
        if self.handshake_complete and self.close_sent:
            raise ClientDisconnected  # to uvicorn it would be a mistake of the application's
        await super().send(message)
        if message["type"] == "websocket.close":
            self.loop.call_later(_LINGER_S, self.transport.abort)

    def abort(self) -> None:
        """End it at once: there is no room for a farewell."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Go on with it; uvicorn leaves who sent no handshake without an answer."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()))  # why it was no handshake
            self.transport.close()

    def handle_connect(self, event: Request) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Have the application find this connection."""
        super().handle_connect(event)
        if hasattr(self, "scope"):  # the handshake was one
            extensions: Any = self.scope["extensions"]
            extensions[CONNECTION] = self

    def handle_cont(self, event: Frame) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """A further piece of a message."""
        if self._may_pass():
            super().handle_cont(event)

    def handle_ping(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Answered by uvicorn."""
        if self._may_pass():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """An answer, or none."""
        if self._may_pass():
            super().handle_pong(event)

    def send_receive_event_to_app(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """A whole message. What is no text is a bad frame like any other, and no end with a code of its own."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()

    def send_keepalive_ping(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Ask whether the client is there, unless it has just taken more than the kernel keeps for it.

        A ping and its answer cost as much as five updates, and most clients are sent four a second.
        """
        pushed_bytes, self.way.pushed_bytes = self.way.pushed_bytes, 0
        if self.way.has_room and pushed_bytes > SEND_BUFFER_BYTES:
            self.schedule_ping()
        else:
            super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Nobody answered."""
        self.pong_timer = self.pending_ping_payload = None
        self._end(TOO_SLOW)

    def handle_parser_exception(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Close with what the parser has to say, and go on reading: the kernel takes back what was not read yet."""
        if self.conn.close_sent is not None:
            self._close(self.conn.close_sent.code)

    def _may_pass(self) -> bool:
        if self.close_sent:
            self.conn.data_to_send()  # nor is it answered
            return False
        may = self._unseen.take(self.loop.time())
        if not may:
            self._end(TOO_MANY)
        return may

    def _end(self, why: Close) -> None:
        """Close, without the farewell that is the application's."""
        if not (self.close_sent or self.transport.is_closing()):
            self.conn.send_close(why.code, why.name)
            self._close(why.code)

    def _close(self, code: int) -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_LINGER_S, self.transport.abort)


class Server(HttpServer):
    """With WebSockets."""

    def __init__(self, app: Litestar) -> None:
        super().__init__(
            app,
            ws=Connection,
            ws_ping_interval=PING_EVERY_S,
            ws_ping_timeout=PING_WITHIN_S,
            ws_max_size=MAX_CLIENT_FRAME_BYTES,
            ws_per_message_deflate=False,  # 30–200 times the CPU for each client
            backlog=BACKLOG,
        )


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
