"""The health of the whole: what was found, and what of it needs somebody, in sentences. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import field

from schemas.wire import Wire
from services.control.journeys import CanaryReport
from services.control.programs import Program
from services.control.streams import Consumer, Stream
from services.partitions.report import Report, warnings


NEEDED = ("listener", "reference", "processors", "boards", "widgets", "control")
"""Programs without which something is missing that people see; news and the simulator are for who wants them."""
_FULL = 0.9
_QUIET_S = 30.0
_BEHIND = 1000


class Market(Wire, frozen=True):
    """Where the tape is, as the boards say."""

    trading_day: str
    session: str
    asof_ms: int


class Wish(Wire, frozen=True):
    """What somebody wants of one thing."""

    revision: int
    value: dict[str, Any]


class Survey(Wire, frozen=True):
    """Everything that was found of a mesh."""

    at_ms: int
    took_ms: float
    source: str
    """What the data is: `live`, `tape` or `simulated`."""
    broker: str
    """The version of the server that was asked; empty: it is away, and the rest is as it was before."""
    broker_away_s: float
    programs: list[Program]
    partitions: Report | None
    partitions_problem: str
    """Why nothing is known of partitions; empty if it is."""
    streams: list[Stream]
    consumers: list[Consumer]
    market: Market | None
    """None: there is no board yet."""
    canary: CanaryReport
    clients: int | None
    """Of all Widget Data Services; None: none of them says."""
    discarded_lately: int = 0
    """Events that owners gave up within the last minute, as far as anybody looked."""
    wanted: dict[str, Wish] = field(default_factory=dict)
    """What persons want, by its key in KV `control`."""
    problems: list[str] = field(default_factory=list)
    """What needs somebody, a sentence each; empty: all is well."""

    @property
    def is_well(self) -> bool:
        """Whether nothing needs somebody."""
        return not self.problems


def problems(found: Survey, session: str) -> Iterator[str]:
    """What needs somebody.

    Args:
        found: what was found.
        session: in which part of the day the market is now, by the calendar.
    """
    if not found.broker:
        yield f"the broker does not answer since {found.broker_away_s:.0f} s: nothing here is newer"
        return
    yield from _of_programs(found.programs)
    if found.partitions_problem:
        yield found.partitions_problem
    elif found.partitions is not None:
        yield from warnings(found.partitions)
    if found.discarded_lately:
        yield (
            f"{found.discarded_lately} events were discarded within the last minute: an owner is too slow, "
            "or missed what nobody holds any more"
        )
    yield from _of_streams(found.streams, found.consumers)
    if found.canary.state == "missing":
        yield found.canary.reason
    if found.source == "live" and session in ("pre", "regular", "post"):
        yield from _of_feed(found.streams)


def _of_programs(programs: Sequence[Program]) -> Iterator[str]:
    answering = {each.name for each in programs if not each.silent_s}
    for name in NEEDED:
        if name not in answering:
            yield f"no {name} answers: start `mesh run {name}`, or see why it ended in its log"
    for each in programs:
        why = "; ".join(f"{name} {reason}" for name, reason in each.reasons.items())
        if not each.silent_s and not each.ready:
            yield f"{each.name} ({each.instance}) is not ready: {why or 'it does not say why'}"


def _of_streams(streams: Sequence[Stream], consumers: Sequence[Consumer]) -> Iterator[str]:
    for each in streams:
        share = each.bytes / each.max_bytes if each.max_bytes > 0 else 0.0
        if share > _FULL and each.name.startswith("KV_"):
            yield f"{each.name} is {share:.0%} full: it refuses what does not fit, raise its max_bytes in nats/"
    for reader in consumers:
        if reader.pending > _BEHIND:
            yield f"{reader.name} is {reader.pending} messages behind in {reader.stream}"


def _of_feed(streams: Sequence[Stream]) -> Iterator[str]:
    ages = {
        each.name: each.last_age_s
        for each in streams
        if each.name in ("TAPE_TRADES", "TAPE_QUOTES", "TAPE_BARS")
    }
    heard = [age for age in ages.values() if age is not None]
    if not heard:
        yield "no event has come from the feed yet, and the market is open"
    elif min(heard) > _QUIET_S:
        yield f"no event has come from the feed for {min(heard):.0f} s, and the market is open"
