"""What the connections of one process share: the feeds, the wake-up when one changed, the end."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from schemas.wire import DecodeError
from services.widgets.feeds import Catalogue


class Hub:
    """Fan-out without queues: a change sets each client's event, and the client asks its session."""

    def __init__(self, epoch: str) -> None:
        self.catalogue = Catalogue(epoch)
        self.closing = False
        """Set once: every client is to be closed."""
        self.updates = 0
        self.rejected = 0
        self.clients_served = 0
        self.frames_sent = 0
        self._wakes: set[asyncio.Event] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def clients(self) -> int:
        """Clients that are connected."""
        return len(self._wakes)

    def put(self, board: str, value: bytes | None, received_ms: float) -> None:
        """Take a value of *board* (None: it was deleted) and wake the clients if it says anything new.

        Raises:
            DecodeError: *value* is not a board; clients keep the last one.
        """
        try:
            if value is None:
                changed = self.catalogue.delete(board)
            else:
                changed = self.catalogue.put(board, value, received_ms)
        except DecodeError:
            self.rejected += 1
            raise
        if changed:
            self.updates += 1
            self._wake_all()

    @contextmanager
    def joined(self) -> Iterator[asyncio.Event]:
        """The wake-up of one client, for as long as it is connected."""
        wake = asyncio.Event()
        self._wakes.add(wake)
        self._empty.clear()
        self.clients_served += 1
        try:
            yield wake
        finally:
            self._wakes.discard(wake)
            if not self._wakes:
                self._empty.set()

    async def close(self, patience_s: float) -> None:
        """Have every client closed; who does not take even that within *patience_s* is left behind."""
        self.closing = True
        self._wake_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._empty.wait()

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake.set()
