"""Which symbols the market has: read off what the reference program has put, and followed."""

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.logs import Log
from schemas.naming import Bucket
from schemas.reference import ReferenceDay
from schemas.wire import DecodeError, msgpack_decoder
from services.news.tickers import Listed


_decode = msgpack_decoder(ReferenceDay).decode


async def follow(connection: Connection, listed: Listed, log: Log) -> None:
    """Add what is known of symbols to *listed*, for ever."""
    async for entry in KeyValue(connection, Bucket.DAILY).watch():
        if entry.value is None:
            continue
        try:
            symbols = _decode(entry.value).symbols
        except DecodeError as error:  # of another version: tickers are taken at their word
            log.warning("reference.unreadable", reason=str(error))
            continue
        listed.update({each.symbol: each.exchange for each in symbols})
