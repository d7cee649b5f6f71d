"""`mesh bench failover`: workers are killed under load, one after the other.

A take-over lasts from the kill until every partition of the victim has published rows under a new
owner. At the end every event that the listener published must be folded or late, once.
"""

import argparse
import asyncio
import os
import signal
from collections.abc import Callable
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from mesh import clock
from mesh.connection import Connection, Message
from mesh.kv import KeyValue
from schemas.columns import RowsBatch
from schemas.naming import Bucket, parse_owner_key
from schemas.ownership import Claim
from schemas.wire import json_decoder, msgpack_decoder
from services.bench.live import plan_for, watching
from services.bench.tape import steady
from services.simulator.chance import seeded
from services.up.console import Console
from services.up.plan import Plan
from services.up.service import Tree


_GROUP = "processors"
_BETWEEN_S = 3.0
_AT_MOST_S = 30.0

_decode_claim = json_decoder(Claim).decode
_decode_rows = msgpack_decoder(RowsBatch).decode


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the bench; its result."""
    seconds = round((arguments.kills + 2) * _BETWEEN_S) + 10
    tape = steady(rate=arguments.rate, seconds=seconds, symbols=arguments.symbols)
    with TemporaryDirectory(prefix="mesh-bench-") as folder:
        speed = arguments.rate / (tape.events / tape.market_s)
        plan = plan_for(tape, folder, speed, "--workers", str(arguments.workers))
        takeovers, summary = uvloop.run(_measure(plan, arguments.kills, arguments.seed))
    return {
        "bench": "failover",
        "rate": arguments.rate,
        "workers": arguments.workers,
        "kills": len(takeovers),
        "takeover_s_max": round(max(takeovers), 3),
        "takeover_s_median": round(median(takeovers), 3),
        "lost": summary["lost"] + summary["gaps"] + summary["discarded"],
        "doubled": summary["doubled"],
        "events": sum(summary["events"].values()),
    }


async def _measure(plan: Plan, kills: int, seed: int) -> tuple[list[float], dict[str, Any]]:
    tree = Tree(plan, Console())
    chance = seeded(seed)
    takeovers: list[float] = []
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tree.run())
        await tree.reached(tree.started)
        began_s = clock.monotonic_s()
        async with watching(plan) as (connection, _):
            owners = _Owners(connection)
            await connection.subscribe("rows.*", owners.on_rows)
            while len(takeovers) < kills and not tree.tape_ended.is_set():
                await asyncio.sleep(_BETWEEN_S)
                takeovers.append(await owners.takeover(tree.pids, chance.choice))
            await tree.reached(tree.tape_ended)
        await running
    return takeovers, tree.summary(clock.monotonic_s() - began_s)


class _Owners:
    """Who owns what, and under which epoch each partition's rows were last published."""

    def __init__(self, connection: Connection) -> None:
        self._claims = KeyValue(connection, Bucket.OWNERS)
        self._epochs: dict[int, int] = {}
        self._moved = asyncio.Event()

    async def on_rows(self, message: Message) -> None:
        batch = _decode_rows(message.data)
        if batch.epoch > self._epochs.get(batch.partition, 0):
            self._epochs[batch.partition] = batch.epoch
            self._moved.set()

    async def takeover(
        self, pids: Callable[[], dict[str, int]], choose: Callable[[list[int]], int]
    ) -> float:
        """Kill a worker that owns something; seconds until all that it owned is published by others."""
        slots = await self._slots({pid for name, pid in pids().items() if name.startswith(_GROUP)})
        victim = choose(sorted(slots))
        before = {slot: self._epochs.get(slot, 0) for slot in slots[victim]}
        os.kill(victim, signal.SIGKILL)
        killed_s = clock.monotonic_s()
        async with asyncio.timeout(_AT_MOST_S):
            while any(self._epochs.get(slot, 0) <= epoch for slot, epoch in before.items()):
                self._moved.clear()
                await self._moved.wait()
        return clock.monotonic_s() - killed_s

    async def _slots(self, pids: set[int]) -> dict[int, list[int]]:
        """Partitions by the process that owns them; a member's name holds the number of its process."""
        slots: dict[int, list[int]] = {}
        for entry in await self._claims.all():
            group, slot = parse_owner_key(entry.key)
            member = _decode_claim(entry.value or b"").member
            pid = int(member.rpartition("-")[0].rpartition("-")[2] or 0)
            if group == _GROUP and pid in pids:
                slots.setdefault(pid, []).append(slot)
        return slots
