"""A whole mesh under load, as the benches of the open and of fail-over drive it."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from mesh import clock
from mesh.connection import Connection, Message, open_connection
from mesh.kv import RECEIVED_MS
from mesh.logs import set_up
from mesh.tokens import Tokens
from schemas.wire import Wire, json_decoder
from services.bench.tape import BenchTape
from services.up import flags
from services.up.plan import Plan
from services.up.plan import plan as planned


_TOKEN_S = 3600.0
SUBSCRIPTIONS = "A.*,AM.*,T.*,Q.*,LULD.*"


class _AsOf(Wire, frozen=True):
    asof_ms: int


_decode = json_decoder(_AsOf).decode


class Update(NamedTuple):
    """A board that arrived in KV."""

    asof_ms: int
    """Where the tape was."""
    arrived_s: float
    """By the monotonic clock."""
    latency_ms: float
    """Since the oldest event in it, that none before it had, arrived from the vendor."""


def plan_for(tape: BenchTape, folder: str, speed: float, *more: str, web: bool = False) -> Plan:
    """A plan that plays *tape* as a live feed: what cannot be kept up with is dropped, and counted."""
    parser = argparse.ArgumentParser()
    flags.add(parser)
    words = ["--tape", str(tape.path), "--speed", f"{speed:.6f}", "--data-dir", folder]
    if not web:
        words.append("--no-web")
    plan = planned(parser.parse_args(["--exit-at-end", *words, *more]))
    settings = msgspec.structs.replace(plan.settings, lossless=False, subscriptions=SUBSCRIPTIONS)
    return plan._replace(settings=settings)


@asynccontextmanager
async def watching(plan: Plan) -> AsyncIterator[tuple[Connection, list[Update]]]:
    """A connection to the mesh, and the updates of boards as they come."""
    updates: list[Update] = []

    async def on_board(message: Message) -> None:
        received_ms = float((message.headers or {}).get(RECEIVED_MS, 0))
        if received_ms:
            asof_ms = _decode(message.data).asof_ms
            latency_ms = clock.now_ms() - received_ms
            updates.append(Update(asof_ms, clock.monotonic_s(), latency_ms))

    async with open_connection(plan.settings, "bench", set_up("bench", "error")) as connection:
        await connection.subscribe("board.*", on_board)
        yield connection, updates


@asynccontextmanager
async def visiting(plan: Plan, feeds: str) -> AsyncIterator[ClientConnection]:
    """A WebSocket of the Widget Data Service that may see *feeds*."""
    tokens = Tokens(plan.settings.token_key.encode())
    token = tokens.issue("bench", [feeds], _TOKEN_S, clock.now_ms())
    async with connect(
        f"ws://127.0.0.1:{plan.settings.port}/ws",
        compression=None,
        max_size=None,
        additional_headers={"Authorization": f"Bearer {token}"},
    ) as socket:
        yield socket
