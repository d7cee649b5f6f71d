"""Every program is replaced by another version while the market goes on: nothing is lost, nothing comes twice."""

import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from mesh import clock
from mesh.connection import Connection
from mesh.testing import RunningBroker, eventually, ready_connection, running_cluster
from schemas.naming import Bucket, MarketClass, bucket_stream, tape_stream
from services.simulator.feed import LiveFeed, TapeFeed
from services.simulator.market import Market, start_of
from services.simulator.player import RealTime
from services.simulator.tape import Tape
from tests.oracle.oracle import CONDITIONS, Oracle
from tests.system.recorded_vendors import News, Recorded, Stoppable, vendors
from tests.system.rolling import LISTENER, Fleet
from tests.system.upgrading import KEY, PARTITIONS, Watcher, stopped, until_folded, watching, wrong


pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.timeout(500),
    pytest.mark.skipif(
        not CONDITIONS.is_file(),
        reason="the vendor's trade conditions are not beside the repository (../shared/data)",
    ),
]

START_MS = start_of("2026-01-05T10:00:00")
TRADES_SHARE = 0.56
"""Of the synthetic market's events."""
BEFORE_S = 2
"""Of the market, before the upgrade begins."""
TAPE_S = 300
RATES = [2_000, pytest.param(20_000, marks=pytest.mark.soak)]
"""Events a second."""


class Scene(NamedTuple):
    """A mesh that runs, with its vendors and a client."""

    fleet: Fleet
    connection: Connection
    watcher: Watcher
    news: News


@asynccontextmanager
async def _running(feed: Recorded, folder: Path, **changes: Any) -> AsyncIterator[Scene]:
    """Everything but the listener is ready, and the client is connected."""
    known = folder / "known.jsonl"
    known.write_bytes(b'{"ev":"T","sym":"A","p":1,"s":1,"t":1767625200000,"q":1}\n')
    async with AsyncExitStack() as stack:
        given, news = await stack.enter_async_context(vendors(feed, known))
        settings = msgspec.structs.replace(given, partitions=PARTITIONS, token_key=KEY, **changes)
        connection = await stack.enter_async_context(ready_connection(settings))
        fleet = Fleet(settings, folder, stack)
        await fleet.start()
        watcher = await stack.enter_async_context(watching(fleet.balancer.url))
        await eventually(lambda: watcher.client.connected)
        yield Scene(fleet, connection, watcher, news)


def _live(rate: int) -> Stoppable:
    """A market that goes on for as long as the test wants."""
    symbols = max(rate // 15, 200)
    return Stoppable(
        Market(seed=7, symbols=symbols, start_ms=START_MS, trades_a_s=rate * TRADES_SHARE)
    )


def _sent(feed: Recorded, folder: Path) -> tuple[Counter[str], Path]:
    """What the listener was sent: how much of each class, and a tape of it."""
    path = folder / "sent.jsonl"
    feed.write(path)
    return Counter({str(name): count for name, count in feed.counts().items()}), path


@pytest.mark.parametrize("rate", RATES)
async def test_nothing_is_lost_when_all_programs_are_replaced(
    broker: RunningBroker, tmp_path: Path, rate: int
) -> None:
    """Rows, boards, alerts and news are those of exactly what the vendors wrote to a socket, and a client loses no alert."""
    market = _live(rate)
    feed = Recorded(LiveFeed(market, RealTime()))
    async with _running(feed, tmp_path, nats_url=broker.url) as scene:
        began_s, before = clock.monotonic_s(), market.produced
        await scene.fleet.listen()
        await eventually(lambda: market.produced > before + BEFORE_S * rate)
        await scene.fleet.upgrade("2")
        versions = await scene.fleet.versions()
        lasted_s = clock.monotonic_s() - began_s
        market.is_over = True
        await scene.fleet.stop(LISTENER)  # the market reads some way ahead
        sent, path = _sent(feed, tmp_path)
        folded = await until_folded(scene.connection, sent)
        left = await stopped(*scene)
    gap_s = feed.first_s[1] - scene.fleet.stopped_s
    made_a_s = (market.produced - before) / lasted_s
    sys.stdout.write(f"{made_a_s:.0f} events/s for {lasted_s:.0f} s; first event {gap_s:.2f} s after SIGTERM\n")  # fmt: skip

    assert versions == {"2"}
    assert len(feed.first_s) == 2
    assert not +folded.missed
    assert wrong(left, Oracle([path])) == []
    assert sorted(left.articles) == sorted(scene.news.links)
    scene.watcher.assert_gone_on()


@pytest.mark.soak  # every event of it is compared in the test before, live
async def test_a_tape_is_played_whole_while_all_programs_are_replaced(
    broker: RunningBroker, tmp_path: Path
) -> None:
    """A tape that is begun again by each listener, and nothing of which may be dropped, leaves what queries over its file give."""
    path = tmp_path / "tape.jsonl"
    market = Market(seed=6, symbols=60, start_ms=START_MS, trades_a_s=25.0)
    with path.open("wb") as file:
        for event in takewhile(lambda each: each.time_ms < START_MS + TAPE_S * 1000, market):
            file.write(event.payload + b"\n")
    feed = Recorded(TapeFeed(Tape([path]), RealTime(5.0)))
    async with _running(feed, tmp_path, nats_url=broker.url, lossless=True) as scene:
        await scene.fleet.listen()
        await eventually(lambda: len(feed.frames) > 10)
        await scene.fleet.upgrade("2")
        await eventually(lambda: scene.fleet.said("tape.ended"), timeout_s=120.0)
        left = await stopped(*scene)

    assert len(feed.first_s) == 2
    assert wrong(left, Oracle([path])) == []
    assert sorted(left.articles) == sorted(scene.news.links)
    scene.watcher.assert_gone_on()


@pytest.mark.soak
async def test_nothing_is_lost_when_all_brokers_are_replaced(tmp_path: Path) -> None:
    """At 20,000 events/s the three nodes of a cluster leave in lame-duck mode and come back, one after the other."""
    market = _live(20_000)
    feed = Recorded(LiveFeed(market, RealTime()))
    async with (
        running_cluster(tmp_path / "nats") as cluster,
        _running(feed, tmp_path, nats_url=cluster.url, replicas=3) as scene,
    ):
        await scene.fleet.listen()
        before = market.produced
        await eventually(lambda: market.produced > before + BEFORE_S * 20_000)
        for node in cluster.nodes.values():
            await node.stop(signal.SIGUSR2)
            await node.start()
            await cluster.until_whole(tape_stream(MarketClass.TRADES))
            await cluster.until_whole(bucket_stream(Bucket.CHECKPOINTS))
        market.is_over = True
        await scene.fleet.stop(LISTENER)
        sent, path = _sent(feed, tmp_path)
        folded = await until_folded(scene.connection, sent)
        left = await stopped(*scene)

    assert len(feed.first_s) == 1
    assert not +folded.missed
    assert wrong(left, Oracle([path])) == []
    assert sorted(left.articles) == sorted(scene.news.links)
