"""Reads from the broker what is known of partitions and their owners."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from mesh import clock, direct
from mesh.checkpoint import Checkpoints, Summary
from mesh.connection import Connection, Message, open_connection
from mesh.errors import BrokerError, FatalError
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.settings import Settings
from schemas.checkpoint import Counts
from schemas.market import BatchHead, Position
from schemas.naming import (
    Bucket,
    MarketClass,
    alive_subject,
    members_subject,
    parse_owner_key,
    tape_stream,
    tape_subject,
)
from schemas.ownership import Claim, Heartbeat
from schemas.wire import encode_json, json_decoder, msgpack_decoder
from services.partitions.report import Partition, Report, as_object, is_well, lines
from services.processors.rows import FOLDED


GROUP = "processors"

_LISTEN_S = 0.35
"""Members say several times within it that they are there."""
_ANSWER_S = 0.8

_decode_claim = json_decoder(Claim).decode
_decode_heartbeat = json_decoder(Heartbeat).decode
_decode_head = msgpack_decoder(BatchHead).decode
_decode_events = msgpack_decoder(list[Any]).decode


class _Lag(NamedTuple):
    batches: int
    events: int


def main(settings: Settings, *, as_json: bool) -> int:
    """Print the report; 1 if a partition has no owner that answers."""
    report = asyncio.run(_survey(settings))
    if as_json:
        sys.stdout.write(encode_json(as_object(report)).decode() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(report))
    return 0 if is_well(report) else 1


async def _survey(settings: Settings) -> Report:
    async with open_connection(settings, "partitions", set_up("partitions", "error")) as connection:
        try:
            return await survey(connection)
        except BrokerError as error:
            raise FatalError(
                f"the streams are not there or do not answer: `mesh up` or `mesh topology apply` creates them ({error})"
            ) from error


async def survey(connection: Connection) -> Report:
    """What is found now.

    Raises:
        FatalError: no processors have run on this broker yet.
        BrokerError: the streams are not there, or do not answer.
    """
    partitions = await Checkpoints(connection).partitions()
    if partitions is None:
        raise FatalError("no processors have run on this broker yet: start `mesh run processors`")
    claims = {
        parse_owner_key(entry.key): _decode_claim(entry.value or b"")
        for entry in await KeyValue(connection, Bucket.OWNERS).all()
    }
    members = await _members(connection)
    alive = await _alive(connection, {claim.member for claim in claims.values() if claim.member})
    found = await asyncio.gather(
        *(
            _partition(connection, partition, claims.get((GROUP, partition)), alive)
            for partition in range(partitions)
        )
    )
    active = {
        group: claim.member
        for (group, _), claim in claims.items()
        if group != GROUP and claim.member
    }
    partitions_found = [partition for partition, _ in found]
    return Report(sorted(members), active, partitions_found, _sum(counts for _, counts in found))


def _sum(every: Iterable[Counts]) -> Counts:
    folded, late, discarded = Counter[str](), Counter[str](), Counter[str]()
    for each in every:
        folded.update(each.folded)
        late.update(each.late)
        discarded.update(each.discarded)
    return Counts(folded, late, discarded)


async def _members(connection: Connection) -> set[str]:
    """Workers that say within a moment that they are there."""
    members: set[str] = set()

    async def on_heartbeat(message: Message) -> None:
        said = _decode_heartbeat(message.data)
        (members.discard if said.gone else members.add)(said.member)

    subscription = await connection.subscribe(members_subject(GROUP), on_heartbeat)
    await asyncio.sleep(_LISTEN_S)
    await connection.unsubscribe(subscription)
    return members


async def _alive(connection: Connection, members: Iterable[str]) -> set[str]:
    async def answers(member: str) -> bool:
        try:
            await connection.request(alive_subject(member), timeout_s=_ANSWER_S)
        except BrokerError:
            return False
        return True

    asked = list(members)
    answered = await asyncio.gather(*map(answers, asked))
    return {member for member, is_there in zip(asked, answered, strict=True) if is_there}


async def _partition(
    connection: Connection, partition: int, claim: Claim | None, alive: set[str]
) -> tuple[Partition, Counts]:
    newest = {name: await _newest(connection, name, partition) for name in FOLDED}
    summary = await Checkpoints(connection).summary(partition)
    head, now_ms = summary.head, clock.now_ms()
    owner = claim.member if claim is not None else ""
    lag = _lag(newest, summary)
    counts = head.counts if head is not None else Counts({}, {}, {})
    found = Partition(
        partition=partition,
        owner=owner,
        is_alive=owner in alive,
        owned_s=(now_ms - claim.since_ms) / 1000 if claim is not None and owner else None,
        checkpoint_revision=summary.revision,
        checkpoint_age_s=(now_ms - head.written_ms) / 1000 if head is not None else None,
        checkpoint_kb=-(-summary.size_bytes // 1024),
        refused=summary.refused,
        lag_batches=None if lag is None else lag.batches,
        lag_events=None if lag is None else lag.events,
        folded=sum(counts.folded.values()),
        late=sum(counts.late.values()),
        discarded=sum(counts.discarded.values()),
    )
    return found, counts


async def _newest(
    connection: Connection, market_class: MarketClass, partition: int
) -> Position | None:
    """The end of what a class has in its stream; None if it holds nothing."""
    subject = tape_subject(market_class, partition)
    stored = await direct.last(connection, tape_stream(market_class), subject)
    if stored is None:
        return None
    head = _decode_head(stored.payload)
    return Position(head.epoch, head.number, head.before + len(_decode_events(head.events)))


def _lag(newest: dict[MarketClass, Position | None], summary: Summary) -> _Lag | None:
    """How far the checkpoint is behind the streams; None if they hold nothing."""
    covered = summary.head.positions if summary.head is not None else {}
    behind = [
        _behind(position, covered.get(name))
        for name, position in newest.items()
        if position is not None
    ]
    if not behind:
        return None
    return _Lag(sum(each.batches for each in behind), sum(each.events for each in behind))


def _behind(newest: Position, held: Position | None) -> _Lag:
    if held is None or held.epoch < newest.epoch:  # a producer of which nothing is covered yet
        return _Lag(newest.number + 1, newest.events)
    if held.epoch > newest.epoch:  # what a producer that was replaced left: nobody folds it
        return _Lag(0, 0)
    return _Lag(max(newest.number - held.number, 0), max(newest.events - held.events, 0))
