"""What an owner puts into KV: the newest of each row, all of them again when it must, and their image."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from mesh import clock
from mesh.connection import Connection
from mesh.errors import FencedError
from mesh.kv import KeyValue
from mesh.publisher import Publisher
from mesh.testing import eventually
from schemas.columns import Columns, Image, columns_of
from schemas.leaderboard import Row
from schemas.naming import Bucket, partition_token
from schemas.wire import json_decoder, msgpack_decoder
from services.processors.known import Headline
from services.processors.outlet import Outlet


pytestmark = pytest.mark.broker

PARTITION = 5
SYMBOLS = [f"S{number}" for number in range(250)]
"""More than are put in one go."""

_decode = json_decoder(Row).decode


def _rows(symbols: list[str], last_usd: float) -> Columns:
    return columns_of(
        [Row(symbol, "2024-10-02", "regular", 1, last_usd=last_usd) for symbol in symbols]
    )


async def _outlet(connection: Connection, news: Mapping[str, Headline] | None = None) -> Outlet:
    publisher = Publisher(connection)
    await publisher.start()
    outlet = Outlet(connection, publisher, PARTITION, news or {})
    outlet.epoch = 1
    return outlet


async def _is_owner() -> None:
    return None


Prices = dict[str, float | None]


async def _prices(connection: Connection) -> Prices:
    await connection.flush()
    entries = await KeyValue(connection, Bucket.ROWS).all()
    return {entry.key: _decode(entry.value or b"").last_usd for entry in entries}


async def _until(connection: Connection, expected: Prices) -> None:
    """Wait until KV `rows` shows exactly these prices."""

    async def shown() -> Prices:
        return await _prices(connection)

    _: Prices = await eventually(shown, lambda found: found == expected)


async def test_newest_of_each_row_is_put(connection: Connection) -> None:
    """Of what was published once or twice since the last time, KV shows the newest, and the first ones stay."""
    outlet = await _outlet(connection)
    await outlet.publish(_rows(SYMBOLS, 1.0), 0.0)
    await outlet.publish(_rows(SYMBOLS[:3], 2.0), 0.0)

    began_s = clock.monotonic_s()
    busy_s = await outlet.put_rows(_is_owner)

    assert 0.0 < busy_s <= clock.monotonic_s() - began_s
    expected: Prices = dict.fromkeys(SYMBOLS, 1.0)
    expected.update(dict.fromkeys(SYMBOLS[:3], 2.0))
    await _until(connection, expected)
    assert await outlet.put_rows(_is_owner) == 0.0


async def test_row_that_changes_while_rows_are_put_is_put_as_it_is_then(
    connection: Connection,
) -> None:
    """Whenever a change comes in between, what stands in KV at the end is the newest."""
    outlet = await _outlet(connection)
    await outlet.publish(_rows(SYMBOLS, 1.0), 0.0)

    async def publish_meanwhile() -> None:
        for price in range(2, 40):
            await outlet.publish(_rows(SYMBOLS, float(price)), 0.0)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publish_meanwhile())
        for _ in range(5):
            await outlet.put_rows(_is_owner)
            await asyncio.sleep(0)
    await outlet.put_rows(_is_owner)

    await _until(connection, dict.fromkeys(SYMBOLS, 39.0))


async def test_all_rows_are_put_again(connection: Connection) -> None:
    """After puts that may be lost, every row that was ever published is put once more, and pictured."""
    outlet = await _outlet(connection)
    await outlet.publish(_rows(SYMBOLS, 1.0), 0.0)
    await outlet.publish(_rows(SYMBOLS[:3], 2.0), 0.0)
    await outlet.put_rows(_is_owner)
    await connection.flush()
    await connection.api("$JS.API.STREAM.PURGE.KV_rows")

    outlet.repeat()
    await outlet.put_rows(_is_owner)
    await outlet.picture(_is_owner)

    expected: Prices = dict.fromkeys(SYMBOLS, 1.0)
    expected.update(dict.fromkeys(SYMBOLS[:3], 2.0))
    await _until(connection, expected)
    entry = await KeyValue(connection, Bucket.IMAGES).get(partition_token(PARTITION))
    assert entry is not None
    image = msgpack_decoder(Image).decode(entry.value or b"")
    assert (image.partition, image.epoch, image.number) == (PARTITION, 1, 2)
    assert {row.symbol: row.last_usd for row in image.columns().rows()} == expected


async def test_nothing_is_put_before_anything_was_published(connection: Connection) -> None:
    """An owner that has no rows yet neither puts any nor replaces the image of the one before it."""
    outlet = await _outlet(connection)
    outlet.repeat()

    assert await outlet.put_rows(_is_owner) == 0.0
    await outlet.picture(_is_owner)
    assert await KeyValue(connection, Bucket.IMAGES).get(partition_token(PARTITION)) is None


async def test_former_owner_puts_no_row_and_forgets_none(connection: Connection) -> None:
    """Who is refused puts nothing; if it was a mistake, the next time puts all of it."""
    outlet = await _outlet(connection)
    await outlet.publish(_rows(SYMBOLS, 1.0), 0.0)

    async def refused() -> None:
        raise FencedError("another process is the owner")

    with pytest.raises(FencedError):
        await outlet.put_rows(refused)
    assert await _prices(connection) == {}
    await outlet.put_rows(_is_owner)
    await _until(connection, dict.fromkeys(SYMBOLS, 1.0))


async def test_headline_comes_with_its_age(connection: Connection) -> None:
    """A row that was made before the newest article shows neither its headline nor its age; the next has both."""
    news = {"A": Headline(2000, "a", 1, "Up"), "B": Headline(2000, "b", 1, "Down")}
    outlet = await _outlet(connection, news)
    ages = {"A": 2000, "B": 1000, "C": None}
    rows = [Row(symbol, "2024-10-02", "regular", 1, news_ms=age) for symbol, age in ages.items()]
    await outlet.publish(columns_of(rows), 0.0)
    await outlet.put_rows(_is_owner)
    await connection.flush()

    async def headlines() -> dict[str, str | None]:
        entries = await KeyValue(connection, Bucket.ROWS).all()
        return {
            each.key: msgspec.json.decode(each.value or b"").get("headline") for each in entries
        }

    await eventually(headlines, {"A": "Up", "B": None, "C": None}.__eq__)
