"""The client's socket, with an end to its patience.

A server that hangs (a paused process, a machine that went away) keeps its connections and takes no
byte. The client then waits for ever: for room to write, and for the old connection to be closed
before it tries another server. (Measured: a program that published never came back.)
"""

import asyncio
import ssl
from contextlib import suppress
from urllib.parse import ParseResult

from nats.aio.transport import TcpTransport

from mesh.tls import PlainTextError


_STUCK_S = 3.0
_CLOSE_S = 0.5


class ImpatientTransport(TcpTransport):
    """TCP or TLS; a write that is stuck is an error, after which the client tries another server.

    Args:
        tls: whether nothing may be said in clear, whatever the server says of itself.
    """

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tls = tls
        self._is_open = not tls
        """Whether the client may say something."""

    def __bool__(self) -> bool:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """True, or the client would make one of its own at the first connection."""
        return True

    @property
    def certificate_ends_s(self) -> float | None:
        """Until when the server's certificate is good, epoch seconds; None without TLS."""
        shown = self._io_writer.get_extra_info("peercert") if self._io_writer is not None else None
        return ssl.cert_time_to_seconds(shown["notAfter"]) if shown else None

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Connect to *uri*; what was open before is dropped, which the client forgets if a server did not greet."""
        if self._io_writer is not None:
            self._io_writer.transport.abort()
        self._is_open = not self._tls
        await super().connect(uri, buffer_size, connect_timeout)

    async def connect_tls(  # type: ignore[explicit-override]  # typing's comes with 3.12
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,
        connect_timeout: int,
    ) -> None:
        """Go on with the connection in TLS, to a server that has the name in *uri*."""
        await super().connect_tls(uri, ssl_context, buffer_size, connect_timeout)
        self._is_open = True

    def write(self, payload: bytes) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Have *payload* written.

        Raises:
            PlainTextError: it would be written in clear, and must not be.
        """
        if not self._is_open:
            raise PlainTextError
        super().write(payload)  # type: ignore[no-untyped-call]

    async def drain(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Wait until there is room to write.

        Raises:
            TimeoutError: the server took nothing for 3 s (an `OSError`, as for a lost connection).
        """
        async with asyncio.timeout(_STUCK_S):
            await super().drain()  # type: ignore[no-untyped-call]

    async def wait_closed(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Wait until what was written is sent and the connection closed; not for long, then without the rest."""
        if self._io_writer is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await super().wait_closed()  # type: ignore[no-untyped-call]
            self._io_writer.transport.abort()
