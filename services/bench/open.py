"""`mesh bench open`: 09:30:00 with ten times the load of the pre-market, for ten seconds.

Latency runs from the arrival of the oldest event that a board contains, and no board before it did,
to that board's arrival in KV. Normal is what 99 of 100 updates stay below before the open.
"""

import argparse
import asyncio
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from mesh import clock
from mesh.calendar import day_at
from services.bench.live import Update, plan_for, watching
from services.bench.measure import percentile
from services.bench.tape import BURST, BURST_MS, opening
from services.up.console import Console
from services.up.plan import Plan
from services.up.service import Tree


_WARM_UP_MS = 5_000
_TOLERANCE = 1.5
"""Back to normal is below this multiple of what was normal before the open (dimensionless)."""


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the bench; its result."""
    tape = opening(rate=arguments.rate, symbols=arguments.symbols)
    with TemporaryDirectory(prefix="mesh-bench-") as folder:
        plan = plan_for(tape, folder, 1.0, "--partitions", str(arguments.partitions))
        updates, summary, seconds = uvloop.run(_measure(plan))
    return {
        "bench": "open",
        "rate": arguments.rate,
        "burst": BURST,
        "events": sum(summary["events"].values()),
        "events_on_tape": tape.events,
        "seconds": round(seconds, 2),
        "discarded": summary["discarded"] + summary["gaps"],
        "late": summary["late"],
        **_result(updates),
    }


async def _measure(plan: Plan) -> tuple[list[Update], dict[str, Any], float]:
    tree = Tree(plan, Console())
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tree.run())
        await tree.reached(tree.started)
        began_s = clock.monotonic_s()
        async with watching(plan) as (_, updates):
            await tree.reached(tree.tape_ended)
            seconds = clock.monotonic_s() - began_s
        await running
    return updates, tree.summary(seconds), seconds


def _result(updates: list[Update]) -> dict[str, Any]:
    open_ms = day_at(updates[0].asof_ms).open_ms
    end_ms = open_ms + BURST_MS
    before = [each for each in updates if each.asof_ms < open_ms]
    warm_ms = before[0].asof_ms + _WARM_UP_MS
    normal_ms = (
        percentile([each.latency_ms for each in before if each.asof_ms > warm_ms], 99) or 0.0
    )
    burst = [each.latency_ms for each in updates if open_ms <= each.asof_ms < end_ms]
    after = [each for each in updates if each.asof_ms >= end_ms]
    slow = [each.arrived_s for each in after if each.latency_ms > _TOLERANCE * normal_ms]
    return {
        "normal_p99_ms": round(normal_ms, 1),
        "burst_p50_ms": round(percentile(burst, 50) or 0.0, 1),
        "burst_p99_ms": round(percentile(burst, 99) or 0.0, 1),
        "recovery_s": round(slow[-1] - after[0].arrived_s, 2) if slow else 0.0,
        "boards_seen": len(updates),
    }
