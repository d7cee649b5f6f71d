"""`mesh bench pipeline`: a dense mixed tape through the whole tree, at a steady rate.

The feed is treated as a live one (what cannot be kept up with is dropped and counted). CPU is
counted from the first event to the last, start-up left out. Latency runs from the arrival of the
oldest event that a board contains and no board before it did, to that board's arrival in KV, or on
a client's socket: so it is that of the slowest event of each update, not of the luckiest.
"""

import argparse
import asyncio
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import uvloop
from websockets.exceptions import ConnectionClosed

from mesh import clock
from mesh.connection import Message, open_connection
from mesh.kv import RECEIVED_MS
from mesh.logs import set_up
from schemas.wire import encode_json
from services.bench.live import visiting
from services.bench.measure import by_program, cpu_s, percentile, rss_mb
from services.bench.tape import BenchTape, steady
from services.up import flags
from services.up.console import Console
from services.up.plan import Plan
from services.up.plan import plan as planned
from services.up.service import Tree


_COUNTED = ("listener", "broker", "processors", "boards")
"""Whose CPU is the cost of an event; the simulator and the page's service are reported beside it."""
_SUBSCRIPTIONS = "A.*,AM.*,T.*,Q.*,LULD.*"


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the bench; its result."""
    tape = steady(rate=arguments.rate, seconds=arguments.seconds, symbols=arguments.symbols)
    with TemporaryDirectory(prefix="mesh-bench-") as folder:
        speed = arguments.rate / (tape.events / tape.market_s)
        plan = planned(_up_arguments(tape, speed, arguments.partitions, folder))
        settings = msgspec.structs.replace(
            plan.settings, lossless=False, subscriptions=_SUBSCRIPTIONS
        )
        return uvloop.run(
            _measure(plan._replace(settings=settings), tape, tape.events / arguments.rate)
        )


def _up_arguments(
    tape: BenchTape, speed: float, partitions: int, folder: str
) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    flags.add(parser)
    given = {
        "--tape": tape.path,
        "--speed": f"{speed:.6f}",
        "--partitions": partitions,
        "--data-dir": folder,
    }
    words = [str(word) for pair in given.items() for word in pair]
    return parser.parse_args(["--exit-at-end", *words])


async def _measure(plan: Plan, tape: BenchTape, tape_s: float) -> dict[str, Any]:
    tree = Tree(plan, Console())
    latencies = _Latencies()
    memory_mb: list[dict[str, float]] = []
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tree.run())
        await tree.reached(tree.started)
        began_s, before = clock.monotonic_s(), _cpu(tree)
        watching = tasks.create_task(_watch(plan, latencies))
        settled = tasks.create_task(_sample_memory(tree, memory_mb, tape_s / 3))
        await tree.reached(tree.tape_ended)
        seconds = clock.monotonic_s() - began_s
        used = {name: cpu - before[name] for name, cpu in _cpu(tree).items()}
        memory_mb.append(_memory(tree))
        settled.cancel()
        watching.cancel()
        await running
    return _result(tree.summary(seconds), used, latencies, seconds, tape) | _growth(memory_mb)


def _cpu(tree: Tree) -> dict[str, float]:
    return by_program({name: cpu_s(pid) for name, pid in tree.pids().items()})


def _memory(tree: Tree) -> dict[str, float]:
    return by_program({name: rss_mb(pid) for name, pid in tree.pids().items()})


async def _sample_memory(tree: Tree, memory_mb: list[dict[str, float]], after_s: float) -> None:
    await asyncio.sleep(after_s)
    memory_mb.append(_memory(tree))


def _growth(memory_mb: list[dict[str, float]]) -> dict[str, Any]:
    """Memory by program after a third of the tape and at its end."""
    first, last = memory_mb[0], memory_mb[-1]
    before, after = (sum(each[name] for name in _COUNTED) for each in (first, last))
    return {
        "rss_mb": {name: [round(first[name]), round(last[name])] for name in last},
        "memory_growth_pct": round((after / before - 1) * 100, 1),
    }


class _Latencies:
    def __init__(self) -> None:
        self.kv_ms: list[float] = []
        self.socket_ms: list[float] = []


async def _watch(plan: Plan, latencies: _Latencies) -> None:
    async def on_board(message: Message) -> None:
        received_ms = float((message.headers or {}).get(RECEIVED_MS, 0))
        if received_ms:
            latencies.kv_ms.append(clock.now_ms() - received_ms)

    async with open_connection(plan.settings, "bench", set_up("bench", "error")) as connection:
        await connection.subscribe("board.*", on_board)
        await _watch_socket(plan, latencies)


async def _watch_socket(plan: Plan, latencies: _Latencies) -> None:
    feeds: list[str] = []
    async with visiting(plan, "board/*") as socket:
        try:
            async for text in socket:
                frame = msgspec.json.decode(text)
                for feed in frame.get("feeds", ()):
                    if feed not in feeds and feed.startswith("board/"):
                        feeds.append(feed)
                        await socket.send(
                            encode_json({"action": "sub", "id": len(feeds), "feed": feed}),
                            text=True,
                        )
                if frame["type"] == "delta" and frame["received_ms"]:
                    latencies.socket_ms.append(clock.now_ms() - frame["received_ms"])
        except ConnectionClosed:
            return


def _result(
    summary: dict[str, Any],
    used: dict[str, float],
    latencies: _Latencies,
    seconds: float,
    tape: BenchTape,
) -> dict[str, Any]:
    events = sum(summary["events"].values())
    costs = {name: round(cpu * 1e6 / events, 3) for name, cpu in used.items()}
    return {
        "bench": "pipeline",
        "events": events,
        "events_on_tape": tape.events,
        "seconds": round(seconds, 2),
        "events_per_s": round(events / seconds),
        "cpu_us_per_event": round(sum(costs[name] for name in _COUNTED), 3),
        "programs": costs,
        "discarded": summary["discarded"],
        "late": summary["late"],
        "rejected": summary["rejected"],
        "gaps": summary["gaps"],
        "p50_ms": _rounded(percentile(latencies.kv_ms, 50)),
        "p99_ms": _rounded(percentile(latencies.kv_ms, 99)),
        "ws_p50_ms": _rounded(percentile(latencies.socket_ms, 50)),
        "ws_p99_ms": _rounded(percentile(latencies.socket_ms, 99)),
        "boards_seen": len(latencies.kv_ms),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
