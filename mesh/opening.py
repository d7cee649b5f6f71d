"""HTTP as uvicorn has it, and the beginning of every WebSocket."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


REQUEST_WITHIN_S = 10.0
"""A connection on which no whole request comes in that time is ended."""


class Opening(H11Protocol):
    """Nobody holds a connection by asking for nothing, or slowly."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[explicit-override,override]  # typing's comes with 3.12
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_request()

    def data_received(self, data: bytes) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Go on with it."""
        super().data_received(data)
        asked: RequestResponseCycle | None = self.cycle  # None before the first
        is_answered = asked is not None and not asked.response_complete
        if is_answered or self.transport.get_protocol() is not self:
            self._stop_waiting()

    def on_response_complete(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Wait for the next request."""
        super().on_response_complete()
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_request(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(REQUEST_WITHIN_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
