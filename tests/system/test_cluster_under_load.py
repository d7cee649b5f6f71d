"""The mesh on a cluster of three brokers: nodes die, hang and are cut off while a feed plays."""

import asyncio
import io
from itertools import pairwise, takewhile
from pathlib import Path

import msgspec
import pytest

from mesh.connection import open_connection
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import RunningCluster, eventually, running_cluster
from schemas.naming import Bucket, MarketClass, bucket_stream, tape_stream
from services.bench.live import Update, plan_for, watching
from services.bench.tape import BenchTape
from services.simulator.market import Market, start_of
from services.up.console import Console
from services.up.service import Tree
from tests.oracle.oracle import board_rows, differences


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(300)]

SECONDS = 40
ELECTION_S = 4.0
"""A stream that lost its leader is silent for at least as long."""


def _tape(path: Path) -> BenchTape:
    """Some seconds of a small market as JSON lines, which the query can read too."""
    start_ms = start_of("2026-01-05T10:00:00")
    market = Market(seed=3, symbols=300, start_ms=start_ms, trades_a_s=600)
    events = list(takewhile(lambda event: event.time_ms < start_ms + SECONDS * 1000, market))
    path.write_bytes(b"".join(event.payload + b"\n" for event in events))
    return BenchTape(path, len(events), SECONDS)


async def _place_leaders(cluster: RunningCluster, tape: str, state: str) -> None:
    """Have the node *tape* lead the streams of the tape, and *state* all else that the boards need."""
    for market_class in (MarketClass.TRADES, MarketClass.BARS):
        await cluster.move_leader(tape_stream(market_class), tape)
    for bucket in (Bucket.BOARDS, Bucket.CHECKPOINTS, Bucket.OWNERS, Bucket.IMAGES):
        await cluster.move_leader(bucket_stream(bucket), state)


def _longest_silence_s(updates: list[Update], since: int) -> float:
    arrivals = [update.arrived_s for update in updates[max(since - 1, 0) :]]
    return max(later - earlier for earlier, later in pairwise(arrivals))


async def test_boards_go_on_and_equal_the_query(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node is killed, then the leader of the tape, then one is cut off: no event is lost, and boards do not wait for an election."""
    tape = _tape(tmp_path / "tape.jsonl")
    async with running_cluster(tmp_path / "nats", partitionable=True) as cluster:
        one, two, three = cluster.nodes
        # No program is on the third node: what a listener says there while it is cut off, nobody hears.
        reachable = f"{cluster.nodes[one].url},{cluster.nodes[two].url}"
        monkeypatch.setenv("MESH_NATS_URL", reachable)
        monkeypatch.setenv("MESH_REPLICAS", "3")
        plan = plan_for(tape, str(tmp_path / "mesh"), 1.0, "--workers", "2", "--partitions", "4")
        tree = Tree(plan, Console(io.StringIO()))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(tree.run())
            await tree.reached(tree.started)
            async with watching(plan) as (_, updates):
                await eventually(lambda: len(updates) > 10, timeout_s=30.0)
                await cluster.nodes[three].kill()
                await _advance(updates)
                await cluster.nodes[three].start()
                await cluster.until_whole(tape_stream(MarketClass.TRADES))

                await _place_leaders(cluster, tape=two, state=one)
                before = len(updates)
                await cluster.nodes[two].kill()
                await _advance(updates)
                silence_s = _longest_silence_s(updates, before)
                await cluster.nodes[two].start()
                await cluster.until_whole(tape_stream(MarketClass.TRADES))

                cluster.cut(three)
                await _advance(updates)
                cluster.heal(three)
                await tree.reached(tree.tape_ended)
            await running
        boards = await _boards(cluster)

    summary = tree.summary(0.0)
    assert (summary["lost"], summary["doubled"], summary["gaps"]) == (0, 0, 0)
    assert silence_s < ELECTION_S
    for board, rows in board_rows([tape.path]).items():
        assert differences(boards[board], rows) == []


async def _advance(updates: list[Update]) -> None:
    """Wait for some more updates of the boards."""
    seen = len(updates)
    await eventually(lambda: len(updates) > seen + 20, timeout_s=30.0)


async def _boards(cluster: RunningCluster) -> dict[str, list[dict[str, object]]]:
    settings = Settings(nats_url=cluster.url)
    async with open_connection(settings, "test", set_up("test", "error")) as connection:
        entries = await KeyValue(connection, Bucket.BOARDS).all()
    return {entry.key: msgspec.json.decode(entry.value or b"")["rows"] for entry in entries}
