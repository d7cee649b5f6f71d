"""Spans as the SDK makes them. Names and attributes are those of OpenTelemetry's conventions for messaging.

Subjects are templates: a symbol would make a series of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, Tracer

from mesh.spans import MOST_LINKS, TRACEPARENT, Headers, Operation


_VERSION, _SAMPLED = "00", "01"


class TracedSpans:
    """The spans of one program.

    Args:
        tracer: makes those that were decided for.
        ratio: which part of what begins here is traced.
    """

    def __init__(self, tracer: Tracer, ratio: float) -> None:
        self._tracer = tracer
        self._ratio = ratio
        self._owed = 1.0 - ratio if ratio else 0.0

    def is_due(self) -> bool:
        """Whether the batch that begins now is traced: the first one, and then each so-many-th."""
        self._owed += self._ratio
        if self._owed < 1.0:
            return False
        self._owed -= 1.0
        return True

    @contextmanager
    def span(
        self,
        operation: Operation,
        template: str,
        links: Iterable[str] = (),
        begin_ms: float | None = None,
        **attributes: str | int,
    ) -> Iterator[Headers]:
        """As `mesh.spans.Spans` says."""
        span = self._tracer.start_span(
            f"{operation} {template}",
            kind=SpanKind.PRODUCER if operation == "send" else SpanKind.CONSUMER,
            attributes=_attributes(operation, template, attributes),
            links=list(_links(links)),
            start_time=None if begin_ms is None else int(begin_ms * 1_000_000),
        )
        context = span.get_span_context()
        trace_id, span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
        try:
            with structlog.contextvars.bound_contextvars(trace_id=trace_id, span_id=span_id):
                yield {TRACEPARENT: f"{_VERSION}-{trace_id}-{span_id}-{_SAMPLED}"}
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            raise
        finally:
            span.end()


def context_of(text: str) -> SpanContext | None:
    """What a `traceparent` says; None if it is none, or of what is not traced."""
    try:
        _, trace_id, span_id, flags = text.split("-")
        found = SpanContext(
            int(trace_id, 16),
            int(span_id, 16),
            is_remote=True,
            trace_flags=TraceFlags(int(flags, 16)),
        )
    except ValueError:
        return None
    return found if found.is_valid and found.trace_flags.sampled else None


def _links(texts: Iterable[str]) -> Iterator[Link]:
    for text in list(dict.fromkeys(texts))[:MOST_LINKS]:
        context = context_of(text)
        if context is not None:
            yield Link(context)


def _attributes(
    operation: Operation, template: str, given: Mapping[str, str | int]
) -> dict[str, Any]:
    return {
        "messaging.system": "nats",
        "messaging.operation.name": operation,
        "messaging.operation.type": "send" if operation == "send" else "process",
        "messaging.destination.template": template,
        **{f"messaging.{name.replace('__', '.')}": value for name, value in given.items()},
    }
