"""Messages of a stream that several processes share, each for one of them, until it says that it is done.

A durable consumer keeps, on the server, what was given to whom. A process asks for a few messages at
a time, so one that is slow or hangs holds few; what it does not acknowledge within `ack_wait` goes to
another. A message may therefore come twice: what is done with it must not matter twice.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from mesh.connection import Connection, Message
from mesh.errors import BrokerError
from schemas.wire import encode_json


ACK_WAIT_S = 5.0
"""A message that was given to a process that is dead or hangs is given to another after so long."""
_MOST_PENDING = 1000
_EXPIRES_S = 1.0
_RETRY_S = 0.5
_NS_A_S = 1_000_000_000

_SEQUENCE, _DELIVERIES = 5, 4
"""Places in the reply subject of a message. Source: ADR-15 of the server, without a domain."""


class Taken(NamedTuple):
    """A message in the hands of this process."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]
    sequence: int
    """In the stream."""
    deliveries: int
    """How often it was given to somebody, this time included."""
    reply: str


class Consumer:
    """The part of this process in the durable consumer *name* of *stream*.

    Args:
        batch: messages that it asks for at a time, and so holds at most besides those being worked on.
    """

    def __init__(self, connection: Connection, stream: str, name: str, batch: int) -> None:
        self._connection = connection
        self._stream = stream
        self._name = name
        self._batch = batch
        self._arrived: asyncio.Queue[Message] = asyncio.Queue()
        self._waiting: asyncio.Queue[Taken] = asyncio.Queue()
        self._wanted = asyncio.Event()

    async def get(self) -> Taken:
        """The next message; several tasks may wait for one."""
        self._wanted.set()
        return await self._waiting.get()

    async def run(self) -> None:
        """Ask for messages, for ever."""
        inbox = self._connection.inbox()
        subscription = await self._connection.subscribe(inbox, self._arrived.put)
        try:
            while True:
                await self._wanted.wait()
                try:
                    await self._pull(inbox)
                except BrokerError:  # between a restart and the consumer's return
                    await asyncio.sleep(_RETRY_S)
                    with suppress(BrokerError):
                        await self.ensure()
        finally:
            await self._connection.unsubscribe(subscription)
            await self._give_back()

    async def ensure(self) -> None:
        """See to it that the consumer is there; harmless if it is.

        Raises:
            BrokerError: the server refused, or did not answer.
        """
        config = {
            "durable_name": self._name,
            "ack_policy": "explicit",
            "ack_wait": int(ACK_WAIT_S * _NS_A_S),
            "max_ack_pending": _MOST_PENDING,
            "deliver_policy": "all",
        }
        await self._connection.api(
            f"$JS.API.CONSUMER.CREATE.{self._stream}.{self._name}",
            {"stream_name": self._stream, "config": config},
        )

    async def done(self, taken: Taken) -> None:
        """Nobody need do anything more with *taken*."""
        await self._answer(taken, b"+ACK")

    async def retry(self, taken: Taken, delay_s: float) -> None:
        """Have *taken* given to somebody again, after a while."""
        await self._answer(taken, b'-NAK {"delay": %d}' % int(delay_s * _NS_A_S))

    async def refuse(self, taken: Taken) -> None:
        """Nobody can do anything with *taken*."""
        await self._answer(taken, b"+TERM")

    async def _answer(self, taken: Taken, answer: bytes) -> None:
        with suppress(BrokerError):  # then it comes again
            await self._connection.publish(taken.reply, answer)

    async def _pull(self, inbox: str) -> None:
        """Ask once, and hand on what comes until that is all of it.

        Raises:
            BrokerError: there is no such consumer.
        """
        request = {"batch": self._batch, "expires": int(_EXPIRES_S * _NS_A_S)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        await self._connection.publish(subject, encode_json(request), reply=inbox)
        for _ in range(self._batch):
            try:
                async with asyncio.timeout(_EXPIRES_S + _RETRY_S):
                    message = await self._arrived.get()
            except TimeoutError:  # the request, or its end, was lost with the connection
                return
            status = (message.headers or {}).get("Status", "") if not message.reply else ""
            if status in ("404", "408"):
                return
            if status:
                raise BrokerError(f"{self._stream} has no consumer {self._name}: {status}")
            self._waiting.put_nowait(_taken(message))
        while not self._waiting.empty():  # all are being worked on before more are asked for
            self._wanted.clear()
            await self._wanted.wait()

    async def _give_back(self) -> None:
        while not self._waiting.empty():
            await self.retry(self._waiting.get_nowait(), 0.0)


def _taken(message: Message) -> Taken:
    places = message.reply.split(".")
    return Taken(
        message.subject,
        message.data,
        message.headers or {},
        int(places[_SEQUENCE]),
        int(places[_DELIVERIES]),
        message.reply,
    )
