"""What happens, from a stream: what it holds of the last time, and each new message, once."""

from collections.abc import Callable

from mesh import clock, direct
from mesh.connection import Connection, Message
from mesh.errors import BrokerError
from mesh.tasks import ticks


_RESYNC_S = 0.5
_OVERLAP_MS = 5_000.0
_MOST_IDS = 5000
_MESSAGE_ID = "Nats-Msg-Id"

Put = Callable[[str, bytes], None]
"""Takes the subject and the payload of a message."""


class Heard:
    """Hands the messages of *subjects* to *put*, those that *stream* took in the last *age_ms* first.

    After a reconnect it hands over what was missed. A message that is heard and read as well is known
    by its id; one without an id may come twice then.
    """

    def __init__(
        self, connection: Connection, stream: str, subjects: str, age_ms: float, put: Put
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._subjects = subjects
        self._age_ms = age_ms
        self._put = put
        self._incarnation: int | None = None
        """Of the connection, up to which the stream was read."""
        self._waiting: list[Message] = []
        """Messages that came before what the stream holds was read: they are later."""
        self._ids: dict[str, None] = {}
        """Of the newest, oldest first."""

    async def run(self) -> None:
        """Listen, for ever."""
        await self._connection.subscribe(self._subjects, self._on_message)
        since_ms = clock.now_ms() - self._age_ms
        async for _ in ticks(_RESYNC_S):
            incarnation = self._connection.incarnation
            if incarnation == self._incarnation:
                continue
            began_ms = clock.now_ms()
            try:
                stored = await direct.since(
                    self._connection, self._stream, self._subjects, since_ms
                )
            except BrokerError:
                continue  # between a reconnect and the stream's return
            self._incarnation, since_ms = incarnation, began_ms - _OVERLAP_MS
            for each in stored:
                self._take(each.subject, each.payload, each.headers)
            waiting, self._waiting = self._waiting, []
            for message in waiting:
                self._take(message.subject, message.data, message.headers or {})

    async def _on_message(self, message: Message) -> None:
        if self._incarnation == self._connection.incarnation:
            self._take(message.subject, message.data, message.headers or {})
        elif len(self._waiting) < _MOST_IDS:  # what is left out is in the stream
            self._waiting.append(message)

    def _take(self, subject: str, value: bytes, headers: dict[str, str]) -> None:
        name = headers.get(_MESSAGE_ID, "")
        if name in self._ids:
            return
        if name:
            self._ids[name] = None
            if len(self._ids) > _MOST_IDS:
                del self._ids[next(iter(self._ids))]
        self._put(subject, value)
