"""Writes to every client what its session owes, in one task: a tick of a board costs no two thousand wake-ups.

A client that has no room is left alone until it has; what it is given then is what is true then.
"""

import asyncio

from mesh import clock
from mesh.logs import Log
from services.widgets.client import Client


_MOST_BYTES = 128 << 10
"""At once, for a client: what it is owed for all its boards costs one call of the kernel."""
_TURN_S = 0.005
"""After so long others get a turn: what clients say, and what comes from the broker."""


class Pump:
    """One for each process: `run` it for as long as clients are served."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.failures = 0
        """Clients that were ended by a mistake of ours."""
        self.frames_sent = 0
        self._due: dict[Client, None] = {}
        """Clients for whom there may be something, in the order in which that became so."""
        self._wake = asyncio.Event()

    def wake(self, client: Client) -> None:
        """There may be something for *client*."""
        if not self._due:
            self._wake.set()
        self._due[client] = None

    async def run(self) -> None:
        """Write, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                self._take_turn()
                await asyncio.sleep(0)

    def _take_turn(self) -> None:
        end_s = clock.monotonic_s() + _TURN_S
        while self._due:
            client = next(iter(self._due))
            del self._due[client]
            if not client.is_gone:
                self._try_to_serve(client)
            if clock.monotonic_s() > end_s:
                return

    def _try_to_serve(self, client: Client) -> None:
        try:
            self._serve(client)
        except Exception:  # noqa: BLE001 (a mistake in what one client is owed must not end all the others)
            self.failures += 1
            self._log.exception("client.failed")
            client.connection.abort()

    def _serve(self, client: Client) -> None:
        while client.connection.has_room and self._send(client):
            pass
        if client.session.closing is not None:
            client.finish()

    def _send(self, client: Client) -> bool:
        """Send what *client* is owed, in one go; whether there may be more."""
        session, connection = client.session, client.connection
        now_ms = clock.monotonic_s() * 1000
        frames: list[bytes] = []
        size = 0
        while size < _MOST_BYTES and session.closing is None:
            frame = session.next_frame(now_ms)
            if frame is None:
                self._come_back(client, session.wait_ms(now_ms))
                break
            frames.append(frame)
            size += len(frame)
        if not frames:
            return False
        connection.push(frames)
        self.frames_sent += len(frames)
        if connection.has_room:
            session.on_sent(0.0, now_ms)
        else:
            client.sending_since_s = now_ms / 1000
        return size >= _MOST_BYTES

    def on_room(self, client: Client) -> None:
        """*client* has room again."""
        since_s, client.sending_since_s = client.sending_since_s, None
        if since_s is not None:
            now_s = clock.monotonic_s()
            client.session.on_sent((now_s - since_s) * 1000, now_s * 1000)
        self.wake(client)

    def _come_back(self, client: Client, milliseconds: float | None) -> None:
        """Look again when the next frame of *client* is due, if only time stands before it."""
        if client.timer is not None:
            client.timer.cancel()
            client.timer = None
        if milliseconds is not None:
            loop = asyncio.get_running_loop()
            client.timer = loop.call_later(milliseconds / 1000, self.wake, client)
