"""The program `processors`: owns the partitions that the group deals to it, and drives each on its clocks."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import Any

from mesh import changes, topology
from mesh.calendar import calendar_with
from mesh.checkpoint import Checkpoints
from mesh.connection import Connection
from mesh.errors import BrokerError, FencedError
from mesh.group import Group
from mesh.lifecycle import Counters, Lifecycle
from mesh.meters import Readings
from mesh.publisher import Publisher
from mesh.service import Says, Service, join, obey_drain
from mesh.settings import Settings
from mesh.tasks import end, ticks
from schemas.control import DrainWanted, RebalanceWanted
from services.processors import figures, learning
from services.processors.fold import Fold
from services.processors.known import Knowledge
from services.processors.owner import Owner
from services.processors.rows import RowFold
from services.processors.tally import Tally


GROUP = changes.WORKERS

_RESYNC_S = 0.1
ROWS_SHARE = 0.25
"""Part of the time that making rows may take: under full load they are conflated more, not folded less."""
CHECKPOINT_SHARE = 0.05
"""Part of the time that snapshots may take; the broker has as much again of them."""
_SHOW_SHARE = 0.05
"""Part of the time that rows in KV may take: people and tools look at them, programs do not."""
_HALTS_S = 0.5
"""How often halts are shown."""
_ALERTS_S = 0.02
"""How long an alert waits at most before it is sent."""


class Worker:
    """The partitions in the hands of this process: what its group's `Holder` is."""

    def __init__(
        self, settings: Settings, connection: Connection, lifecycle: Lifecycle, member: str
    ) -> None:
        self.owners: dict[int, Owner] = {}
        self.knowledge = Knowledge()
        self.handed_over = 0
        """Partitions that were given back; after the end, all that there were."""
        self.tally = Tally()
        self.publisher = Publisher(connection, waits=False)
        self._settings = settings
        self._connection = connection
        self._lifecycle = lifecycle
        self._incarnation = connection.incarnation
        self._arrived = asyncio.Event()
        channels = settings.subscriptions.split(",")
        fold = Fold(
            self.knowledge,
            calendar_with(settings.closures),
            by_bars=settings.prints == "bars",
            with_quotes=any(channel.strip().startswith("Q.") for channel in channels),
        )
        self._fold = fold
        self._build = partial(RowFold, knowledge=self.knowledge, fold=fold)
        self.group = Group(connection, GROUP, settings.partitions, member, lifecycle.log)

    def tell(self) -> dict[str, Any]:
        """What it has, for people."""
        return {
            "group": GROUP,
            "partitions": sorted(self.owners),
            "drained": self.group.is_drained,
        }

    def figures(self) -> Readings:
        """What it counts, and how its partitions are."""
        found = figures.of(self.owners, self.tally, self._fold, self.group)
        return {**found, "rows.unstored": self.publisher.refused}

    async def take(self, slot: int) -> None:
        """Take a partition over. Raises what `Owner.open` does."""
        settings = self._settings
        owner = Owner(
            self._connection,
            self.publisher,
            slot,
            self._build,
            self._lifecycle.log,
            self.knowledge.news,
            tally=self.tally,
            spans=self._lifecycle.spans,
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
        self.handed_over += 1
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
                if owner.reader.work():
                    self._arrived.set()
                if owner.reader.gap and (slot not in repairing or repairing[slot].done()):
                    repairing[slot] = tasks.create_task(owner.reader.repair())
            await asyncio.sleep(0)

    async def every(
        self, seconds: float, act: Callable[[Owner], Awaitable[float | None]], share: float = 1.0
    ) -> None:
        """Have every owner do something at an interval, for ever; one that is refused is dropped.

        Where *act* says how long it was busy, it comes less often if that is more than its *share* of the time.
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
            await asyncio.sleep(max(0.0, busy_s / share - busy_s - seconds))

    def learn(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Follow each source of reference data, and news, for ever."""
        for source in learning.SOURCES:
            yield learning.follow(
                self._connection, self.knowledge, self._lifecycle.log, source, self._complete
            )

        yield learning.follow_news(
            self._connection, self.knowledge, self._lifecycle.log, self._fold.on_news
        )

    def _complete(self) -> None:
        for owner in self.owners.values():
            owner.state.fold.on_references()

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
    async with join(settings, lifecycle, "processors") as service:
        connection = service.connection
        await topology.keep(connection, settings.replicas)
        await Checkpoints(connection).require_partitions(settings.partitions)
        worker = Worker(settings, connection, lifecycle, service.instance)
        service.says = Says(worker.tell, lambda: _counters(worker))
        worker.tally.processed = lifecycle.meters.distribution("latency.processed")
        lifecycle.meters.add(worker.figures)
        obeying = await _obey(service, worker.group)
        await learning.load(connection, worker.knowledge, lifecycle.log)
        await worker.publisher.start()
        async with asyncio.TaskGroup() as tasks:
            meanwhile = [
                tasks.create_task(each)
                for each in (
                    worker.fold(tasks),
                    worker.notice_returns(),
                    worker.every(settings.rows_flush_ms / 1000, Owner.flush, ROWS_SHARE),
                    worker.every(_ALERTS_S, Owner.send_alerts),
                    worker.every(_HALTS_S, Owner.show_halts),
                    worker.every(settings.checkpoint_ms / 1000, Owner.checkpoint, CHECKPOINT_SHARE),
                    worker.every(settings.rows_kv_ms / 1000, Owner.put_rows, _SHOW_SHARE),
                    worker.every(settings.image_ms / 1000, Owner.picture),
                    *worker.learn(),
                    *obeying,
                    _announce(worker.group, lifecycle, settings.partitions),
                )
            ]
            await worker.group.run(worker, lifecycle.stopping)
            await end(meanwhile)
        await worker.publisher.settle()
        return _counters(worker)


async def _obey(service: Service, group: Group) -> list[Coroutine[Any, Any, None]]:
    """Let this worker be drained, and its group be dealt anew; what follows who wants that, for ever."""
    drained = service.wishes.follow("worker", service.instance, DrainWanted)
    dealt = service.wishes.follow("rebalance", GROUP, RebalanceWanted)
    await service.wishes.load()
    dealt.changed.clear()  # what was dealt anew before this worker came
    here = service.instance
    await service.obey("drain", lambda _: changes.drain_worker(here), alone=True)
    await service.obey("resume", lambda _: changes.resume_worker(here), alone=True)
    await service.obey("rebalance", lambda _: changes.rebalance())

    async def deal_anew() -> None:
        while True:
            await dealt.changed.wait()
            dealt.changed.clear()
            group.rebalance()

    return [obey_drain(drained, lambda is_drained: group.drain(drained=is_drained)), deal_anew()]


async def _announce(group: Group, lifecycle: Lifecycle, partitions: int) -> None:
    await group.settled.wait()
    lifecycle.ready(partitions=f"{len(group.held)} of {partitions}")


def _counters(worker: Worker) -> Counters:
    return {
        "partitions": worker.handed_over,
        "rejected_batches": worker.tally.rejected,
        "unstored": worker.publisher.refused,
    }
