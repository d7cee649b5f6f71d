"""The program `widgets`: boards from KV to the page and to every client of `/ws`."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from litestar import Litestar

from mesh import clock
from mesh.config import Settings
from mesh.connection import open_connection
from mesh.errors import FatalError
from mesh.kv import RECEIVED_MS, Entry, KeyValue
from mesh.lifecycle import Counters, Lifecycle
from mesh.logs import Log
from schemas.naming import Bucket
from schemas.widget import MAX_CLIENT_FRAME_BYTES
from schemas.wire import DecodeError
from services.widgets.app import build, own_origins
from services.widgets.hub import Hub


DEFAULT_PORT = 8080
HOST = "127.0.0.1"

_BACKLOG = 4096
_CLOSE_S = 2.0
_SEND_BUFFER_BYTES = 256 * 1024
"""Of the kernel, for each client. Left to itself it grows to megabytes, and a slow client would be
sent seconds of old deltas from there before it could be given the present state."""


class Server(uvicorn.Server):
    """uvicorn in somebody else's event loop: it announces its start and leaves signals alone."""

    def __init__(self, app: Litestar) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws="websockets-sansio",
                ws_max_size=MAX_CLIENT_FRAME_BYTES,
                ws_per_message_deflate=False,  # 30–200 times the CPU for each client
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=1,
            )
        )
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Accept connections from now on."""
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Do nothing: the program's lifecycle listens for signals."""
        yield


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Serve until told to stop; then close every client with code 1001 and return what was done.

    Raises:
        FatalError: the port is taken.
    """
    port = settings.port or DEFAULT_PORT
    with _listening(port) as listener:
        hub = Hub(epoch=f"{int(clock.now_ms()):x}")
        server = Server(build(hub, settings.source, own_origins(port), lifecycle.report))
        async with (
            open_connection(settings, "widgets", lifecycle.log) as connection,
            asyncio.TaskGroup() as tasks,
        ):
            boards = KeyValue(connection, Bucket.BOARDS)
            watching = tasks.create_task(_watch(boards, hub, lifecycle.log))
            serving = tasks.create_task(server.serve([listener]))
            await server.up.wait()
            lifecycle.ready(page=f"http://{HOST}:{port}/")
            await lifecycle.stopping.wait()
            await hub.close(_CLOSE_S)
            server.should_exit = True
            await serving
            watching.cancel()
    return {
        "updates": hub.updates,
        "rejected": hub.rejected,
        "clients": hub.clients_served,
        "frames": hub.frames_sent,
    }


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server((HOST, port), backlog=_BACKLOG)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise FatalError(
            f"port {port} of the page is taken or not allowed on {HOST}: "
            "free it, or choose another with --port or MESH_PORT"
        ) from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        yield listener


async def _watch(boards: KeyValue, hub: Hub, log: Log) -> None:
    async for entry in boards.watch():
        try:
            hub.put(entry.key, entry.value, _received_ms(entry))
        except DecodeError as error:
            log.warning("board.rejected", board=entry.key, reason=str(error))


def _received_ms(entry: Entry) -> float:
    """When the change reached the listener; 0 if whoever put it did not say."""
    try:
        return float(entry.headers.get(RECEIVED_MS, 0.0))
    except ValueError:
        return 0.0
