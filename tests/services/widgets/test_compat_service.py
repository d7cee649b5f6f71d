"""`/compat/ws` under clients that are slow or gone, and a broker that comes and goes."""

import socket

import pytest

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection
from schemas.naming import Bucket
from tests.services.widgets.compat_serving import Client, Market, serving


pytestmark = pytest.mark.broker

FEED = "quote:*"


async def _subscribe(client: Client, feed: str = FEED) -> None:
    assert await client.ask(action="subscribe", feed=feed) == {"status": "subscribed", "feed": feed}


async def _watched(connection: Connection) -> int:
    """How many consumers read rows."""
    answer = await connection.api("$JS.API.CONSUMER.NAMES.KV_rows")
    return int(answer["total"])


async def test_compat_stalled_client_delays_nobody(connection: Connection) -> None:
    """Beside a client that reads nothing another gets every value at once; the stalled one is then given the newest."""
    async with (
        serving(connection) as service,
        service.visiting() as quick,
        service.visiting(sock=_narrow(service.port), max_queue=1) as stalled,
    ):
        for client in (quick, stalled):
            await _subscribe(client)
        await service.until_loaded()
        for price in range(1, 501):
            await service.market.put("row", last_usd=float(price), symbol=f"S{price % 7}")
            assert (await quick.hear())["close"] == price

        newest: dict[str, float] = {}
        frames = 0
        while max(newest.values(), default=0.0) < 500:
            quote = await stalled.hear()
            newest[quote["symbol"]] = quote["close"]
            frames += 1

    assert frames < 500


@pytest.mark.slow
async def test_compat_market_is_watched_once_and_only_for_clients(connection: Connection) -> None:
    """Nothing is read before the first client is let in, once for all, and no longer after the last has left."""
    async with serving(connection) as service:
        async with service.visiting(None):
            assert await _watched(connection) == 0
            async with service.visiting(), service.visiting():
                await service.until_loaded()
                assert await _watched(connection) == 1
                assert service.source.clients == 2
        await eventually(lambda: not service.source.is_loaded)
        await eventually(lambda: _watched(connection), (0).__eq__)
        await service.market.put("row", last_usd=3.0)
        async with service.visiting() as client:
            quote = await client.ask(action="get", cache="quote:ABCD")

    assert quote["data"]["close"] == 3.0


async def test_compat_market_is_kept_for_who_comes_back_at_once(connection: Connection) -> None:
    """A page that is loaded anew finds what was loaded for it before."""
    async with serving(connection, linger_s=60.0) as service:
        async with service.visiting():
            await service.until_loaded()
        await eventually(lambda: service.source.clients == 0)
        assert service.source.is_loaded
        async with service.visiting() as client:
            await _subscribe(client)
            await service.market.put("row", last_usd=3.0)
            assert (await client.hear())["close"] == 3.0


async def test_compat_goes_on_after_a_broker_restart(
    settings: Settings, connection: Connection, broker: RunningBroker
) -> None:
    """Clients stay connected while the broker is away; rows and alerts that come before we are back are not lost."""
    async with serving(connection) as service, service.visiting() as client:
        await _subscribe(client)
        await _subscribe(client, "daily_range_hod_alert")
        await service.market.put("alert")
        assert (await client.hear())["price"] == 6.5
        await broker.stop()
        held = await client.ask(action="get", cache="daily_range_hod_alert")
        await broker.start()
        async with ready_connection(settings) as again:
            market = Market(again)
            await market.put("alert", price_usd=7.0, at_ms=1)
            await market.put("row", last_usd=8.0)
        heard = [await client.hear(), await client.hear()]

    assert len(held["data"]) == 1
    assert sorted(frame.get("price", frame["close"]) for frame in heard) == [7.0, 8.0]


async def test_compat_garbage_in_a_bucket_is_left_out(connection: Connection) -> None:
    """A value that is none is counted, and the next one is published."""
    rows = KeyValue(connection, Bucket.ROWS)
    async with serving(connection) as service, service.visiting() as client:
        await _subscribe(client)
        await service.until_loaded()
        await rows.put("ABCD", b"garbage")
        await rows.put("a=b==", b"{}")
        await connection.acknowledged("alert.high.ABCD", b"garbage")
        await service.market.put("row", last_usd=3.0)
        assert (await client.hear())["close"] == 3.0
        assert service.source.rejected == 2


async def test_compat_board_is_published_at_the_old_pace(connection: Connection) -> None:
    """However often a board changes, it is published once in the time, and then as it is."""
    async with serving(connection, board_s=0.5) as service, service.visiting() as client:
        await _subscribe(client, "scanners:*")
        await service.until_loaded()
        for seq in range(1, 40):
            await service.market.put("board", seq=seq, last_usd=float(seq))
        frames = [await client.hear()]
        while frames[-1][0]["close"] < 39:
            frames.append(await client.hear())

    assert len(frames) < 10


async def test_compat_list_of_all_trades_is_not_made_for_everybody_anew(
    connection: Connection,
) -> None:
    """The one value that is made of every row is made once in some seconds, however often it is asked for."""
    cache = "tta:all_symbols:widget"
    async with serving(connection, trades_s=60.0) as service, service.visiting() as client:
        await _subscribe(client)
        for symbol in "AB":
            await service.market.put("row", symbol=symbol)
            await client.hear()
            found = await client.ask(action="get", cache=cache)
            assert list(found["data"]["symbols"]) == ["A"]


async def test_compat_stop_closes_clients(connection: Connection) -> None:
    """Clients learn from the code that the service goes away."""
    async with serving(connection) as service, service.visiting() as client:
        await service.source.close(5.0)
        assert await client.closed() == 1001


def _narrow(port: int) -> socket.socket:
    """A connection whose receiving end holds little."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
    narrow.connect(("127.0.0.1", port))
    narrow.setblocking(False)
    return narrow
