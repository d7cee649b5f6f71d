"""Boards with a standby: the active process dies or hangs, and its successor numbers on."""

import asyncio
import io
import os
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from mesh.connection import Connection, Message
from mesh.kv import KeyValue
from mesh.testing import eventually
from schemas.leaderboard import Board
from schemas.naming import Bucket, owner_key
from schemas.ownership import Claim
from schemas.wire import json_decoder
from services.bench.live import plan_for, watching
from services.bench.tape import steady
from services.up.console import Console
from services.up.service import Tree


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(90)]

PAUSE_S = 2.5

_decode_board = json_decoder(Board).decode
_decode_claim = json_decoder(Claim).decode


async def _active_pid(connection: Connection) -> int:
    """The process that puts boards; its member name holds its number."""
    entry = await KeyValue(connection, Bucket.OWNERS).get(owner_key("boards", 0))
    assert entry is not None
    return int(_decode_claim(entry.value or b"").member.split("-")[-2])


async def test_boards_go_on_without_the_active_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, then paused and woken up: boards go on with the standby, and no number comes twice or goes back."""
    monkeypatch.chdir(tmp_path)
    plan = plan_for(steady(rate=1000, seconds=25, symbols=200), str(tmp_path / "mesh"), 1.0)
    tree = Tree(plan, Console(io.StringIO()))
    shown: list[Board] = []

    async def on_board(message: Message) -> None:
        shown.append(_decode_board(message.data))

    async def advance() -> None:
        seen = len(shown)
        await eventually(lambda: len(shown) > seen + 5, timeout_s=15.0)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tree.run())
        await tree.reached(tree.started)
        async with watching(plan) as (connection, _):
            await connection.subscribe("board.volume", on_board)
            await advance()
            killed = await _active_pid(connection)
            os.kill(killed, signal.SIGKILL)
            await advance()
            paused = await _active_pid(connection)
            os.kill(paused, signal.SIGSTOP)
            await asyncio.sleep(PAUSE_S)  # longer than a member may be silent
            await advance()
            os.kill(paused, signal.SIGCONT)
            await advance()
            successor = await _active_pid(connection)
            await tree.reached(tree.tape_ended)
        await running

    assert len({killed, paused, successor}) == 3
    assert all(earlier.seq < later.seq for earlier, later in pairwise(shown))
    assert all(earlier.asof_ms <= later.asof_ms for earlier, later in pairwise(shown))
