"""What tests of news put onto the tape, and what they find behind it."""

from typing import Any

from mesh import clock, direct
from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.kv import RECEIVED_MS, KeyValue
from mesh.testing import eventually
from schemas.naming import (
    LATEST_KEY,
    NEWS_OF_ALL,
    NEWS_STREAM,
    Bucket,
    news_tape_subject,
    symbol_token,
)
from schemas.news import Article, Latest, OfSymbol
from schemas.wire import encode_json, json_decoder


PUBLISHED = "2026-01-05T14:30:00Z"
PUBLISHED_MS = 1_767_623_400_000

_decode = json_decoder(Article).decode
_decode_latest = json_decoder(Latest).decode
_decode_symbol = json_decoder(OfSymbol).decode


def finlight(number: int = 1, **fields: Any) -> dict[str, Any]:
    """An article of that vendor; None leaves a field out."""
    link = f"https://wire.example/{number}"
    found = {"link": link, "title": f"Title {number}", "publishDate": PUBLISHED, "source": "wire.example"}  # fmt: skip
    return {name: value for name, value in {**found, **fields}.items() if value is not None}


def company(ticker: str, exchange: str = "XNAS", name: str = "Name Corp") -> dict[str, Any]:
    """A company as that vendor names it."""
    listing = {"ticker": ticker, "exchangeCode": exchange, "exchangeCountry": "US"}
    return {"companyId": 1, "name": name, "ticker": ticker, "primaryListing": listing}


async def put(connection: Connection, article: Any, vendor: str = "finlight") -> int:
    """Put *article* onto the tape as the listener does; its sequence there."""
    payload = article if isinstance(article, bytes) else encode_json(article)
    headers = {RECEIVED_MS: str(clock.now_ms())}
    answer = await connection.acknowledged(news_tape_subject(vendor), payload, headers)
    return int(answer["seq"])


async def stored(connection: Connection, subject: str = NEWS_OF_ALL) -> list[Article]:
    """What stream `NEWS` holds of *subject*, in its order."""
    found = await direct.every(connection, NEWS_STREAM, subject)
    return [_decode(each.payload) for each in found]


async def until_stored(
    connection: Connection, count: int, subject: str = NEWS_OF_ALL
) -> list[Article]:
    """The same, once there are *count* at least."""

    async def all_of_them() -> list[Article]:
        return await stored(connection, subject)

    found: list[Article] = await eventually(all_of_them, lambda each: len(each) >= count, timeout_s=20.0)  # fmt: skip
    return found


async def latest(connection: Connection) -> Latest | None:
    """The head of the latest articles in KV."""
    entry = await KeyValue(connection, Bucket.NEWS).get(LATEST_KEY)
    return _decode_latest(entry.value) if entry is not None and entry.value else None


async def of_symbol(connection: Connection, symbol: str) -> list[Article]:
    """The articles of a symbol in KV."""
    entry = await KeyValue(connection, Bucket.NEWS).get(symbol_token(symbol))
    return _decode_symbol(entry.value).articles if entry is not None and entry.value else []


async def unfinished(connection: Connection) -> int:
    """Messages of the tape that nobody has said to be done with; one while nobody has begun."""
    try:
        info = await connection.api("$JS.API.CONSUMER.INFO.TAPE_NEWS.news")
    except BrokerError:
        return 1
    return int(info["num_pending"]) + int(info["num_ack_pending"])


async def until_finished(connection: Connection) -> None:
    """Wait until all of the tape is dealt with."""

    async def is_done() -> bool:
        return await unfinished(connection) == 0

    await eventually(is_done, timeout_s=20.0)  # type: ignore[arg-type]  # T is what is awaited
