"""One connection to the broker: opened, observed, closed. Everything that speaks NATS goes through it.

The client reconnects for ever, from 0.1 s on, to any server of a cluster that it was told of.
Subscriptions come back by themselves; memory streams of a single server do not (they are gone after
its restart), so `on_reconnect` hooks run each time, and `incarnation` grows, which tells a reader
that it may have missed something.

Publishing while the connection is down is refused instead of buffered: a tick sent later is stale.

A user may be allowed some subjects only. The server refuses the others on the side, so a message is
then lost and a request without an answer; each such subject is logged once, and named by the
request's error.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from secrets import SystemRandom
from typing import Any

import msgspec
from nats.aio import subscription
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, NoRespondersError, StaleConnectionError

from mesh import tls
from mesh.address import DEFAULT_URL, brokers, is_web_socket, without_credentials
from mesh.backoff import delays_s
from mesh.errors import BrokerError, BrokerVersionError, MeshError
from mesh.logs import Log
from mesh.nats_keys import inbox_prefix
from mesh.quorum import leave_minority
from mesh.readiness import condition
from mesh.settings import Settings
from mesh.tasks import cancellable, end, within
from mesh.transport import ImpatientTransport
from schemas.wire import encode_json


OLDEST_SERVER = (2, 11)
"""Per-key TTL and consumer pause came with it, and the API that the topology uses."""

Message = Msg
Subscription = subscription.Subscription
OnMessage = Callable[[Message], Awaitable[None]]
Hook = Callable[[], Awaitable[None]]

_PENDING_BYTES = 256 << 20
_OUT_BYTES = 8 << 20
"""What may wait to be written; beyond it a publisher waits."""
_FIRST_CONNECT_S = 10.0
"""A broker that is just starting is waited for; one that is not there is an error."""
_COMPLAINTS_A_LINE = 10_000
_MOST_DENIED = 100
_DENIED = re.compile(r'permissions violation for (\w+) to "([^"]+)"', re.IGNORECASE)
_FIRST_RETRY_S = 0.4
_LAST_RETRY_S = 2.0


class Connection:
    """An open connection. Made by `open_connection`."""

    def __init__(self, client: Client, log: Log) -> None:
        self.client = client
        self.incarnation = 0
        """How often the connection came back: what was read before may be incomplete after."""
        self.connected = asyncio.Event()
        self.on_reconnect: list[Hook] = []
        """Awaited in order after each reconnect; one that the broker cannot serve yet, again until it can."""
        self.lifetime = asyncio.timeout(None)
        """Of the context: cut short when the client gives the connection up, for it never comes back then."""
        self.is_wanted = False
        """Whether the context has begun and not ended."""
        self._log = log
        self._condition = condition("broker")
        self.complaints = 0
        """What the client complained about, but for what this user may not do."""
        self.denials = 0
        """How often the broker refused what this user may not do."""
        self._denied: set[str] = set()
        """What this user was refused to do, as `publish` and a subject in small letters, as the client has it."""

    async def publish(
        self,
        subject: str,
        payload: bytes,
        *,
        reply: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send a message, once the connection is up.

        A message that was handed to the kernel when the connection broke may be lost; who needs
        to know asks for an acknowledgement through *reply*.

        Raises:
            BrokerError: the message is larger than the server takes, or the connection just broke.
        """
        while not self.connected.is_set():
            await self.connected.wait()
        try:
            publishing = self.client.publish(subject, payload, reply, headers)
            if self.client.pending_data_size + len(payload) < _OUT_BYTES // 2:
                await publishing  # it does not wait for anything, so it swallows nothing
            else:
                await cancellable(publishing)
        except Error as error:
            raise BrokerError(
                f"{subject} ({len(payload)} bytes) was not published: {error}"
            ) from error

    async def request(
        self, subject: str, payload: bytes = b"", *, timeout_s: float = 2.0
    ) -> Message:
        """The one answer to a request.

        Raises:
            BrokerError: nobody answers to *subject*, or not within *timeout_s*.
        """
        try:
            return await cancellable(self.client.request(subject, payload, timeout=timeout_s))
        except NoRespondersError as error:
            raise BrokerError(
                f"nobody answers on {subject}: is JetStream on, and the stream there?"
            ) from error
        except (Error, TimeoutError) as error:
            self._refuse_denied(subject)
            raise BrokerError(f"no answer on {subject} within {timeout_s} s: {error!r}") from error

    async def api(
        self, subject: str, body: Any = None, *, timeout_s: float = 5.0
    ) -> dict[str, Any]:
        """The answer of a `$JS.API` request.

        Raises:
            BrokerError: the server refused (`code` is its `err_code`) or did not answer.
        """
        payload = b"" if body is None else encode_json(body)
        return _answer(subject, (await self.request(subject, payload, timeout_s=timeout_s)).data)

    async def acknowledged(
        self,
        subject: str,
        payload: bytes,
        headers: dict[str, str] | None = None,
        *,
        timeout_s: float = 5.0,
    ) -> dict[str, Any]:
        """Publish into a stream and return its acknowledgement: `stream`, `seq`, and so on.

        Raises:
            BrokerError: the stream refused (`code` is its `err_code`), or is not there; without an
                answer it is not known whether the message was stored.
        """
        try:
            message = await cancellable(
                self.client.request(subject, payload, timeout=timeout_s, headers=headers or None)
            )
        except NoRespondersError as error:
            raise BrokerError(
                f"no stream takes {subject}: it has no leader just now, or `mesh topology apply` must create it"
            ) from error
        except (Error, TimeoutError) as error:
            self._refuse_denied(subject)
            raise BrokerError(
                f"{subject} was not acknowledged within {timeout_s} s: {error!r}"
            ) from error
        return _answer(subject, message.data)

    async def subscribe(
        self, subject: str, on_message: OnMessage, *, queue: str = ""
    ) -> Subscription:
        """Have *on_message* awaited for each message, one at a time, in order.

        Of several subscribers with the same *queue* one gets each message.

        The callback should only take note: while it waits, up to 256 MB wait with it, and beyond
        that the client drops the newest.
        """
        return await cancellable(
            self.client.subscribe(
                subject,
                queue,
                cb=on_message,
                pending_msgs_limit=-1,
                pending_bytes_limit=_PENDING_BYTES,
            )
        )

    async def unsubscribe(self, subscribed: Subscription) -> None:
        """Have no more messages of *subscribed*; those that wait are not delivered either."""
        with suppress(Error):  # the connection is closed or closing, and the subscription with it
            await cancellable(subscribed.unsubscribe())

    @property
    def denied(self) -> frozenset[str]:
        """What this user was refused to do, as `publish` or `subscription` and a subject in small letters."""
        return frozenset(self._denied)

    @property
    def certificate_ends_s(self) -> float | None:
        """Until when the broker's certificate is good, epoch seconds; None without TLS."""
        transport = self.client._transport  # noqa: SLF001 (there is no other way)
        return transport.certificate_ends_s if isinstance(transport, ImpatientTransport) else None

    def inbox(self) -> str:
        """A subject of one's own, for answers."""
        return self.client.new_inbox()

    async def flush(self) -> None:
        """Wait until the server has seen everything that was published before."""
        await cancellable(self.client.flush())

    async def on_disconnect(self) -> None:
        """For the client: the connection is gone."""
        if self.connected.is_set() and not self.client.is_closed:
            self.connected.clear()
            self._log.info("broker.lost")
            self._condition.lost("is away")

    async def on_close(self) -> None:
        """For the client: the connection is closed, by us or after an error that it does not go on after."""
        if self.is_wanted:
            self.connected.clear()
            self._condition.lost("ended the connection")
            self.lifetime.reschedule(0.0)

    async def on_return(self) -> None:
        """For the client: the connection is back."""
        self.incarnation += 1
        self.connected.set()
        incarnation = self.incarnation
        self._log.info("broker.regained", incarnation=incarnation)
        unprepared = await self._prepare(self.on_reconnect)
        for wait_s in delays_s(_FIRST_RETRY_S, _LAST_RETRY_S, SystemRandom().random):
            # The client cancels this when the connection is lost or closed, but its own waits may swallow that.
            if incarnation != self.incarnation or not self.connected.is_set():
                return
            if not unprepared or self.client.is_closed:
                break
            self._condition.lost("is back, but not what it must hold")
            await asyncio.sleep(wait_s)
            unprepared = await self._prepare(unprepared)
        self._condition.met()

    async def _prepare(self, hooks: list[Hook]) -> list[Hook]:
        """Run *hooks*; those that the broker refused or did not answer, as in a cluster that elects a leader."""
        refused = []
        for hook in hooks:
            try:
                await hook()
            except (
                MeshError
            ) as error:  # the client would swallow it, and with it the hooks after it
                self._log.warning("broker.unprepared", reason=str(error))
                if isinstance(error, BrokerError):
                    refused.append(hook)
        return refused

    async def on_error(self, error: Exception) -> None:
        """For the client: something went wrong that it goes on after."""
        if isinstance(error, (StaleConnectionError, ConnectionError)):
            return  # the broker is away: `broker.lost` says so, and hundreds of attempts need not
        denied = _DENIED.search(str(error))
        if denied is not None:
            self._deny(denied[1].lower(), denied[2].lower())
            return
        # The client calls this once for each message that it drops: one line for each would be a second disaster.
        self.complaints += 1
        if self.complaints % _COMPLAINTS_A_LINE == 1:
            self._log.warning("broker.complained", error=repr(error), count=self.complaints)

    def _deny(self, action: str, subject: str) -> None:
        self.denials += 1
        what = f"{action} {subject}"
        if what not in self._denied and len(self._denied) < _MOST_DENIED:
            self._denied.add(what)
            self._log.warning("broker.denied", action=action, subject=subject)

    def _refuse_denied(self, subject: str) -> None:
        if f"publish {subject.lower()}" in self._denied:
            raise BrokerError(
                f"the NATS user of this program may not publish to {subject} (MESH_NATS_CREDS)"
            )


