"""`mesh bench soak`: a whole trading day, 04:00 to 20:00, played in a given number of minutes.

What counts is memory: it must not depend on how long the mesh has run. The first reading is taken
once every symbol has traded, after the open.
"""

import argparse
import asyncio
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from mesh import clock
from services.bench.live import plan_for, watching
from services.bench.measure import by_program, percentile, rss_mb
from services.bench.tape import BenchTape, trading_day
from services.up.console import Console
from services.up.plan import Plan
from services.up.service import Tree


_EVERY_S = 10.0
_FIRST = 0.45
"""Part of the day after which memory counts: 11:12 in New York."""

Readings = list[dict[str, float]]


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the bench; its result."""
    tape = trading_day(rate=arguments.rate, symbols=arguments.symbols)
    seconds = arguments.minutes * 60
    with TemporaryDirectory(prefix="mesh-bench-") as folder:
        plan = plan_for(tape, folder, tape.market_s / seconds, "--workers", str(arguments.workers))
        return uvloop.run(_measure(plan, tape))


async def _measure(plan: Plan, tape: BenchTape) -> dict[str, Any]:
    tree = Tree(plan, Console())
    readings: Readings = []
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tree.run())
        await tree.reached(tree.started)
        began_s = clock.monotonic_s()
        reading = tasks.create_task(_read(tree, readings))
        async with watching(plan) as (_, updates):
            await tree.reached(tree.tape_ended)
        seconds = clock.monotonic_s() - began_s
        reading.cancel()
        await running
    summary = tree.summary(seconds)
    latencies = [update.latency_ms for update in updates]
    return {
        "bench": "soak",
        "events": sum(summary["events"].values()),
        "events_on_tape": tape.events,
        "seconds": round(seconds, 1),
        **{name: summary[name] for name in ("discarded", "gaps", "lost", "doubled", "rejected")},
        "p99_ms": round(percentile(latencies, 99) or 0.0, 1),
        **_memory(readings),
    }


async def _read(tree: Tree, readings: Readings) -> None:
    while True:
        await asyncio.sleep(_EVERY_S)
        readings.append(by_program({name: rss_mb(pid) for name, pid in tree.pids().items()}))


def _memory(readings: Readings) -> dict[str, Any]:
    """Memory by program: after the open, at the end, and the most there was, in MB."""
    first, last = readings[int(len(readings) * _FIRST)], readings[-1]
    most = {name: max(reading.get(name, 0.0) for reading in readings) for name in last}
    return {
        "rss_mb": {
            name: [round(first[name]), round(last[name]), round(most[name])] for name in last
        },
        "processors_mb_max": round(most["processors"]),
        "processors_growth_pct": round((last["processors"] / first["processors"] - 1) * 100, 1),
    }
