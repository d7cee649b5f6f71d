"""Questions of people on `vendor.{what}`: each is answered by one of the processes of this program, many at a time."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any

from mesh.connection import Connection, Message
from mesh.errors import BrokerError
from mesh.lifecycle import Lifecycle
from schemas.naming import vendor_subject
from schemas.vendor import BarsQuestion, LogoQuestion, Question, VendorAnswer, What, is_askable
from schemas.wire import DecodeError, Decoder, encode_msgpack, json_decoder
from services.reference.desk import Desk
from services.reference.vendor import Vendor


_QUEUE = "reference"
_MOST_AT_ONCE = 200
"""Questions that wait for an answer. More would only wait until nobody wants to know any more."""

_QUESTION = json_decoder(Question)
_DECODERS: Mapping[What, Decoder[Any]] = {
    What.BARS: json_decoder(BarsQuestion),
    What.LOGO: json_decoder(LogoQuestion),
}


class Responder:
    """Answers until it is cancelled.

    Args:
        connection: where questions come from.
        vendor: who knows.
        today: the day that runs in the market.
        most_bytes: what may be remembered.
        lifecycle: where failures are told.
    """

    def __init__(
        self,
        connection: Connection,
        vendor: Vendor,
        today: Callable[[], date],
        most_bytes: int,
        lifecycle: Lifecycle,
    ) -> None:
        self.up = asyncio.Event()
        """Set when questions are heard."""
        self.answered = 0
        self._connection = connection
        self._vendor = vendor
        self._today = today
        self._most_bytes = most_bytes
        self._log = lifecycle.log
        self._open = 0

    async def run(self) -> None:
        """Answer questions, for ever."""
        async with asyncio.TaskGroup() as tasks:
            desk = Desk(self._vendor, self._today, tasks, self._most_bytes, self._log)
            for what in What:
                hear = partial(self._hear, tasks, desk, what)
                await self._connection.subscribe(vendor_subject(what), hear, queue=_QUEUE)
            self.up.set()
            await asyncio.Event().wait()

    async def _hear(
        self, tasks: asyncio.TaskGroup, desk: Desk, what: What, message: Message
    ) -> None:
        if not message.reply:
            return
        if self._open >= _MOST_AT_ONCE:
            busy = VendorAnswer("busy", "too many questions are open", fresh_s=1.0)
            await self._say(message, busy)
            return
        self._open += 1
        task = tasks.create_task(self._answer(desk, what, message))
        task.add_done_callback(self._close)

    def _close(self, task: asyncio.Task[None]) -> None:
        del task
        self._open -= 1

    async def _answer(self, desk: Desk, what: What, message: Message) -> None:
        try:
            question = _DECODERS.get(what, _QUESTION).decode(message.data)
            answer = await _asked(desk, what, question)
        except (DecodeError, ValueError) as error:
            answer = VendorAnswer("wrong", str(error))
        if self._vendor.is_key_in(answer.body):
            answer = VendorAnswer("failed", "the vendor's answer is not to be told")
        await self._say(message, answer)

    async def _say(self, message: Message, answer: VendorAnswer) -> None:
        try:
            await self._connection.publish(message.reply, encode_msgpack(answer))
        except BrokerError as error:
            if len(answer.body) < self._connection.client.max_payload:
                self._log.warning("reference.unanswered", reason=str(error))
                return
            large = VendorAnswer("failed", "the answer is too large for the broker: ask for fewer")
            await self._connection.publish(message.reply, encode_msgpack(large))
        self.answered += 1


async def _asked(
    desk: Desk, what: What, question: Question | BarsQuestion | LogoQuestion
) -> VendorAnswer:
    if not is_askable(question.symbol):
        raise ValueError("there is no such symbol")
    match question:
        case BarsQuestion():
            return await desk.bars(question)
        case LogoQuestion():
            return await desk.logo(question)
        case Question():
            return await desk.about(what, question)