@asynccontextmanager
async def open_connection(settings: Settings, name: str, log: Log) -> AsyncIterator[Connection]:
    """A connection for the program *name*, closed at the end of the context.

    Raises:
        SettingsError: an address is not one.
        FatalError: there are no credentials, or no certificates, in the file that is to hold them.
        BrokerError: no broker answers at any of them, or none that is trusted.
        BrokerError, out of whatever the context awaits: the broker ended the connection for good.
        BrokerVersionError: the broker is older than 2.11.
    """
    servers = brokers(settings.nats_url or DEFAULT_URL)
    connection = Connection(Client(), log)
    leaving: list[asyncio.Task[None]] = []
    await _connect(connection, servers, name, settings.nats_creds, settings.nats_ca)
    try:
        _require_version(connection.client)
        connection.connected.set()
        connection.is_wanted = True
        if len(servers) > 1:  # in no task group: that would wrap every error of the caller
            loop = asyncio.get_running_loop()
            leaving.append(loop.create_task(leave_minority(connection.client, log)))
        async with connection.lifetime:
            yield connection
    except TimeoutError as error:
        if not connection.lifetime.expired():
            raise
        raise BrokerError(
            f"the connection was ended by the broker: {connection.client.last_error}"
        ) from error
    finally:
        connection.is_wanted = False
        await end(leaving)
        await _close(connection.client)


