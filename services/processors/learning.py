"""Reference data from KV into what a worker knows: loaded before the first event, then followed. News, too."""

from collections.abc import Callable

from mesh import stream
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.logs import Log
from schemas.naming import NEWS_OF_ALL, NEWS_STREAM, Bucket, previous_closes_key
from schemas.news import Article
from schemas.reference import PreviousCloses, ReferenceDay, SymbolDay, VolumeCurve
from schemas.wire import DecodeError, json_decoder, msgpack_decoder
from services.processors.known import Curve, Knowledge


_decode_closes = json_decoder(PreviousCloses).decode
_decode_day = msgpack_decoder(ReferenceDay).decode
_decode_curve = msgpack_decoder(VolumeCurve).decode
_decode_article = json_decoder(Article).decode

Learn = Callable[[Knowledge, bytes], bool]
"""Adds a value to what is known; whether that changed anything."""


def learn_closes(knowledge: Knowledge, value: bytes) -> bool:
    """Take the closes of a market; what is known better is left."""
    found = _decode_closes(value)
    day = knowledge.days.setdefault(found.trading_day, {})
    changed = False
    for symbol, close_usd in found.closes_usd.items():
        known = day.get(symbol)
        if known is None or (not known.history_days and known.previous_close_usd != close_usd):
            day[symbol] = SymbolDay(symbol, close_usd)
            changed = True
    return changed


def learn_day(knowledge: Knowledge, value: bytes) -> bool:
    """Take what is known of a partition's symbols before a day."""
    found = _decode_day(value)
    knowledge.days.setdefault(found.trading_day, {}).update(
        (each.symbol, each) for each in found.symbols
    )
    return bool(found.symbols)


def learn_curve(knowledge: Knowledge, value: bytes) -> bool:
    """Take the usual volume of a symbol. Its row shows it from its next minute on."""
    found = _decode_curve(value)
    knowledge.curves[found.symbol] = Curve(found)
    return False


SOURCES: tuple[tuple[Bucket, str, Learn], ...] = (
    (Bucket.REFERENCE, previous_closes_key("*"), learn_closes),
    (Bucket.DAILY, ">", learn_day),
    (Bucket.CURVES, ">", learn_curve),
)


async def load(connection: Connection, knowledge: Knowledge, log: Log) -> None:
    """Take everything that is there already."""
    for bucket, keys, learn in SOURCES:
        for entry in await KeyValue(connection, bucket).all():
            if entry.value is not None and entry.key.startswith(keys.rstrip("*>")):
                _take(knowledge, learn, entry.value, log)


async def follow(
    connection: Connection, knowledge: Knowledge, log: Log, source: tuple[Bucket, str, Learn],
    on_change: Callable[[], None],
) -> None:  # fmt: skip
    """Take what comes to one of `SOURCES`, for ever; *on_change* is called when rows change by it."""
    bucket, keys, learn = source
    async for entry in KeyValue(connection, bucket).watch(keys):
        if entry.value is not None and _take(knowledge, learn, entry.value, log):
            on_change()


async def follow_news(
    connection: Connection, knowledge: Knowledge, log: Log, on_news: Callable[[list[str]], None]
) -> None:
    """Take every article that there is and that comes, for ever; *on_news* is told whose newest one is another."""
    async for stored in stream.follow(connection, NEWS_STREAM, NEWS_OF_ALL, 0):
        changed: dict[str, None] = {}
        for each in stored:
            try:
                changed |= dict.fromkeys(knowledge.take_article(_decode_article(each.payload)))
            except DecodeError as error:  # of another version, or somebody else's
                log.warning("article.unreadable", sequence=each.sequence, reason=str(error))
        if changed:
            on_news([*changed])


def _take(knowledge: Knowledge, learn: Learn, value: bytes, log: Log) -> bool:
    try:
        return learn(knowledge, value)
    except DecodeError as error:  # of another version: rows stay without it
        log.warning("reference.unreadable", reason=str(error))
        return False
