"""What is said of partitions: values in, lines and warnings out."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import field
from msgspec.structs import asdict

from schemas.checkpoint import Counts
from schemas.wire import Wire


_STALE_S = 5.0
_OWNER_WIDTH = 20


class Partition(Wire, frozen=True):
    """One partition as it was found."""

    partition: int
    owner: str
    """The member that owns it; empty if nobody does."""
    is_alive: bool
    """Whether the owner answers."""
    owned_s: float | None
    checkpoint_revision: int
    checkpoint_age_s: float | None
    """None if there is no checkpoint that can be read."""
    checkpoint_kb: int
    refused: str
    """Why the checkpoint cannot be read; empty if it can."""
    lag_batches: int | None
    """Published since the checkpoint, of all classes; None if nothing is known of the tape."""
    lag_events: int | None
    folded: int
    late: int
    discarded: int


class Report(Wire, frozen=True):
    """All partitions, and who else is there."""

    members: list[str]
    """Workers that were heard of."""
    active: dict[str, str]
    """The active process of each group that has standbys."""
    partitions: list[Partition]
    counts: Counts = field(default_factory=lambda: Counts({}, {}, {}))
    """What became of the events of all partitions, by class."""


def warnings(report: Report) -> Iterator[str]:
    """What needs a look, a sentence each."""
    for each in report.partitions:
        name = f"partition {each.partition:02d}"
        if not each.owner:
            yield f"{name} has no owner: start `mesh run processors`"
        elif not each.is_alive:
            yield f"{name}: its owner {each.owner} does not answer; another must take over within 2 s"
        if each.refused:
            yield f"{name}: its checkpoint cannot be read ({each.refused}); it is rebuilt from the tape"
        if (each.checkpoint_age_s or 0.0) > _STALE_S and each.lag_events:
            yield f"{name}: the tape has moved on for {each.checkpoint_age_s:.0f} s without a checkpoint"


def is_well(report: Report) -> bool:
    """Whether every partition has an owner that answers."""
    return all(each.is_alive for each in report.partitions)


def as_object(report: Report) -> dict[str, Any]:
    """The report for programs, warnings included."""
    return {**asdict(report), "warnings": list(warnings(report))}


def lines(report: Report) -> Iterator[str]:
    """The report for a terminal of 100 columns."""
    owners = len({each.owner for each in report.partitions if each.owner})
    active = "".join(f" · active {group}: {name}" for group, name in sorted(report.active.items()))
    yield f"{len(report.partitions)} partitions · {owners} owners · {len(report.members)} workers{active}"
    yield ""
    yield from _table([_HEADINGS, *map(_cells, report.partitions)])
    yield ""
    yield "lag: published since the last checkpoint, which is up to MESH_CHECKPOINT_MS old while all is well"
    for warning in warnings(report):
        yield f"▲ {warning}"


_HEADINGS = (
    *("", "owner", "owned", "checkpoint", "age", "size", "lag"),
    *("events", "folded", "late", "discarded"),
)


def _cells(each: Partition) -> tuple[str, ...]:
    return (
        f"{each.partition:02d}",
        each.owner[-_OWNER_WIDTH:] or "–",
        _seconds(each.owned_s),
        str(each.checkpoint_revision),
        _seconds(each.checkpoint_age_s),
        f"{each.checkpoint_kb} KB",
        _known(each.lag_batches),
        _known(each.lag_events),
        str(each.folded),
        str(each.late),
        str(each.discarded),
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they must be: the owner to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.ljust(width) if place == 1 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f} s" if value < 100 else f"{value / 60:.0f} min"  # noqa: PLR2004 (seconds up to here)


def _known(value: int | None) -> str:
    return "–" if value is None else str(value)
