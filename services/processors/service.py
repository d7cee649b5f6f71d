"""The program `processors`: owns every partition, and drives each on its clocks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from mesh import clock, topology
from mesh.checkpoint import Checkpoints
from mesh.config import Settings
from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError, FencedError
from mesh.kv import KeyValue
from mesh.lifecycle import Counters, Lifecycle
from mesh.publisher import Publisher
from schemas.naming import Bucket, previous_closes_key
from schemas.reference import PreviousCloses
from schemas.wire import json_decoder
from services.processors.owner import Owner
from services.processors.rows import FOLDED


Closes = dict[str, dict[str, float]]

_decode_closes = json_decoder(PreviousCloses).decode


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Own all partitions until told to stop; then flush, checkpoint and return what was folded."""
    closes: Closes = {}
    async with open_connection(settings, "processors", lifecycle.log) as connection:
        await topology.keep(connection)
        await Checkpoints(connection).require_partitions(settings.partitions)
        await _load_closes(connection, closes)
        publisher = Publisher(connection)
        await publisher.start()
        owners = [
            Owner(
                connection, publisher, partition, closes, lifecycle.log, lossless=settings.lossless
            )
            for partition in range(settings.partitions)
        ]
        async with asyncio.TaskGroup() as tasks:
            await asyncio.gather(*(owner.open() for owner in owners))
            watching = tasks.create_task(_watch_closes(connection, closes, owners))
            lifecycle.ready(partitions=len(owners))
            await _drive(settings, lifecycle, owners)
            watching.cancel()
        await _drain(owners, publisher)
        return _counters(owners, publisher)


async def _load_closes(connection: Connection, closes: Closes) -> None:
    for entry in await KeyValue(connection, Bucket.REFERENCE).all():
        if entry.key.startswith(previous_closes_key("")) and entry.value is not None:
            _take_closes(closes, entry.value)


async def _watch_closes(connection: Connection, closes: Closes, owners: list[Owner]) -> None:
    async for entry in KeyValue(connection, Bucket.REFERENCE).watch(previous_closes_key("*")):
        if entry.value is not None and _take_closes(closes, entry.value):
            for owner in owners:
                owner.fold.on_closes()


def _take_closes(closes: Closes, value: bytes) -> bool:
    found = _decode_closes(value)
    changed = closes.get(found.trading_day) != found.closes_usd
    closes[found.trading_day] = found.closes_usd
    return changed


async def _drive(settings: Settings, lifecycle: Lifecycle, owners: list[Owner]) -> None:
    """Run every owner's clocks in one task, so that its calls never overlap."""
    clocks = [
        _Clock(settings.rows_flush_ms, Owner.flush),
        _Clock(settings.rows_flush_ms, Owner.repair),
        _Clock(settings.checkpoint_ms, Owner.checkpoint),
        _Clock(settings.rows_kv_ms, Owner.put_rows),
        _Clock(settings.image_ms, Owner.picture),
    ]
    while await lifecycle.pause(settings.rows_flush_ms / 1000):
        now_ms = clock.now_ms()
        for due in (each for each in clocks if each.is_due(now_ms)):
            try:
                await _each(owners, due.act)
            except FencedError:
                raise
            except (
                BrokerError
            ) as error:  # the broker is away or has no leader: owners go on and write later
                lifecycle.log.warning("owner.delayed", reason=str(error))


class _Clock:
    """Something that every owner does at an interval."""

    def __init__(self, every_ms: float, act: Callable[[Owner], Awaitable[None]]) -> None:
        self.act = act
        self._every_ms = every_ms
        self._next_ms = 0.0

    def is_due(self, now_ms: float) -> bool:
        """Whether the interval has passed; if so, the next one begins."""
        due = now_ms >= self._next_ms
        if due:
            self._next_ms = now_ms + self._every_ms
        return due


async def _each(owners: Iterable[Owner], act: Callable[[Owner], Awaitable[None]]) -> None:
    await asyncio.gather(*(act(owner) for owner in owners))


async def _drain(owners: list[Owner], publisher: Publisher) -> None:
    for act in (Owner.repair, Owner.flush, Owner.put_rows, Owner.picture, Owner.checkpoint):
        await _each(owners, act)
    await publisher.settle()


def _counters(owners: list[Owner], publisher: Publisher) -> Counters:
    return {
        "folded": {str(name): sum(owner.fold.folded[name] for owner in owners) for name in FOLDED},
        "late": sum(sum(owner.fold.late.values()) for owner in owners),
        "rejected_batches": sum(owner.rejected for owner in owners),
        "discarded": {str(name): sum(owner.discarded[name] for owner in owners) for name in FOLDED},
        "refused_by_stream": publisher.refused,
    }
