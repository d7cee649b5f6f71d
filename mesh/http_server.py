"""uvicorn, as every program that serves HTTP needs it: in somebody else's event loop, on a socket that it is given."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from mesh.address import THIS_MACHINE
from mesh.listener import listener_on
from mesh.opening import Opening


class HttpServer(uvicorn.Server):
    """It announces its start, leaves signals alone, and waits for no request longer than `mesh.opening` says."""

    def __init__(self, app: Any, **options: Any) -> None:
        """Serve *app*; *options* are uvicorn's, beyond those that are the same everywhere."""
        super().__init__(
            uvicorn.Config(
                app,
                http=Opening,
                proxy_headers=False,  # anybody could write them
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
                **options,
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


@contextmanager
def listening(
    port: int, what: str, choose: str, backlog: int = 128, host: str = THIS_MACHINE
) -> Iterator[socket.socket]:
    """A socket on *port*, which several processes of a program may share: the kernel deals clients among them.

    Args:
        port: of *host*.
        what: what it is for, and *choose* how to have another one, for whoever finds it taken.
        choose: see *what*.
        backlog: connections that may wait to be accepted.
        host: an address of this machine.

    Raises:
        FatalError: the port is taken, or the address is not of this machine.
    """
    with listener_on(host, port, what, choose, backlog=backlog, is_shared=True) as listener:
        yield listener
