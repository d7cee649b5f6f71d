"""The program `listener`: from the vendor's socket to the tape's subjects."""

import asyncio
from collections.abc import Iterator
from secrets import SystemRandom

from mesh import topology
from mesh.backoff import delays_s
from mesh.checkpoint import Checkpoints
from mesh.connection import open_connection
from mesh.lifecycle import Counters, Lifecycle
from mesh.settings import Settings
from services.listener.feed import Subscriptions, follow
from services.listener.listener import Listener


_DRAIN_S = 20.0
_CONFIRM_S = 5.0


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Follow the feed until told to stop; then publish the rest and return what came and went."""
    async with open_connection(settings, "listener", lifecycle.log) as connection:
        await topology.keep(connection, settings.replicas)
        await Checkpoints(connection).require_partitions(settings.partitions)
        listener = Listener(settings, connection, lifecycle.log)
        await listener.start()
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(listener.run())
            telling = tasks.create_task(listener.tell())
            announcing = tasks.create_task(
                _announce(lifecycle, listener.subscriptions, settings.feed)
            )
            await follow(settings, lifecycle, listener.subscriptions, listener.frames.put, _delays)
            announcing.cancel()
            listener.frames.end()
            await asyncio.wait({publishing}, timeout=_DRAIN_S)
            publishing.cancel()
            telling.cancel()
        listener.discard_rest()
        return _counters(listener)


def _delays() -> Iterator[float]:
    return delays_s(0.5, 30.0, SystemRandom().random)


async def _announce(lifecycle: Lifecycle, subscriptions: Subscriptions, feed: str) -> None:
    """Ready with the first confirmation; after a while, say which channels the vendor left unanswered."""
    await subscriptions.answered.wait()
    lifecycle.ready(feed=feed, subscriptions=",".join(subscriptions.asked))
    await asyncio.sleep(_CONFIRM_S)
    if subscriptions.confirmed and subscriptions.unconfirmed:
        lifecycle.log.warning("feed.unconfirmed", channels=subscriptions.unconfirmed)


def _counters(listener: Listener) -> Counters:
    return {
        "received": {
            str(name): count for name, count in sorted(listener.splitter.received.items())
        },
        "published": {str(name): count for name, count in sorted(listener.published.items())},
        "discarded": {
            str(name): count for name, count in sorted(listener.frames.discarded.items())
        },
        "rejected": listener.splitter.rejected,
        "resent_batches": listener.resent,
        "repaired_batches": listener.repairs.batches,
        "unstored": {str(name): count for name, count in sorted(listener.unstored.items())},
    }
