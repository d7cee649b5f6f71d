"""Answers to owners that missed batches.

An owner asks on `repair.{class}.{partition}` for a range of numbers; the listener sends each batch
of it that it still holds to the owner's reply subject, in order, and an empty message at the end.
"""

from collections.abc import Callable

from mesh.connection import Connection, Message
from mesh.errors import BrokerError
from mesh.logs import Log
from schemas.market import Repair
from schemas.naming import MarketClass, parse_repair_subject
from schemas.wire import DecodeError, msgpack_decoder


Held = Callable[[MarketClass, int, int, int], list[bytes]]
"""The payloads of a class and partition from one number to another, in order."""

_decode = msgpack_decoder(Repair).decode
_BREATH_BYTES = 256 << 10
"""So much of an answer may be ahead of live batches in the connection: after a stampede every owner asks at once."""


class Repairs:
    """Sends again what is asked for: one request after the other, a little at a time."""

    def __init__(self, connection: Connection, epoch: int, held: Held, log: Log) -> None:
        self.batches = 0
        """Batches that were sent again."""
        self._connection = connection
        self._epoch = epoch
        self._held = held
        self._log = log

    async def start(self) -> None:
        """Answer from now on."""
        await self._connection.subscribe("repair.*.*", self._on_request)

    async def _on_request(self, message: Message) -> None:
        if not message.reply:
            return
        try:
            await self._answer(message.reply, self._asked(message))
        except (BrokerError, TimeoutError) as error:
            self._log.warning("repair.broken_off", subject=message.subject, reason=str(error))

    def _asked(self, message: Message) -> list[bytes]:
        try:
            market_class, partition = parse_repair_subject(message.subject)
            asked = _decode(message.data)
        except (ValueError, DecodeError) as error:
            self._log.warning("repair.unreadable", subject=message.subject, reason=str(error))
            return []
        if asked.epoch != self._epoch:
            return []
        return self._held(market_class, partition, asked.first, asked.last)

    async def _answer(self, reply: str, payloads: list[bytes]) -> None:
        ahead = 0
        for payload in payloads:
            await self._connection.publish(reply, payload)
            self.batches += 1
            ahead += len(payload)
            if ahead >= _BREATH_BYTES:
                await self._connection.flush()
                ahead = 0
        await self._connection.publish(reply, b"")
