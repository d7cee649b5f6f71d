"""A group of processes that share slots: partitions dealt among workers, or one active among standbys.

Each slot has one owner at a time. Who owns it is a claim in KV `owners`, changed by compare-and-set
alone, so of two that want a slot one gets it. Who is there, members say several times a second. A
member that falls silent is asked: of a dead process the server itself says at once that nobody
listens; one that does not answer hangs. Either way its slots are dealt to the others
(`mesh.partition.deal`); members that join get theirs handed over. A claim is no fence: what a
member stores must be refused by compare-and-set once another has taken over, for a process that was
paused does not know that it lost anything until it wakes up.

A member can be drained: it hands over what it has and takes nothing, but stands by, until it is to
take part again. While nobody else is there it keeps what it has: work that nobody does is worse.

Rounds never overlap, so a holder is asked one thing at a time for each slot. While the broker is
away nothing changes hands and owners go on.
"""

import asyncio
import os
import platform
import re
import secrets
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Protocol

from mesh import clock
from mesh.connection import Connection, Message
from mesh.errors import BrokerError, FencedError
from mesh.kv import KeyValue
from mesh.logs import Log
from mesh.partition import deal
from mesh.tasks import end
from schemas.naming import Bucket, alive_subject, members_subject, owner_key, parse_owner_key
from schemas.ownership import Claim, Heartbeat
from schemas.wire import encode_json, json_decoder


_BEAT_S = 0.1
_SILENCE_S = 0.35
"""After so long without a heartbeat a member is asked."""
_ANSWER_S = 0.8
"""A member that is alive answers within this, a garbage collection or a full core included."""
_SETTLE_S = 3 * _BEAT_S
"""How long a newcomer listens before it takes anything."""
_RETURN_S = 1.0
"""After a reconnect the others may need as long to be back: nobody is doubted before."""
_RETRY_S = 1.0
_REBALANCE_S = 10.0
"""After so long whoever is asked to deal anew takes what is dealt by then."""

_decode_claim = json_decoder(Claim).decode
_decode_heartbeat = json_decoder(Heartbeat).decode


class Holder(Protocol):
    """What a member does with the slots that it gets."""

    async def take(self, slot: int) -> None:
        """Begin with *slot*, where its last owner stopped.

        Raises:
            BrokerError: not now; it is tried again.
        """

    async def hand_over(self, slot: int) -> None:
        """End with *slot* so that its next owner goes on without loss."""

    async def drop(self, slot: int) -> None:
        """Forget *slot*: it belongs to another member already."""


def member_name() -> str:
    """A name for this process that no other has, ever; one token of a subject."""
    host = re.sub(r"[^A-Za-z0-9_-]", "-", platform.node())
    return f"{host}-{os.getpid()}-{secrets.token_hex(3)}"