async def _connect(
    connection: Connection, servers: list[str], name: str, creds: str, ca: str
) -> None:
    prefix = inbox_prefix(Path(creds)) if creds else None
    secure = tls.is_wanted(servers, ca)
    if not is_web_socket(servers[0]):
        connection.client._transport = ImpatientTransport(tls=secure)  # noqa: SLF001 (there is no other way)
    try:
        await within(
            _FIRST_CONNECT_S,
            connection.client.connect(
                servers,
                name=name,
                error_cb=connection.on_error,
                disconnected_cb=connection.on_disconnect,
                closed_cb=connection.on_close,
                reconnected_cb=connection.on_return,
                connect_timeout=2,
                reconnect_time_wait=0.1,  # type: ignore[arg-type]  # the client sleeps this long; its annotation says int
                max_reconnect_attempts=-1,
                ping_interval=2,  # a server that hangs is left after three
                max_outstanding_pings=2,
                inbox_prefix=prefix or f"_INBOX_{name}",
                pending_size=_OUT_BYTES,
                user_credentials=creds or None,
                tls=tls.context(ca) if secure else None,
            ),
        )
    except (Error, OSError, TimeoutError) as error:
        last = connection.client.last_error
        said = str(error) or str(last or "waited 10 s for one")
        untrusted = tls.explained(last, ca)
        await connection.client.close()
        if untrusted:
            raise BrokerError(
                f"the broker at {without_credentials(','.join(servers))} is not trusted: {untrusted}"
            ) from error
        if "authorization" in said.lower():
            which = f"the credentials in {creds}" if creds else "a client without credentials"
            raise BrokerError(
                f"the broker at {without_credentials(','.join(servers))} refuses {which} (MESH_NATS_CREDS)"
            ) from error
        raise BrokerError(
            f"no broker answers at {without_credentials(','.join(servers))} (MESH_NATS_URL): {said}"
        ) from error


async def _close(client: Client) -> None:
    # The broker died first: there is nothing left to close (uvloop says so with a RuntimeError).
    with suppress(Error, OSError, RuntimeError):
        await client.close()


def _answer(subject: str, data: bytes) -> dict[str, Any]:
    answer = msgspec.json.decode(data, type=dict[str, Any])
    error = answer.get("error")
    if error:
        raise BrokerError(f"{subject}: {error.get('description')}", code=error.get("err_code"))
    return answer


def _require_version(client: Client) -> None:
    version = client.connected_server_version
    if (version.major, version.minor) < OLDEST_SERVER:
        needed = ".".join(map(str, OLDEST_SERVER))
        raise BrokerVersionError(
            f"nats-server must be {needed} or newer, {client.connected_url.netloc if client.connected_url else 'it'} is "
            f"{version.major}.{version.minor}.{version.patch}: upgrade it, or unset MESH_NATS_URL to use the embedded one"
        )
