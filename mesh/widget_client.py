"""A client of the Widget Data Service: feeds as they change, through everything that interrupts them.

Protocol 1, as `schemas.widget` declares it. A connection that ends is opened again when the service
wants it, and every subscription goes on where it was, or begins anew if that cannot be.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from secrets import SystemRandom

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.uri import parse_uri

from mesh import clock, widget_frames
from mesh.errors import (
    FatalError,
    MeshError,
    ServiceRefusedError,
    SettingsError,
    SubscriptionRefusedError,
)
from mesh.feed_state import SequenceState, TableState
from mesh.follower import Counters
from mesh.reconnecting import Reconnecting, code_of
from mesh.subscription import Subscription
from mesh.tasks import end
from schemas import widget
from schemas.wire import encode_json


Token = str | Callable[[], str] | None

_HELLO_WITHIN_S = 15.0
_CLOSE_WITHIN_S = 1.0


class WidgetClient:
    """One connection for any number of subscriptions. Opened by `open_widget_client`."""

    def __init__(self, url: str, token: Token, keep: int, chance: Callable[[], float]) -> None:
        self.counters = Counters()
        self.hello: widget.Hello | None = None
        """What the service said first, the last time; its feeds are those of that time."""
        self.feeds: list[str] = []
        self.stale = False
        """Whether the service itself is without what it serves from."""
        self.clock_ahead_ms = 0.0
        """The service's clock less this machine's, short of the time that its first frame took."""
        self.trouble = ""
        """Why the last connection ended, or could not be opened."""
        self.again_s: float | None = None
        """When to connect again, as `clock.monotonic_s` counts; None during an attempt and after it."""
        self._url, self._token, self._keep = url, token, keep
        self._reconnecting = Reconnecting(chance)
        self._numbers = count(1)
        self._subscriptions: dict[int, Subscription] = {}
        self._connection: ClientConnection | None = None
        self._connected_s = 0.0
        self._bye: widget.Bye | None = None
        self._error: MeshError | None = None

    @property
    def connected(self) -> bool:
        """Whether the service has said hello, and the connection has not ended since."""
        return self._connection is not None

    async def subscribe(self, feed: str, view: widget.View | None = None) -> Subscription:
        """Follow *feed*, from now until `unsubscribe`; the service's refusal comes out of its `updates`.

        Raises:
            SubscriptionRefusedError: *feed* or *view* is not possible in protocol 1.
            ServiceRefusedError: the service wants nothing more from this client.
        """
        return await self._add(widget.Subscribe(next(self._numbers), feed, view or widget.View()))

    async def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription, and with it its `updates`."""
        if self._subscriptions.pop(subscription.id, None) is not None:
            subscription.end()
            await self._tell(widget.Unsubscribe(subscription.id))

    async def get(self, feed: str, view: widget.View | None = None) -> TableState | SequenceState:
        """*feed* as it is now, once. While the service is away, this waits.

        Raises:
            SubscriptionRefusedError: there is no such feed for this client, or no such view of it.
            ServiceRefusedError: the service wants nothing more from this client.
        """
        asked = await self._add(widget.Get(next(self._numbers), feed, view or widget.View()))
        try:
            await asked.change()
        finally:
            self._subscriptions.pop(asked.id, None)
        if asked.state is None:
            raise SubscriptionRefusedError("the client was closed meanwhile", feed=feed)
        return asked.state

    async def run(self) -> None:
        """Stay connected until the service wants no more; every subscription then ends with that error."""
        error: MeshError | None = None
        try:
            while True:
                delay_s = await self._converse()
                self.again_s = clock.monotonic_s() + delay_s
                await asyncio.sleep(delay_s)
                self.again_s = None
                self.counters.reconnects += 1
        except FatalError as fatal:
            error = fatal
        finally:
            self._error = MeshError("the client was closed") if error is None else error
            for subscription in self._subscriptions.values():
                subscription.end(error)

    async def _add(self, request: widget.Subscribe | widget.Get) -> Subscription:
        if self._error is not None:
            raise self._error
        subscription = Subscription(request, self._keep, self.counters, self._tell)
        self._subscriptions[subscription.id] = subscription
        await self._tell(subscription.request())
        return subscription

    async def _tell(self, frame: widget.ClientFrame) -> None:
        """Send *frame* if there is a connection; whoever waits for an answer is told when it has ended."""
        if self._connection is not None:
            with suppress(ConnectionClosed):
                await self._connection.send(encode_json(frame), text=True)

    async def _converse(self) -> float:
        """Hold one connection until it ends; the seconds until the next."""
        self._connected_s = clock.monotonic_s()
        code = None
        try:
            await self._connect()
        except ConnectionClosed as closed:
            said = closed.rcvd
            code = said.code if said else None
            self.trouble = f"{said.reason or 'closed'}, {said.code}" if said else "was lost"
        except InvalidStatus as refused:
            self.trouble = str(refused)
            code = code_of(refused.response.status_code)
        except (OSError, InvalidHandshake, _DivergedError) as error:  # a TimeoutError is an OSError
            self.trouble = str(error) or "did not answer"
        finally:
            lasted_s = clock.monotonic_s() - self._connected_s
            self._connection = None
            for subscription in self._subscriptions.values():
                subscription.on_disconnected()
        if self._bye is not None:
            self.trouble = f"{self._bye.reason}, {self._bye.code}"
            return self._reconnecting.after_bye(self._bye)
        return self._reconnecting.delay_s(code, lasted_s)

    async def _connect(self) -> None:
        """Hold one connection until an exception ends it."""
        self._bye = None
        token = self._token() if callable(self._token) else self._token
        async with (
            connect(
                self._url,
                additional_headers=widget_frames.authorization(token),
                compression=None,
                max_size=None,
                close_timeout=_CLOSE_WITHIN_S,
            ) as connection,
            asyncio.timeout(_HELLO_WITHIN_S) as limit,
        ):
            while True:
                frame = widget_frames.read(await connection.recv())
                if isinstance(frame, widget.Hello):
                    limit.reschedule(None)
                    await self._on_hello(connection, frame)
                elif frame is not None:
                    await self._on_frame(frame)

    async def _on_hello(self, connection: ClientConnection, hello: widget.Hello) -> None:
        if hello.protocol != widget.PROTOCOL:
            raise ServiceRefusedError(f"the service speaks protocol {hello.protocol}", code=None)
        self.hello, self.feeds, self.stale, self.trouble = hello, hello.feeds, False, ""
        self.clock_ahead_ms = hello.server_ms - clock.now_ms()
        self._connection, self._connected_s = connection, clock.monotonic_s()
        for subscription in list(self._subscriptions.values()):
            if subscription.id in self._subscriptions:  # not if it was ended during this loop
                await self._tell(subscription.request())
                subscription.on_connected()

    async def _on_frame(self, frame: widget.ServerFrame) -> None:
        match frame:
            case widget.Snap() | widget.Delta() | widget.Event():
                await self._on_feed(frame)
            case widget.Status():
                self.stale = frame.stale
            case widget.Feeds():
                self.feeds = frame.feeds
            case widget.Bye():
                self._bye = frame
            case widget.Ack() | widget.Lag() | widget.ServerError():
                self._on_answer(frame)
            case widget.Hello():
                pass  # the first is taken before; there is no second

    async def _on_feed(self, frame: widget.Snap | widget.Delta | widget.Event) -> None:
        subscription = self._subscriptions.get(frame.id)
        if subscription is None or subscription.on_frame(frame):
            return
        if isinstance(frame, widget.Snap):
            raise _DivergedError("a table did not fit its checksum")
        await self._tell(subscription.request(during=True))

    def _on_answer(self, frame: widget.Ack | widget.Lag | widget.ServerError) -> None:
        subscription = self._subscriptions.get(frame.id) if frame.id is not None else None
        if subscription is not None:
            subscription.on_answer(frame)
            if subscription.ended:
                self._subscriptions.pop(subscription.id, None)
        elif isinstance(frame, widget.ServerError):
            self.trouble = frame.message


@asynccontextmanager
async def open_widget_client(
    url: str,
    token: Token = None,
    *,
    keep: int = 1000,
    chance: Callable[[], float] | None = None,
) -> AsyncIterator[WidgetClient]:
    """A client that connects, and stays connected, until the end of the context.

    Args:
        url: of the service's `/ws`.
        token: says who one is; a callable is asked before each attempt, as tokens expire. None: the
            service has to let everybody in.
        keep: newest values of a sequence that are kept for a slow consumer.
        chance: uniform numbers in [0, 1) for the delays between attempts. None: the system's.

    Raises:
        SettingsError: *url* is no address of a WebSocket.
    """
    try:
        parse_uri(url)
    except InvalidURI as error:
        raise SettingsError(["the service's address must begin with ws:// or wss://"]) from error
    client = WidgetClient(url, token, keep, chance or SystemRandom().random)
    running = asyncio.get_running_loop().create_task(client.run())
    try:
        yield client
    finally:
        await end([running])
        if not running.cancelled():
            running.result()  # a bug of its own is not hidden


class _DivergedError(Exception):
    """A whole table was wrong: to ask for it again at once would be wrong again."""
