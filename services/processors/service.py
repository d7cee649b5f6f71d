"""The program `processors`: owns the partitions that the group deals to it, and drives each on its clocks."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from mesh import topology
from mesh.calendar import calendar_with
from mesh.checkpoint import Checkpoints
from mesh.config import Settings
from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError, FencedError
from mesh.group import Group, member_name
from mesh.kv import KeyValue
from mesh.lifecycle import Counters, Lifecycle
from mesh.publisher import Publisher
from mesh.tasks import end, ticks
from schemas.naming import Bucket, previous_closes_key
from schemas.reference import PreviousCloses
from schemas.wire import json_decoder
from services.processors.owner import Owner
from services.processors.rows import RowFold


GROUP = "processors"

_RESYNC_S = 0.1
_SHARE = 0.25
"""Part of the time that making rows may take: under full load they are conflated more, not folded less."""

_decode_closes = json_decoder(PreviousCloses).decode


class Worker:
    """The partitions in the hands of this process: what its group's `Holder` is."""

    def __init__(self, settings: Settings, connection: Connection, lifecycle: Lifecycle) -> None:
        self.owners: dict[int, Owner] = {}
        self.closes: dict[str, dict[str, float]] = {}
        self.handed_over: list[Owner] = []
        """Those that were given back; after the end, all that there were."""
        self.publisher = Publisher(connection, waits=False)
        self._settings = settings
        self._connection = connection
        self._lifecycle = lifecycle
        self._incarnation = connection.incarnation
        self._arrived = asyncio.Event()
        self._build = partial(
            RowFold, closes=self.closes, calendar=calendar_with(settings.closures)
        )
        self.group = Group(connection, GROUP, settings.partitions, member_name(), lifecycle.log)

    async def take(self, slot: int) -> None:
        """Take a partition over. Raises what `Owner.open` does."""
        settings = self._settings
        owner = Owner(
            self._connection,
            self.publisher,
            slot,
            self._build,
            self._lifecycle.log,
            intake_bytes=None if settings.lossless else settings.intake_kb << 10,
            arrived=self._arrived,
        )
        try:
            await owner.open()
        except BrokerError:
            await owner.close()
            raise
        self.owners[slot] = owner

    async def hand_over(self, slot: int) -> None:
        """Give a partition back, stored as far as it has come."""
        owner = self.owners.pop(slot)
        self.handed_over.append(owner)
        try:
            await owner.hand_over()
        except BrokerError as error:  # its successor goes on from the last checkpoint
            self._lifecycle.log.warning("owner.delayed", partition=slot, reason=str(error))

    async def drop(self, slot: int) -> None:
        """Let go of a partition that belongs to another worker already."""
        owner = self.owners.pop(slot, None)
        if owner is not None:
            await owner.close()

    async def fold(self, tasks: asyncio.TaskGroup) -> None:
        """Fold what arrives, a slice of each partition in turn, for ever."""
        repairing: dict[int, asyncio.Task[None]] = {}
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            for slot, owner in list(self.owners.items()):
                if owner.work():
                    self._arrived.set()
                if owner.gap and (slot not in repairing or repairing[slot].done()):
                    repairing[slot] = tasks.create_task(owner.repair())
            await asyncio.sleep(0)

    async def every(self, seconds: float, act: Callable[[Owner], Awaitable[float | None]]) -> None:
        """Have every owner do something at an interval, for ever; one that is refused is dropped.

        Where *act* says how long it was busy, it comes less often if that is too much of the time.
        """
        was_delayed = False
        async for _ in ticks(seconds):
            if not self._connection.connected.is_set():
                continue
            slots = list(self.owners)
            acts = (act(self.owners[slot]) for slot in slots)
            results = await asyncio.gather(*acts, return_exceptions=True)
            delays, busy_s = [], 0.0
            for slot, result in zip(slots, results, strict=True):
                if isinstance(result, FencedError):
                    await self.drop(slot)
                    self.group.forget(slot)
                elif isinstance(result, BrokerError):
                    delays.append(result)
                elif isinstance(result, BaseException):
                    raise result
                else:
                    busy_s += result or 0.0
            if delays and not was_delayed:  # no leader just now: owners go on, and write later
                self._lifecycle.log.warning(
                    "owners.delayed", partitions=len(delays), reason=str(delays[0])
                )
            was_delayed = bool(delays)
            await asyncio.sleep(max(0.0, busy_s / _SHARE - busy_s - seconds))

    async def notice_returns(self) -> None:
        """Have everything put again each time the connection comes back, for ever."""
        while True:
            await asyncio.sleep(_RESYNC_S)
            if self._incarnation != self._connection.incarnation:
                self._incarnation = self._connection.incarnation
                for owner in self.owners.values():
                    owner.begin_anew()


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Own what the group deals to this process until told to stop; then hand over and return what was folded."""
    async with open_connection(settings, "processors", lifecycle.log) as connection:
        await topology.keep(connection, settings.replicas)
        await Checkpoints(connection).require_partitions(settings.partitions)
        worker = Worker(settings, connection, lifecycle)
        await _load_closes(connection, worker)
        await worker.publisher.start()
        async with asyncio.TaskGroup() as tasks:
            meanwhile = [
                tasks.create_task(each)
                for each in (
                    worker.fold(tasks),
                    worker.notice_returns(),
                    worker.every(settings.rows_flush_ms / 1000, Owner.flush),
                    worker.every(settings.checkpoint_ms / 1000, Owner.checkpoint),
                    worker.every(settings.rows_kv_ms / 1000, Owner.put_rows),
                    worker.every(settings.image_ms / 1000, Owner.picture),
                    _watch_closes(connection, worker),
                    _announce(worker.group, lifecycle, settings.partitions),
                )
            ]
            await worker.group.run(worker, lifecycle.stopping)
            await end(meanwhile)
        await worker.publisher.settle()
        return _counters(worker)


async def _announce(group: Group, lifecycle: Lifecycle, partitions: int) -> None:
    await group.settled.wait()
    lifecycle.ready(partitions=f"{len(group.held)} of {partitions}")


async def _load_closes(connection: Connection, worker: Worker) -> None:
    for entry in await KeyValue(connection, Bucket.REFERENCE).all():
        if entry.key.startswith(previous_closes_key("")) and entry.value is not None:
            _take_closes(worker, entry.value)


async def _watch_closes(connection: Connection, worker: Worker) -> None:
    async for entry in KeyValue(connection, Bucket.REFERENCE).watch(previous_closes_key("*")):
        if entry.value is not None and _take_closes(worker, entry.value):
            for owner in worker.owners.values():
                owner.state.fold.on_closes()


def _take_closes(worker: Worker, value: bytes) -> bool:
    found = _decode_closes(value)
    changed = worker.closes.get(found.trading_day) != found.closes_usd
    worker.closes[found.trading_day] = found.closes_usd
    return changed


def _counters(worker: Worker) -> Counters:
    return {
        "partitions": len(worker.handed_over),
        "rejected_batches": sum(owner.state.rejected for owner in worker.handed_over),
        "unstored": worker.publisher.refused,
    }
