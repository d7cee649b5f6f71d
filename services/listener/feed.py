"""The vendor's WebSocket, through its own client, supervised from outside.

The client reconnects by itself only so well: without delay, with a budget that is never refilled,
and, if the drop comes at the wrong moment, without its subscriptions and without an error. So each
attempt is a new client that may not reconnect, and everything that can end it counts as lost:
return, exception, silence. What a person wants ends an attempt at once; other channels alone do not,
the client asks for those on the connection that it has.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

from massive import WebSocketClient
from massive.exceptions import AuthError
from massive.websocket.models import Market
from websockets.exceptions import WebSocketException

from mesh import clock
from mesh.errors import FeedRefusedError
from mesh.lifecycle import Lifecycle
from mesh.settings import Settings
from mesh.tasks import first_of
from mesh.wishes import Wish
from schemas.control import FeedWanted
from services.listener.standing import Standing, Target, target


_OPEN_S = 5.0
"""Without a frame after this long an attempt has failed: the client would try a refused address for 90 s."""
_STEADY_S = 60.0
"""A connection that lasted this long was a good one: the next delay is a short one again."""
_EVICTED_S = 60.0
"""The vendor counts a connection for about this long after it ended."""
_CLOSE_S = 1.0
"""Without a frame for so long after we said good-bye, nothing more is on its way."""
_PARTING_S = 10.0
"""How long it may go on: a vendor that is behind answers after all that it has sent, one that does not listen never."""
_BROKEN = (
    *(WebSocketException, OSError),
    *(AttributeError, KeyError, IndexError, TypeError, ValueError),
)
"""What the client raises when the connection, or the vendor's half of the handshake, is broken."""


async def follow(
    settings: Settings,
    lifecycle: Lifecycle,
    wish: Wish[FeedWanted],
    standing: Standing,
    on_frame: Callable[[str], Awaitable[None]],
    delays_s: Callable[[], Iterator[float]],
) -> None:
    """Hand every frame to *on_frame*, over as many connections as it takes, while it is wanted and until told to stop.

    Raises:
        FeedRefusedError: the vendor refuses the key; asking again would be refused again.
    """

    async def take(frame: str) -> None:
        standing.on_frame(frame)
        await on_frame(frame)

    waits = delays_s()
    while not lifecycle.stopping.is_set():
        if wish.changed.is_set():
            waits = delays_s()
            wish.changed.clear()
        if not wish.value.running:
            standing.on_stopped(wish.value.by)
            lifecycle.log.info("feed.stopped", by=wish.value.by)
            await first_of(wish.changed, lifecycle.stopping)
            continue
        began_s = clock.monotonic_s()
        reason = await _Attempt(settings, wish, standing, take).run(lifecycle.stopping)
        standing.on_lost(reason)
        if lifecycle.stopping.is_set():
            return
        if wish.changed.is_set():
            lifecycle.log.info("feed.changed", by=wish.value.by)
            continue
        lasted_s = clock.monotonic_s() - began_s
        if lasted_s > _STEADY_S:
            waits = delays_s()
        wait_s = _EVICTED_S if standing.evicted else next(waits)
        lifecycle.log.warning(
            "feed.lost", reason=reason, lasted_s=round(lasted_s, 1), again_in_s=round(wait_s, 1)
        )
        await first_of(wish.changed, lifecycle.stopping, timeout_s=wait_s)


class _Attempt:
    """One connection from its opening to its end."""

    def __init__(
        self,
        settings: Settings,
        wish: Wish[FeedWanted],
        standing: Standing,
        on_frame: Callable[[str], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._wish = wish
        self._wanted = wish.value
        self._target: Target = target(settings, wish.value)
        self._standing = standing
        standing.on_opening(self._target)
        self._client = WebSocketClient(
            api_key=settings.api_key,
            feed=self._target.host,
            market=Market(self._target.market),
            secure=settings.feed_tls,
            raw=True,
            max_reconnects=0,
            subscriptions=list(self._target.channels),
        )
        # A lossless feed that is held back reads no pongs either: a ping would end it.
        self._keepalive = {"ping_interval": None} if settings.lossless else {}
        self._on_frame = on_frame
        self._opened = asyncio.Event()
        self._heard = 0
        """Frames that were handed over."""
        self._given_up = ""
        """Why we end it ourselves; empty while we do not."""

    async def run(self, stopping: asyncio.Event) -> str:
        """Hold the connection until it ends or *stopping* is set; why it ended."""
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read())
            others = [
                tasks.create_task(self._watch_opening(reading)),
                tasks.create_task(self._obey(stopping, reading)),
            ]
            try:
                await asyncio.wait({reading})
            finally:
                await self._close(reading)
                for other in others:
                    other.cancel()
        return reading.result()

    async def _read(self) -> str:
        try:
            # The constructor stores connection options without using them; they belong here.
            await self._client.connect(
                self._take,
                close_timeout=_PARTING_S,
                max_size=None,
                compression=None,
                max_queue=64,
                **self._keepalive,
            )
        except AuthError as error:
            refusal = f"{self._target.host} refused the key: {error}. Check MASSIVE_API_KEY and that the plan includes WebSockets"
            if self._wanted.host or self._wanted.market:  # a person's mistake, who can mend it
                return refusal
            raise FeedRefusedError(refusal) from error
        except _BROKEN as error:
            return f"{type(error).__name__}: {error}"
        except asyncio.CancelledError:
            if self._given_up:
                return self._given_up
            raise
        return "closed by the server"

    async def _take(self, frame: str | bytes) -> None:
        self._opened.set()
        await self._on_frame(frame if isinstance(frame, str) else frame.decode(errors="replace"))
        self._heard += 1

    async def _watch_opening(self, reading: asyncio.Task[str]) -> None:
        try:
            async with asyncio.timeout(_OPEN_S):
                await self._opened.wait()
        except TimeoutError:
            self._given_up = f"{self._target.host} did not answer within {_OPEN_S:.0f} s, or confirmed none of the channels"
            await self._close(reading)

    async def _obey(self, stopping: asyncio.Event, reading: asyncio.Task[str]) -> None:
        """End the connection when the program stops, or somebody wants another one or none."""
        await first_of(stopping, self._wish.changed)
        while not stopping.is_set() and self._is_wanted():
            self._wish.changed.clear()
            channels = target(self._settings, self._wish.value).channels
            self._standing.asked = channels
            # Its own methods take `A.*` to mean `AM.*` as well.
            self._client.scheduled_subs = set(channels)
            self._client.schedule_resub = True
            await first_of(stopping, self._wish.changed)
        self._given_up = "told to stop"
        await self._close(reading)

    def _is_wanted(self) -> bool:
        """Whether this very connection still is, if only with other channels."""
        wanted = self._wish.value
        now, then = target(self._settings, wanted), self._target
        is_same = (now.host, now.market) == (then.host, then.market)
        return wanted.running and wanted.restarts == self._wanted.restarts and is_same

    async def _close(self, reading: asyncio.Task[str]) -> None:
        """End the connection, and take what the vendor sent before it heard of that: no other connection gets it."""
        # While frames flow the client swallows a cancellation (Python 3.11), so its connection goes
        # first; while it connects, or is held back with a frame in its hands, only that ends it.
        connection = self._client.websocket
        if connection is not None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._client.close())
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PARTING_S):
                        await self._until_silent(reading)
                connection.transport.abort()
        reading.cancel()

    async def _until_silent(self, reading: asyncio.Task[str]) -> None:
        heard = -1
        while not reading.done() and heard != self._heard:
            heard = self._heard
            await asyncio.wait({reading}, timeout=_CLOSE_S)
