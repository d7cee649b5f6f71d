"""Writes to every client what its session owes, in one task: a tick of a board costs no two thousand wake-ups.

A client that has no room is left alone until it has; what it is given then is what is true then.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence

from mesh import clock
from mesh.logs import Log
from mesh.meters import Distribution
from mesh.spans import FEED_TEMPLATE, Spans
from services.widgets.audience import Audience
from services.widgets.client import Client
from services.widgets.frame import text_message
from services.widgets.rounds import Rounds, Told


_MOST_BYTES = 128 << 10
"""At once, for a client: what it is owed for all its boards costs one call of the kernel."""
_MOST_TRACED = 8
_TURN_S = 0.01
"""After so long others get a turn: what clients say, and what comes from the broker."""


class Pump:
    """One for each process: `run` it for as long as clients are served.

    Args:
        log: of the process.
        spans: of the process, if somebody wants traces.
        delivered: how long it took from the vendor to all who keep up, once for each round of them.
    """

    def __init__(
        self, log: Log, delivered: Distribution | None = None, spans: Spans | None = None
    ) -> None:
        self._log = log
        self._spans = spans
        self._traced: deque[Sequence[str]] = deque(maxlen=_MOST_TRACED)
        """What was last delivered and traced: of all feeds that one change went into, one is enough."""
        self._delivered = delivered
        self.failures = 0
        """Clients that were ended by a mistake of ours."""
        self._frames = 0
        self._bytes = 0
        self._rounds = Rounds(self._on_told)
        self._due: OrderedDict[Client, None] = OrderedDict()
        """Clients for whom there may be something, in the order in which that became so."""
        self._is_asked = asyncio.Event()

    def wake(self, client: Client) -> None:
        """There may be something for *client*."""
        self._due[client] = None
        self._is_asked.set()

    def tell(self, audience: Audience) -> None:
        """What they follow has changed: all that there are when its turn comes hear of it."""
        self._rounds.tell(audience)
        self._is_asked.set()

    @property
    def frames_sent(self) -> int:
        """To all clients."""
        return self._frames + self._rounds.frames_sent

    @property
    def bytes_sent(self) -> int:
        """The same in bytes."""
        return self._bytes + self._rounds.bytes_sent

    @property
    def conflated(self) -> int:
        """Updates that were no frames of their own, because there was too much to tell."""
        return self._rounds.conflated

    async def run(self) -> None:
        """Write, for ever."""
        while True:
            await self._is_asked.wait()
            self._is_asked.clear()
            is_more = True
            while is_more:
                is_more = self._take_turn()
                await asyncio.sleep(0)

    def _take_turn(self) -> bool:
        """Serve for a while; whether there is more to do."""
        try:
            is_more = self._serve_clients()
            return self._go_round() or is_more
        except Exception:  # noqa: BLE001 (a mistake in what one client is owed must not end all the others)
            self.failures += 1
            self._log.exception("client.failed")
            if self._rounds.served is not None:
                self._rounds.served.abort()
            return True

    def _serve_clients(self) -> bool:
        """Serve those who were woken, for a turn; whether any are left."""
        end_s = clock.monotonic_s() + _TURN_S
        while self._due and clock.monotonic_s() < end_s:
            client, _ = self._due.popitem(last=False)
            self._rounds.served = client.session
            if not client.is_gone:
                self._serve(client)
        return bool(self._due)

    def _go_round(self) -> bool:
        """Tell of what has changed, for a turn; whether there is more to tell."""
        now_s = clock.monotonic_s()
        end_s = now_s + _TURN_S
        while now_s < end_s:
            if not self._rounds.go_on(now_s * 1000):
                return False
            now_s = clock.monotonic_s()
        return True

    def _serve(self, client: Client) -> None:
        while client.connection.way.has_room and self._send(client):
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
            frames.append(text_message(frame))
            size += len(frame)
        if not frames:
            return False
        self._frames += len(frames)
        joined = b"".join(frames)  # a list costs the kernel more than the copy
        self._bytes += len(joined)
        if connection.way.push(joined):
            session.on_sent(0.0, now_ms)
        return size >= _MOST_BYTES

    def on_room(self, client: Client, waited_s: float) -> None:
        """*client* has room again, after *waited_s*."""
        client.session.on_sent(waited_s * 1000, clock.monotonic_s() * 1000)
        self.wake(client)

    def _on_told(self, told: Told) -> None:
        """All who keep up have the newest of something."""
        now_ms, received_ms, links = clock.now_ms(), told.source.received_ms, told.source.links
        if self._delivered is not None and received_ms:
            self._delivered.record((now_ms - received_ms) / 1000)
        if links and self._spans is not None and links not in self._traced:
            self._traced.append(links)
            began_ms = now_ms - (clock.monotonic_s() * 1000 - told.began_ms)
            with self._spans.span(
                "deliver", FEED_TEMPLATE, links, began_ms, batch__message_count=told.frames
            ):
                pass  # it is done: only now is it known to how many

    def _come_back(self, client: Client, milliseconds: float | None) -> None:
        """Look again when the next frame of *client* is due, if only time stands before it."""
        if client.timer is not None:
            client.timer.cancel()
            client.timer = None
        if milliseconds is not None:
            loop = asyncio.get_running_loop()
            client.timer = loop.call_later(milliseconds / 1000, self.wake, client)
