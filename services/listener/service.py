"""The program `listener`: from the vendor's socket to the tape's subjects."""

import asyncio
from collections.abc import Iterator
from secrets import SystemRandom

from mesh import changes, topology
from mesh.backoff import delays_s
from mesh.calendar import calendar_with
from mesh.checkpoint import Checkpoints
from mesh.lifecycle import Counters, Lifecycle
from mesh.service import Says, join, offer_feed
from mesh.settings import Settings
from mesh.tasks import first_of
from schemas.control import FeedWanted
from services.listener import figures
from services.listener.feed import follow
from services.listener.listener import Listener
from services.listener.standing import Standing, target


_DRAIN_S = 20.0
_CONFIRM_S = 5.0


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Follow the feed until told to stop; then publish the rest and return what came and went."""
    async with join(settings, lifecycle, "listener") as service:
        connection = service.connection
        await topology.keep(connection, settings.replicas)
        await Checkpoints(connection).require_partitions(settings.partitions)
        wish = service.wishes.follow("feed", changes.MASSIVE, FeedWanted)
        await service.wishes.load()
        standing = Standing(target(settings, wish.value))
        lag = lifecycle.meters.distribution("latency.received")
        listener = Listener(settings, connection, lifecycle.log, lag, lifecycle.spans)
        calendar = calendar_with(settings.closures)
        lifecycle.meters.add(lambda: figures.of(listener, standing, calendar))
        service.says = Says(lambda: {"feed": standing.tell()}, lambda: _counters(listener))
        await offer_feed(service, changes.MASSIVE)
        await listener.start()
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(listener.run())
            telling = tasks.create_task(listener.tell())
            announcing = tasks.create_task(_announce(lifecycle, standing))
            await follow(settings, lifecycle, wish, standing, listener.frames.put, _delays)
            announcing.cancel()
            listener.frames.end()
            await asyncio.wait({publishing}, timeout=_DRAIN_S)
            publishing.cancel()
            telling.cancel()
        listener.discard_rest()
        await listener.say_heads()
        return _counters(listener)


def _delays() -> Iterator[float]:
    return delays_s(0.5, 30.0, SystemRandom().random)


async def _announce(lifecycle: Lifecycle, standing: Standing) -> None:
    """Ready with the first confirmation of each connection, or once nobody wants one; after a while, say which channels the vendor left unanswered."""
    while True:
        await standing.changed.wait()
        standing.changed.clear()
        if standing.stopped_by is not None:
            lifecycle.ready(feed=f"stopped by {standing.stopped_by}")
            continue
        lifecycle.ready(feed=standing.host, subscriptions=",".join(standing.asked))
        await first_of(standing.changed, timeout_s=_CONFIRM_S)
        if standing.confirmed and standing.unconfirmed:
            lifecycle.log.warning("feed.unconfirmed", channels=standing.unconfirmed)


def _counters(listener: Listener) -> Counters:
    return {
        "received": {
            str(name): count for name, count in sorted(listener.splitter.received.items())
        },
        "published": {str(name): count for name, count in sorted(listener.published.items())},
        "discarded": {str(name): count for name, count in sorted(listener.discarded.items())},
        "rejected": listener.splitter.rejected,
        "resent_batches": listener.resent,
        "repaired_batches": listener.repairs.batches,
        "unstored": {str(name): count for name, count in sorted(listener.unstored.items())},
    }
