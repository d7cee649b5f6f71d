"""The program `news`: articles from the vendors, in one shape, to the symbols that they are about.

Each process shares in the work on articles. Two things are done by one process at a time, each by
whoever holds its slot of the group: to listen to the vendors, and to keep the lists. Two processes
therefore have one each, and either stands by for the other.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from mesh import changes, topology
from mesh.errors import BrokerError, FencedError
from mesh.group import Group
from mesh.lifecycle import Counters, Lifecycle
from mesh.service import Says, Service, join, offer_feed
from mesh.settings import Settings
from mesh.tasks import end
from schemas.control import FeedWanted
from services.news import figures, listed
from services.news.edge import Edge
from services.news.shelf import Shelf
from services.news.tickers import Listed
from services.news.work import Work


GROUP = "news"
ROLES = ("listener", "lists")
"""By slot."""
_RETRY_S = 1.0


class Roles:
    """What this process does alone: the holder of its group."""

    def __init__(
        self, settings: Settings, service: Service, lifecycle: Lifecycle, tasks: asyncio.TaskGroup
    ) -> None:  # fmt: skip
        connection = service.connection
        wish = service.wishes.follow("feed", changes.FINLIGHT, FeedWanted)
        self.edge = Edge(settings, connection, wish, lifecycle.log)
        self.shelf = Shelf(connection, lifecycle.log)
        self.group = Group(connection, GROUP, len(ROLES), service.instance, lifecycle.log)
        self.changed = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._tasks = tasks
        self._log = lifecycle.log
        self._does: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = (
            self.edge.run,
            self._keep_lists,
        )

    @property
    def held(self) -> list[str]:
        """What this process does now."""
        return [ROLES[slot] for slot in sorted(self._running)]

    def tell(self) -> dict[str, Any]:
        """What it does, for people."""
        return {"roles": self.held, "feed": self.edge.tell()}

    async def take(self, slot: int) -> None:
        """Begin with a role. Raises BrokerError if it cannot be begun with now."""
        if ROLES[slot] == "lists":
            await self.shelf.open()
        self._running[slot] = self._tasks.create_task(self._does[slot]())
        self.changed.set()

    async def hand_over(self, slot: int) -> None:
        """End with a role; what was heard is published first."""
        if ROLES[slot] == "listener":
            await self.edge.settle()
        await self.drop(slot)

    async def drop(self, slot: int) -> None:
        """End with a role that another process has."""
        await end(filter(None, [self._running.pop(slot, None)]))
        self.changed.set()

    async def _keep_lists(self) -> None:
        while True:
            try:
                await self.shelf.run()
            except (
                FencedError
            ) as error:  # if the slot is still ours, we go on from what the other has put
                self._log.warning("lists.fenced", reason=str(error))
            await self._reopen()

    async def _reopen(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_S)
            try:
                await self.shelf.open()
            except BrokerError as error:
                self._log.warning("lists.delayed", reason=str(error))
            else:
                return


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Work on articles, and do what else falls to this process, until told to stop."""
    async with join(settings, lifecycle, "news") as service:
        connection = service.connection
        await topology.keep(connection, settings.replicas)
        symbols = Listed()
        work = Work(connection, symbols, lifecycle.log)
        async with asyncio.TaskGroup() as tasks:
            roles = Roles(settings, service, lifecycle, tasks)
            service.says = Says(roles.tell, lambda: _counters(roles, work))
            lifecycle.meters.add(lambda: figures.of(roles.edge, work, roles.group))
            await service.wishes.load()
            await offer_feed(service, changes.FINLIGHT)
            meanwhile = [
                tasks.create_task(each)
                for each in (
                    work.run(),
                    listed.follow(connection, symbols, lifecycle.log),
                    _announce(roles, lifecycle),
                )
            ]
            await roles.group.run(roles, lifecycle.stopping)
            await end(meanwhile)
    return _counters(roles, work)


def _counters(roles: Roles, work: Work) -> Counters:
    return {
        "received": roles.edge.received,
        "published": roles.edge.published,
        "discarded": roles.edge.discarded,
        "unreadable": roles.edge.unreadable,
        "articles": {str(verdict): count for verdict, count in work.done.items()},
        "rejected": work.rejected,
    }


async def _announce(roles: Roles, lifecycle: Lifecycle) -> None:
    """Say what this process does, each time that changes."""
    await roles.group.settled.wait()
    while True:
        roles.changed.clear()
        lifecycle.ready(roles=roles.held)
        lifecycle.log.info("role.changed", roles=roles.held)
        await roles.changed.wait()
