"""The tables of `mesh/TELEMETRY.md`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mesh.instruments import EVERY, INSTRUMENTS, LATENCY_S, ON_THE_BROKER, Instrument
from mesh.spans import SPANS
from services.telemetry.events import Event, found


_BEGIN = """# What programs tell of themselves

Made by `mesh telemetry` of the declarations in `mesh/instruments.py` and `mesh/spans.py`, and of the
calls that log; do not edit. How it gets out, the README says.

## Metrics

The left name is that of `/metrics`, the right one that of OpenTelemetry. Which program and which process a value is
of, the scrape (`job`, `instance`, and what it adds) or the resource (`service.name`) says. A histogram has the buckets
{buckets} s.
"""
_SPANS = """
## Spans

Names are `{operation} {template}`. Each has `messaging.system` (`nats`), `messaging.operation.name`,
`messaging.operation.type`, `messaging.destination.template`, and if it failed `error.type`.
"""
_EVENTS = """
## Log events

JSON lines with `event`, `level`, `timestamp`, `service`, and, while a span lasts, `trace_id` and `span_id`. `…` are fields that are
different each time.
"""


def markdown() -> str:
    """All tables, one after the other."""
    root = Path(__file__).parents[2]
    return "\n".join(
        [
            _BEGIN.format(buckets=", ".join(f"{each:g}" for each in LATENCY_S)),
            *_rows(
                ("metric", "instrument", "kind", "unit", "attributes", "programs", "what it is")
            ),
            *(_row(_instrument(each)) for each in INSTRUMENTS),
            _SPANS,
            *_rows(("span", "programs", "what it is", "links to", "more attributes")),
            *(_row(each) for each in _spans()),
            _EVENTS,
            *_rows(("event", "levels", "programs", "fields")),
            *(_row(_event(each)) for each in found(root)),
        ]
    )


def _rows(heads: Iterable[str]) -> Iterator[str]:
    names = list(heads)
    yield _row(names)
    yield f"|{'---|' * len(names)}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _instrument(each: Instrument) -> tuple[str, ...]:
    return (
        f"`{each.prometheus}`",
        f"`{each.name}`",
        each.kind,
        f"`{each.unit}`" if each.unit else "",
        _code(each.attributes),
        _programs(each.programs),
        each.about,
    )


def _programs(names: tuple[str, ...]) -> str:
    if names == EVERY:
        return "all"
    return "all but `simulator`" if names == ON_THE_BROKER else _code(names)


def _spans() -> Iterator[tuple[str, ...]]:
    for each in SPANS:
        about, links = each.about, each.links
        yield f"`{each.name}`", _code(each.programs), about, links, _code(each.attributes)


def _event(each: Event) -> tuple[str, ...]:
    programs = "any" if "every program" in each.programs else _code(sorted(each.programs))
    return f"`{each.name}`", ", ".join(sorted(each.levels)), programs, _code(sorted(each.fields))


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" if name != "…" else name for name in names)