class Group:
    """The membership of one process in the group *name*."""

    def __init__(
        self, connection: Connection, name: str, slots: int, member: str, log: Log
    ) -> None:
        self.held: set[int] = set()
        """Slots that the holder has begun with."""
        self._connection = connection
        self._name = name
        self.slots = slots
        """How many there are."""
        self._member = member
        self._log = log
        self._owners = KeyValue(connection, Bucket.OWNERS)
        self._claims: dict[int, tuple[str, int]] = {}
        self._heard_s: dict[str, float] = {}
        self._draining: set[str] = set()
        self._changed = asyncio.Event()
        self._incarnation = connection.incarnation
        self._retry_s: dict[int, float] = {}
        self._anew_until_s = 0.0
        self.settled = asyncio.Event()
        """Set once this member has what it can have for now."""

    def forget(self, slot: int) -> None:
        """The holder has lost *slot*: its writes are refused. If the claim is still ours, it is taken again."""
        self.held.discard(slot)
        self._changed.set()

    @property
    def is_drained(self) -> bool:
        """Whether this member takes nothing."""
        return self._member in self._draining

    def drain(self, *, drained: bool) -> None:
        """Hand over what this member has and take nothing; or take part again."""
        (self._draining.add if drained else self._draining.discard)(self._member)
        self._changed.set()

    def rebalance(self) -> None:
        """Deal all slots anew among the members, whoever has them; every member must be asked to."""
        self._anew_until_s = clock.monotonic_s() + _REBALANCE_S
        self._changed.set()

    async def run(self, holder: Holder, stopping: asyncio.Event) -> None:
        """Take part until *stopping* is set; then hand everything over."""
        await self._open()
        async with asyncio.TaskGroup() as tasks:
            meanwhile = [tasks.create_task(self._beat()), tasks.create_task(self._watch(holder))]
            with suppress(TimeoutError):
                async with asyncio.timeout(_SETTLE_S):
                    await stopping.wait()
            while not stopping.is_set():
                if self._is_connected():
                    await self._round(holder)
                    self.settled.set()
                await self._wait_for_change()
            await self._leave(holder)
            await end(meanwhile)

    async def _open(self) -> None:
        await self._connection.subscribe(members_subject(self._name), self._on_heartbeat)
        await self._connection.subscribe(alive_subject(self._member), self._on_doubt)
        for entry in await self._owners.all():
            group, slot = parse_owner_key(entry.key)
            if group == self._name and entry.value is not None:
                self._learn(slot, _decode_claim(entry.value).member, entry.revision)

    def _is_connected(self) -> bool:
        """Whether a round makes sense; after a reconnect everybody gets time to come back."""
        if self._incarnation != self._connection.incarnation:
            self._incarnation = self._connection.incarnation
            returned_s = clock.monotonic_s() + _RETURN_S
            self._heard_s = dict.fromkeys((*self._heard_s, *self._claimants()), returned_s)
            self._heard_s.pop(self._member, None)
        return self._connection.connected.is_set()

    async def _wait_for_change(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEAT_S):
                await self._changed.wait()
        self._changed.clear()

    async def _beat(self) -> None:
        while True:
            await self._say(Heartbeat(self._member, self._member in self._draining))
            await asyncio.sleep(_BEAT_S)

    async def _say(self, heartbeat: Heartbeat) -> None:
        with suppress(BrokerError):  # the next one follows soon
            await self._connection.publish(members_subject(self._name), encode_json(heartbeat))

    async def _on_doubt(self, message: Message) -> None:
        with suppress(BrokerError):  # who asked will ask again
            await self._connection.publish(message.reply, b"")

    async def _on_heartbeat(self, message: Message) -> None:
        said = _decode_heartbeat(message.data)
        if said.member == self._member:
            return
        before = (said.member in self._heard_s, said.member in self._draining)
        if said.gone:
            self._heard_s.pop(said.member, None)
            self._draining.discard(said.member)
        else:
            self._heard_s[said.member] = clock.monotonic_s()
            (self._draining.add if said.draining else self._draining.discard)(said.member)
        if before != (said.member in self._heard_s, said.member in self._draining):
            self._changed.set()

    async def _watch(self, holder: Holder) -> None:
        async for entry in self._owners.watch(f"{self._name}.*"):
            slot = parse_owner_key(entry.key)[1]
            member = "" if entry.value is None else _decode_claim(entry.value).member
            self._learn(slot, member, entry.revision)
            if slot in self.held and self._claims[slot][0] != self._member:
                await self._drop(slot, holder)
            self._changed.set()

    def _learn(self, slot: int, member: str, revision: int) -> None:
        if revision > self._claims.get(slot, ("", 0))[1]:
            self._claims[slot] = (member, revision)
            if member and member != self._member:
                self._heard_s.setdefault(member, clock.monotonic_s())

    def _claimants(self) -> Iterable[str]:
        return {member for member, _ in self._claims.values() if member}

    async def _round(self, holder: Holder) -> None:
        """Do for every slot what the deal asks of this member."""
        await self._doubt_the_silent()
        members = {self._member, *self._heard_s} - self._draining
        if not members:  # all are drained: each keeps what it has
            return
        plan = self._plan(members)
        await asyncio.gather(
            *(self._settle(slot, plan.get(slot), holder) for slot in range(self.slots))
        )

    def _plan(self, members: Collection[str]) -> dict[int, str]:
        owned = {slot: member for slot, (member, _) in self._claims.items()}
        if clock.monotonic_s() < self._anew_until_s:
            anew = deal({}, members, self.slots)
            if owned != anew:
                return anew
            self._anew_until_s = 0.0
        return deal(owned, members, self.slots)

    async def _doubt_the_silent(self) -> None:
        before_s = clock.monotonic_s() - _SILENCE_S
        silent = [member for member, heard_s in self._heard_s.items() if heard_s < before_s]
        answers = await asyncio.gather(*map(self._answers, silent))
        for member, answered in zip(silent, answers, strict=True):
            if answered:
                self._heard_s[member] = clock.monotonic_s()
            elif self._connection.connected.is_set():
                self._heard_s.pop(member, None)
                self._draining.discard(member)
                self._log.warning("member.lost", group=self._name, member=member)

    async def _answers(self, member: str) -> bool:
        try:
            await self._connection.request(alive_subject(member), timeout_s=_ANSWER_S)
        except BrokerError:
            return False
        return True

    async def _settle(self, slot: int, wanted: str | None, holder: Holder) -> None:
        owner, revision = self._claims.get(slot, ("", 0))
        try:
            if owner == self._member and wanted != self._member:
                await self._release(slot, holder)
            elif wanted == self._member and slot not in self.held and owner not in self._heard_s:
                await self._take(slot, revision, holder)
        except FencedError:
            await self._drop(slot, holder)
        except BrokerError as error:
            if slot not in self._retry_s:
                self._log.warning("slot.delayed", group=self._name, slot=slot, reason=str(error))
            self._retry_s[slot] = clock.monotonic_s() + _RETRY_S

    async def _claim(self, slot: int, member: str, revision: int) -> None:
        value = encode_json(Claim(member, clock.now_ms()))
        key = owner_key(self._name, slot)
        try:
            self._learn(slot, member, await self._owners.put_if(key, value, revision))
        except FencedError:
            entry = await self._owners.get(key)
            if entry is not None and entry.value is not None:
                self._learn(slot, _decode_claim(entry.value).member, entry.revision)
            raise

    async def _take(self, slot: int, revision: int, holder: Holder) -> None:
        if clock.monotonic_s() < self._retry_s.get(slot, 0.0):
            return
        # Even if the claim seems ours already: a process that was paused must not take back what
        # another has claimed meanwhile.
        await self._claim(slot, self._member, revision)
        await holder.take(slot)
        self._retry_s.pop(slot, None)
        self.held.add(slot)
        if self._claims[slot][0] != self._member:  # lost while it was being taken
            await self._drop(slot, holder)

    async def _release(self, slot: int, holder: Holder) -> None:
        if slot in self.held:
            await holder.hand_over(slot)
            self.held.discard(slot)
        await self._claim(slot, "", self._claims[slot][1])

    async def _drop(self, slot: int, holder: Holder) -> None:
        if slot in self.held:
            self.held.discard(slot)
            await holder.drop(slot)
            self._log.warning("slot.lost", group=self._name, slot=slot)

    async def _leave(self, holder: Holder) -> None:
        """Hand everything over; the others must know first that this member takes nothing more."""
        self._draining.add(self._member)
        await self._say(Heartbeat(self._member, draining=True))
        mine = [slot for slot, (owner, _) in self._claims.items() if owner == self._member]
        await asyncio.gather(*(self._settle(slot, None, holder) for slot in mine))
        await self._say(Heartbeat(self._member, draining=True, gone=True))
