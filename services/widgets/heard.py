"""What happens, from a stream: what it holds of the last time, and then each message, once and in its order.

That something was published is heard at once, from the publisher. What it is, and which number it has, is
then read from the stream: only so is a position in it the same in every process. A stream whose leader
has died takes nothing for seconds. What is heard meanwhile is handed on without a number; when the stream
has it, its number is.
"""

import asyncio
from contextlib import suppress
from typing import Any, Protocol

from mesh import clock, direct
from mesh.connection import Connection, Message
from mesh.direct import Stored
from mesh.errors import BrokerError
from services.widgets.identity import epoch_of
from services.widgets.recent import MOST_RECENT


_LOOK_S = 2.0
"""A stream is asked so often whether it is still the same, and has what was not heard."""
_ANSWER_S = 0.5
_RETRY_S = 0.5
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.003, 0.1
"""Between two reads: a message is heard up to some milliseconds before the stream has it."""
_LATE_S = 0.25
"""A stream that has not taken a message for so long has no leader, or had the message before."""
_MOST_IDS = 5000
_MESSAGE_ID = "Nats-Msg-Id"


class Sink(Protocol):
    """Who takes what happens, of one kind."""

    def begin(self, epoch: str, floor: int) -> None:
        """The stream is *epoch*, and what comes now is behind the number *floor* in it."""

    def put(self, subject: str, value: bytes | None, number: int | None) -> None:
        """The next message. None for a number: not known yet; for a value: now it is."""


class Heard:
    """Hands the messages of *subjects* to *sink*, those that *stream* took in the last *age_ms* first.

    A message is known again by its id.
    """

    def __init__(
        self, connection: Connection, stream: str, subjects: str, age_ms: float, sink: Sink
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._subjects = subjects
        self._age_ms = age_ms
        self._sink = sink
        self._epoch: str | None = None
        self._number = 0
        """Up to which the stream was read."""
        self._is_silent = False
        """Whether the stream does not answer."""
        self._asked_s = 0.0
        """When it was last asked what it is."""
        self._incarnation: int | None = None
        """Of the connection, then."""
        self._grown = asyncio.Event()
        self._expected: dict[str, tuple[float, Message]] = {}
        """Messages that were heard and not read, and when; by their ids, of those without one the first."""
        self._early: dict[str, None] = {}
        """Ids of those that were handed on without a number."""
        self._ids: dict[str, None] = {}
        """Of the newest that were read, oldest first."""

    async def run(self) -> None:
        """Listen, for ever."""
        await self._connection.subscribe(self._subjects, self._on_message)
        pause_s = _FIRST_PAUSE_S
        while True:
            self._grown.clear()
            try:
                found = await self._look()
            except BrokerError:
                self._incarnation = None
                self._fall_silent()
                await asyncio.sleep(_RETRY_S)
                continue
            pause_s = _FIRST_PAUSE_S if found else min(2 * pause_s, _LAST_PAUSE_S)
            await asyncio.sleep(pause_s)
            if len(found) < direct.BATCH and not self._expected:
                pause_s = _FIRST_PAUSE_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self._grown.wait()

    async def _on_message(self, message: Message) -> None:
        name = (message.headers or {}).get(_MESSAGE_ID, "")
        if name in self._ids or name in self._early:
            return
        if name and self._is_silent:
            self._hand_on(name, message)
        else:
            self._expected.setdefault(name, (clock.monotonic_s(), message))
        self._grown.set()

    async def _look(self) -> list[Stored]:
        """Read on; what there was.

        Raises:
            BrokerError: the stream does not answer.
        """
        late_s = clock.monotonic_s() - _LATE_S
        late = [name for name, (heard_s, _) in self._expected.items() if heard_s < late_s]
        is_due = clock.monotonic_s() - self._asked_s >= _LOOK_S
        if late or is_due or self._incarnation != self._connection.incarnation:
            await self._identify()
        found = await direct.after(self._connection, self._stream, self._subjects, self._number)
        self._take(found)
        if not found:  # it is there, and does not take them: it had them before
            for name in late:
                self._expected.pop(name, None)
        return found

    async def _identify(self) -> None:
        """See whether the stream is the one that was read, and begin with it if it is not."""
        incarnation = self._connection.incarnation
        info = await self._connection.api(
            f"$JS.API.STREAM.INFO.{self._stream}", timeout_s=_ANSWER_S
        )
        epoch = epoch_of(self._stream, info)
        if epoch != self._epoch or info["state"]["last_seq"] < self._number:
            await self._begin(epoch, info["state"])
        self._incarnation, self._is_silent = incarnation, False
        self._asked_s = clock.monotonic_s()

    async def _begin(self, epoch: str, state: dict[str, Any]) -> None:
        since_ms = clock.now_ms() - self._age_ms
        number = floor = max(0, state["first_seq"] - 1, state["last_seq"] - MOST_RECENT)
        stored: list[Stored] = []
        while found := await direct.after(self._connection, self._stream, self._subjects, number):
            number = found[-1].sequence
            stored += found
        recent = [each for each in stored if each.at_ms >= since_ms]
        if stored:
            floor = recent[0].sequence - 1 if recent else number
        self._epoch, self._number = epoch, floor
        self._early = {}  # handed on as part of what has ended
        self._sink.begin(epoch, floor)
        self._take(recent)

    def _take(self, stored: list[Stored]) -> None:
        for each in stored:
            self._number = each.sequence
            name = each.headers.get(_MESSAGE_ID, "")
            self._expected.pop(name, None)
            is_known = name in self._early
            self._early.pop(name, None)
            self._sink.put(each.subject, None if is_known else each.payload, each.sequence)
            if name:
                _remember(name, self._ids)

    def _fall_silent(self) -> None:
        """The stream does not answer: what is heard is handed on as it is, once anything is known of the stream."""
        expected, self._expected = self._expected, {}
        if self._epoch is None:
            return  # what it has of these it will tell
        self._is_silent = True
        for name, (_, message) in expected.items():
            if name:  # otherwise it would come again
                self._hand_on(name, message)

    def _hand_on(self, name: str, message: Message) -> None:
        _remember(name, self._early)
        self._sink.put(message.subject, message.data, None)


def _remember(name: str, names: dict[str, None]) -> None:
    names[name] = None
    if len(names) > _MOST_IDS:
        del names[next(iter(names))]
