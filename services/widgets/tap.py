"""The tape of single symbols, heard only while somebody follows it."""

from collections.abc import Iterable

import msgspec

from mesh.connection import Connection, Message, Subscription
from mesh.partition import partition_of
from schemas.market import Batch, Trade
from schemas.naming import MarketClass, symbol_token, tape_subject
from schemas.wire import DecodeError, encode_json, msgpack_decoder
from services.widgets.catalogue import Catalogue


_decode = msgpack_decoder(Batch[Trade]).decode


class Tap:
    """Subscribes to the partitions of the symbols that are followed as `trades/{symbol}`."""

    def __init__(self, connection: Connection, catalogue: Catalogue, partitions: int) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._partitions = partitions
        self._wanted: set[str] = set()
        self._heard: dict[int, Subscription] = {}

    async def follow(self, feeds: Iterable[str]) -> None:
        """Hear the symbols of *feeds*, and no others."""
        self._wanted = {feed.removeprefix("trades/") for feed in feeds}
        wanted = {partition_of(symbol_token(each), self._partitions) for each in self._wanted}
        for partition in self._heard.keys() - wanted:
            await self._connection.unsubscribe(self._heard.pop(partition))
        for partition in wanted - self._heard.keys():
            self._heard[partition] = await self._connection.subscribe(
                tape_subject(MarketClass.TRADES, partition), self._on_batch
            )

    async def _on_batch(self, message: Message) -> None:
        try:
            batch = _decode(message.data)
        except DecodeError:
            return  # the owner of the partition counts it
        for trade in batch.events:
            if trade.symbol in self._wanted:
                value = encode_json(msgspec.structs.asdict(trade))
                self._catalogue.put_event(f"trades/{trade.symbol}", value)
