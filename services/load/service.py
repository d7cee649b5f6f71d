"""Runs `mesh load` from its command line to its one object."""

import argparse
import asyncio
import gc
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import SystemRandom
from typing import Any

import uvloop

from mesh import clock
from mesh.errors import FatalError, MeshError
from mesh.tasks import end
from services.load import own
from services.load.client import Door, door
from services.load.fleet import Fleet
from services.load.hostile import attack_for_ever, stalled
from services.load.process import Used, listening_on
from services.load.tally import Tally, ratio
from services.load.views import views


_LIVE_S = 60.0
"""For all clients to have their first table, or to have it again after a storm."""
_SETTLE_S = 1.0
"""From then on until the measurement: the snaps of the others are on their way."""
_BREATH_S = 1.0
_SCOUT_S = 2.0


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the load; what it measured.

    Raises:
        MeshError: it could not be run: no service there, or it did not let the clients in.
    """
    _raise_limit()
    try:
        return uvloop.run(_run(arguments))
    except BaseExceptionGroup as group:
        known = [error for error in _leaves(group) if isinstance(error, MeshError)]
        if not known:
            raise
        raise known[0] from group


async def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.clients < arguments.views:
        raise FatalError("--clients must be at least --views: each view needs a witness")
    if not arguments.self_contained:
        token = _token(arguments.token_file)
        at = door(arguments.url, lambda _: token)
        used = Used(arguments.pid or listening_on(at.host, at.port))
        return await Load(arguments, at, used, None).run()
    async with own.running() as ours:
        load = Load(arguments, door(ours.url, ours.token_of), Used(ours.pid), ours.producer)
        return await load.run()


class Load:
    """One run.

    Args:
        arguments: of the command line.
        at: where the service is.
        used: what its process uses.
        producer: of the board; None if it is somebody else's.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        at: Door,
        used: Used,
        producer: own.Producer | None,
    ) -> None:
        self._arguments = arguments
        self._at = at
        self._used = used
        self._producer = producer
        self._tally = Tally()
        self._chance = SystemRandom().random

    async def run(self) -> dict[str, Any]:
        """What was measured, by name."""
        arguments, tally = self._arguments, self._tally
        await self._scout()
        idle_kb = await self._idle_kb() if arguments.idle else None
        wanted = views(arguments.views, arguments.hz)
        async with asyncio.TaskGroup() as tasks:
            fleet = Fleet(self._at, wanted, arguments.clients, tally, tasks, self._chance)
            fleet.start()
            proving = tasks.create_task(fleet.keep_proving())
            try:
                await fleet.until_live(_LIVE_S)
                async with stalled(self._at, arguments.stalled), self._attacked(tasks):
                    measured = await self._measure()
                live = fleet.live
                reconnect_s = await fleet.storm(_LIVE_S) if arguments.storm else None
                await fleet.prove()
            finally:
                fleet.end()
                await end([proving])
        return {
            "clients": arguments.clients,
            "views": arguments.views,
            "stalled": arguments.stalled,
            "hostile": arguments.hostile,
            **measured,
            "live": live,
            "recoveries": tally.recoveries,
            "snapshots": tally.snapshots,
            "gaps": tally.gaps,
            "checked": tally.checked,
            "diverged": tally.diverged,
            "lagged": tally.lagged,
            "closed": tally.closed,
            "errors": tally.errors,
            "repelled": tally.repelled,
            "idle_kb_per_client": idle_kb,
            "reconnect_s": None if reconnect_s is None else round(reconnect_s, 2),
        }

    async def _scout(self) -> None:
        """Wait until a first client has the board: the service has all its code loaded then, and the feed."""
        end_s = clock.monotonic_s() + _LIVE_S
        is_served = False
        while not is_served:
            async with asyncio.TaskGroup() as tasks:
                scout = Fleet(self._at, views(1), 1, Tally(), tasks, self._chance)
                scout.start()
                try:
                    await scout.until_live(_SCOUT_S)
                    is_served = True
                except MeshError:
                    if clock.monotonic_s() > end_s:
                        raise
                finally:
                    scout.end()

    async def _measure(self) -> dict[str, Any]:
        """What arrives in the time that was asked for, and what it costs."""
        tally, producer = self._tally, self._producer
        await asyncio.sleep(_SETTLE_S)
        gc.collect()
        gc.freeze()  # what is there now stays: a collection would look at all of it, and everybody would wait
        ticks = producer.ticks if producer else 0
        began_s, cpu_s = clock.monotonic_s(), self._used.cpu_s()
        tally.is_measuring = True
        await asyncio.sleep(self._arguments.seconds)
        tally.is_measuring = False
        ended_cpu_s, seconds = self._used.cpu_s(), clock.monotonic_s() - began_s
        spent_s = None if cpu_s is None or ended_cpu_s is None else ended_cpu_s - cpu_s
        plain = ratio(tally.plain_delta_bytes, tally.plain_deltas)
        return {
            "seconds": round(seconds, 2),
            "ticks": producer.ticks - ticks if producer else None,
            "delivered_per_s": ratio(tally.delivered, seconds),
            "p50_ms": tally.latency_ms(50),
            "p99_ms": tally.latency_ms(99),
            "max_ms": tally.latency_ms(100),
            "updates_per_core_s": ratio(tally.delivered, spent_s),
            "cpu_pct": None if spent_s is None else ratio(spent_s * 100, seconds),
            "delta_bytes": ratio(tally.delta_bytes, tally.deltas),
            "plain_delta_bytes": plain,
            "bytes_ratio": ratio(plain or 0, producer.board_bytes) if producer and plain else None,
        }

    async def _idle_kb(self) -> float | None:
        """What a client costs that subscribes to nothing; None if the service's process is not known."""
        before_kb = self._used.rss_kb()
        async with asyncio.TaskGroup() as tasks:
            fleet = Fleet(self._at, None, self._arguments.idle, self._tally, tasks, self._chance)
            fleet.start()
            try:
                await fleet.until_live(_LIVE_S)
                await asyncio.sleep(_BREATH_S)
                after_kb = self._used.rss_kb()
            finally:
                fleet.end()
        await asyncio.sleep(_BREATH_S)
        if before_kb is None or after_kb is None:
            return None
        return ratio(after_kb - before_kb, self._arguments.idle)

    @asynccontextmanager
    async def _attacked(self, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        attacking = [
            tasks.create_task(attack_for_ever(self._at, number, self._tally))
            for number in range(self._arguments.hostile)
        ]
        try:
            yield
        finally:
            await end(attacking)


def _token(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise FatalError(f"--token-file {path} cannot be read: {error.strerror}") from error


def _raise_limit() -> None:
    """Allow as many connections as the machine lets us have, for the service that we start too."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
