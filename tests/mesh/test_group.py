"""Groups on a real broker: one owner for each slot, whoever joins, leaves, dies or hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError
from mesh.group import Group
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.tasks import end
from mesh.testing import eventually
from schemas.naming import Bucket, owner_key
from schemas.ownership import Claim
from schemas.wire import encode_json


pytestmark = pytest.mark.broker

SLOTS = 6


class Slots:
    """A holder that remembers what it was told."""

    def __init__(self) -> None:
        self.held: set[int] = set()
        self.handed_over: list[int] = []
        self.dropped: list[int] = []
        self.refusals = 0
        """How many more times `take` fails."""

    async def take(self, slot: int) -> None:
        if self.refusals:
            self.refusals -= 1
            raise BrokerError("no leader")
        self.held.add(slot)

    async def hand_over(self, slot: int) -> None:
        self.held.remove(slot)
        self.handed_over.append(slot)

    async def drop(self, slot: int) -> None:
        self.held.remove(slot)
        self.dropped.append(slot)


class Member:
    """A group of its own connection, as a process would have it."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.connection = connection
        self.name = name
        self.slots = Slots()
        self.group = Group(connection, "test", SLOTS, name, set_up("test", "error"))
        self.stopping = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self._running: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Member"]:
        async with asyncio.TaskGroup() as tasks:
            self._running = tasks.create_task(self.group.run(self.slots, self.stopping))
            try:
                yield self
            finally:
                self.stopping.set()

    async def die(self) -> None:
        """As if killed: nothing is handed over, and the server sees that nobody listens any more."""
        assert self._running is not None
        await end([self._running])
        self.connection.is_wanted = False
        await self.connection.client.close()


@asynccontextmanager
async def _member(settings: Settings, name: str) -> AsyncIterator[Member]:
    async with (
        open_connection(settings, "test", set_up("test", "error")) as connection,
        Member(connection, name).running() as member,
    ):
        yield member


def _shares(members: list[Member]) -> list[int]:
    """Slots of each member, largest share first; empty while any slot has no owner or two."""
    held = sorted(slot for member in members for slot in member.slots.held)
    if held != list(range(SLOTS)):
        return []
    return sorted((len(member.slots.held) for member in members), reverse=True)


async def test_members_share_evenly_and_whoever_leaves_hands_over(
    settings: Settings, connection: Connection
) -> None:
    """One has all, a second gets half, a third makes it thirds; what a leaver had is handed over, none is dropped."""
    del connection  # it applied the topology
    async with AsyncExitStack() as stack:
        members = [await stack.enter_async_context(_member(settings, "a"))]
        await eventually(lambda: _shares(members) == [6])
        for name, shares in (("b", [3, 3]), ("c", [2, 2, 2])):
            members.append(await stack.enter_async_context(_member(settings, name)))
            await eventually(lambda: _shares(members), shares.__eq__)
        members[0].stopping.set()
        await eventually(lambda: _shares(members[1:]) == [3, 3])

        assert len(members[0].slots.handed_over) == 6
        assert not any(member.slots.dropped for member in members)


async def test_slots_of_a_dead_member_are_taken_over(
    settings: Settings, connection: Connection
) -> None:
    """The slots of a member that vanished without a word are taken by those that are left."""
    del connection
    async with _member(settings, "a") as one, _member(settings, "b") as other:
        await eventually(lambda: _shares([one, other]) == [3, 3])
        kept = set(other.slots.held)
        await one.die()
        await eventually(lambda: len(other.slots.held) == SLOTS)

        assert kept <= other.slots.held
        assert not other.slots.handed_over


async def test_whoever_lost_its_claim_drops_the_slot(
    settings: Settings, connection: Connection
) -> None:
    """A member that another has replaced lets go without handing over, and does not take the slot back."""
    owners = KeyValue(connection, Bucket.OWNERS)
    async with _member(settings, "a") as one, _member(settings, "b") as other:
        await eventually(lambda: _shares([one, other]) == [3, 3])
        slot = min(one.slots.held)
        await owners.put(owner_key("test", slot), encode_json(Claim("b", 0.0)))
        await eventually(lambda: one.slots.dropped == [slot])
        await eventually(lambda: _shares([one, other]) == [3, 3])

        assert slot in other.slots.held | one.slots.held


async def test_slot_that_could_not_be_begun_is_tried_again(
    settings: Settings, connection: Connection
) -> None:
    """While the broker refuses what a new owner needs, the claim stays and taking is repeated."""
    del connection
    async with _member(settings, "a") as one:
        one.slots.refusals = 4

        await eventually(lambda: _shares([one]) == [6])


async def test_claims_of_unknown_members_are_taken_over(
    settings: Settings, connection: Connection
) -> None:
    """Claims that a dead process left behind before this one started do not block anything."""
    owners = KeyValue(connection, Bucket.OWNERS)
    for slot in range(SLOTS):
        await owners.put(owner_key("test", slot), encode_json(Claim("long-dead", 0.0)))
    async with _member(settings, "a") as one:
        await eventually(lambda: _shares([one]) == [6])


async def test_drained_member_hands_over_and_stands_by(
    settings: Settings, connection: Connection
) -> None:
    """What a drained member had is handed over, also to whoever comes; it takes nothing until it is to take part again."""
    del connection
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(_member(settings, name)) for name in "ab"]
        await eventually(lambda: _shares([one, other]) == [3, 3])
        one.group.drain(drained=True)
        await eventually(lambda: _shares([one, other]) == [6, 0])
        third = await stack.enter_async_context(_member(settings, "c"))
        await eventually(lambda: _shares([other, third]) == [3, 3])
        assert not one.slots.held
        await other.die()
        await eventually(lambda: len(third.slots.held) == SLOTS)
        one.group.drain(drained=False)
        await eventually(lambda: _shares([one, third]) == [3, 3])

        assert not any(member.slots.dropped for member in (one, third))


async def test_last_member_keeps_what_it_has_when_it_is_drained(
    settings: Settings, connection: Connection
) -> None:
    """Nothing is handed over to nobody: who is alone keeps its slots until somebody comes who can take them."""
    del connection
    async with _member(settings, "a") as one:
        await eventually(lambda: len(one.slots.held) == SLOTS)
        one.group.drain(drained=True)
        async with _member(settings, "b") as other:
            await eventually(lambda: len(other.slots.held) == SLOTS)
            other.group.drain(drained=True)
            one.group.drain(drained=False)
            await eventually(lambda: len(one.slots.held) == SLOTS)

        assert len(one.slots.handed_over) == SLOTS


async def test_slots_are_dealt_anew_when_somebody_wants_that(
    settings: Settings, connection: Connection
) -> None:
    """Whatever came before, all members agree on shares that follow from their names alone."""
    del connection
    async with AsyncExitStack() as stack:
        last = await stack.enter_async_context(_member(settings, "b"))
        await eventually(lambda: len(last.slots.held) == SLOTS)
        first = await stack.enter_async_context(_member(settings, "a"))
        members = [last, first]
        await eventually(lambda: _shares(members) == [3, 3])
        assert first.slots.held == {3, 4, 5}  # whoever had them first kept the beginning
        for member in members:
            member.group.rebalance()
        await eventually(lambda: first.slots.held == {0, 1, 2})
        await eventually(lambda: last.slots.held == {3, 4, 5})

        assert not any(member.slots.dropped for member in members)
