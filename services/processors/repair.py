"""What an owner has missed: asked of the producer, which remembers the last seconds, and of the streams.

The streams outlive a producer; the producer has what no stream could store while its cluster had no
leader, and reaches further back.
"""

import asyncio

from mesh import direct
from mesh.connection import Connection, Message
from schemas.market import Repair
from schemas.naming import MarketClass, repair_subject, tape_stream, tape_subject
from schemas.wire import encode_msgpack


_SILENCE_S = 0.5


async def from_producer(
    connection: Connection, market_class: MarketClass, partition: int, wanted: Repair
) -> list[bytes]:
    """The batches of *wanted* that their producer still has, in order; none if it is gone or hangs."""
    answers: asyncio.Queue[Message] = asyncio.Queue()
    inbox = connection.inbox()
    subscription = await connection.subscribe(inbox, answers.put)
    found: list[bytes] = []
    try:
        subject = repair_subject(market_class, partition)
        await connection.publish(subject, encode_msgpack(wanted), reply=inbox)
        async with asyncio.timeout(_SILENCE_S) as deadline:
            while (
                message := await answers.get()
            ).data:  # an empty one is the end, or nobody is there
                found.append(message.data)
                deadline.reschedule(asyncio.get_running_loop().time() + _SILENCE_S)
    except TimeoutError:
        return found
    finally:
        await connection.unsubscribe(subscription)
    return found


async def from_stream(
    connection: Connection, market_class: MarketClass, partition: int, since_ms: float
) -> list[bytes]:
    """The batches that the stream took at or after *since_ms*, in order.

    Raises:
        BrokerError: the stream is not there, or does not answer.
    """
    subject = tape_subject(market_class, partition)
    stored = await direct.since(connection, tape_stream(market_class), subject, since_ms)
    return [message.payload for message in stored]
