"""A server of the vendor's protocol that treats each connection as a test wants, and the tape it is heard on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from mesh.connection import Connection, Message
from mesh.settings import Settings
from schemas.market import Batch, OwnerPositions, Position, Trade
from schemas.naming import MarketClass, parse_tape_subject, positions_subject
from schemas.wire import encode_msgpack, msgpack_decoder
from services.simulator.protocol import CONNECTED, Conversation
from tests.services.simulator.listening import KEY


Act = Callable[[ServerConnection], Awaitable[None]]

_decode = msgpack_decoder(Batch[Trade]).decode


async def hold(connection: ServerConnection) -> None:
    """Keep the connection until the other side ends it."""
    await connection.wait_closed()


async def close_normally(connection: ServerConnection) -> None:
    """End it with code 1000, which the client takes for a good end."""
    await connection.close(1000)


async def drop(connection: ServerConnection) -> None:
    """Cut the TCP connection."""
    connection.transport.abort()


class Vendor:
    """The n-th connection gets the n-th of *acts* once it has subscribed, later ones the last."""

    def __init__(self, *acts: Act, greet: Act | None = None) -> None:
        self.subscribed: list[set[str]] = []
        """What each connection asked for."""
        self.connections = 0
        self._acts = acts
        self._greet = greet
        """What the very first connection gets instead of a greeting."""

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[int]:
        """The port on which it listens for the duration of the context."""
        server: Server
        async with serve(self._accept, "127.0.0.1", port, compression=None) as server:
            yield next(iter(server.sockets)).getsockname()[1]

    async def _accept(self, connection: ServerConnection) -> None:
        self.connections += 1
        with suppress(ConnectionClosed):
            if self._greet is not None and self.connections == 1:
                await self._greet(connection)
                return
            await connection.send(CONNECTED, text=True)
            await self._converse(connection)
            act = self._acts[min(len(self.subscribed), len(self._acts)) - 1]
            await act(connection)

    async def _converse(self, connection: ServerConnection) -> None:
        conversation = Conversation(KEY)
        async for message in connection:
            answer = conversation.on_message(message)
            if answer is not None:
                await connection.send(answer, text=True)
            if conversation.subscriptions:
                asked = msgspec.json.decode(message)["params"]
                self.subscribed.append(set(asked.split(",")))
                return


def fed(settings: Settings, port: int, channels: str = "T.*") -> Settings:
    """*settings* with the feed on *port*."""
    return msgspec.structs.replace(
        settings, feed=f"127.0.0.1:{port}", feed_tls=False, api_key=KEY, subscriptions=channels
    )


class Tape:
    """What a subscriber of the tape hears, and what an owner of all partitions could report of it."""

    def __init__(self, connection: Connection) -> None:
        self.heard: dict[tuple[MarketClass, int], list[Batch[Trade]]] = {}
        self._connection = connection

    async def start(self) -> None:
        """Listen from now on."""
        await self._connection.subscribe("tape.>", self._on_batch)
        await self._connection.flush()

    async def _on_batch(self, message: Message) -> None:
        self.heard.setdefault(parse_tape_subject(message.subject), []).append(_decode(message.data))

    @property
    def batches(self) -> int:
        """How many were heard."""
        return sum(map(len, self.heard.values()))

    def sequences(self) -> list[int]:
        """`q` of every trade that was heard, in no order."""
        return [
            trade.sequence
            for batches in self.heard.values()
            for batch in batches
            for trade in batch.events
        ]

    def numbers(self) -> list[list[int]]:
        """The numbers of the batches of each class and partition, in the order of arrival."""
        return [[batch.number for batch in batches] for batches in self.heard.values()]

    async def report(self, owner: str, *, but_last: bool = False) -> None:
        """Report as *owner* that checkpoints cover what was heard, or all but the last batch of each."""
        for (market_class, partition), batches in sorted(self.heard.items()):
            number = max(batch.number for batch in batches) - but_last
            positions = {str(market_class): Position(batches[-1].epoch, number, 0)}
            report = OwnerPositions(partition, owner, positions)
            await self._connection.publish(positions_subject(partition), encode_msgpack(report))
