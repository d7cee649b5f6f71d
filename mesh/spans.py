"""Traces of a few batches: one span for a batch, a flush or a round of clients, with links to where what is in it came from.

Whether a batch is traced is decided before there is a span: making one that is then thrown away costs
more than a batch does. A program that is not asked for traces has no `Spans`, and pays for a look at None.
The context travels as W3C `traceparent` in the header of a message. `mesh.otlp_spans` makes the spans.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol


TRACEPARENT = "traceparent"
"""Header with the context of the span that a message was sent in. Source: W3C Trace Context."""

TAPE_TEMPLATE, ROWS_TEMPLATE, FEED_TEMPLATE = (
    "tape.{class}.{partition}", "rows.{partition}", "{kind}/{name}",
)  # fmt: skip
"""Subjects, and feeds of the Widget Data Service, as spans name them: without what varies."""
MOST_LINKS = 64
"""Of a span; there are more only after a pause."""

Operation = Literal["send", "process", "deliver"]
Headers = dict[str, str]


class Span(NamedTuple):
    """One row of the table of spans."""

    operation: Operation
    template: str
    programs: tuple[str, ...]
    about: str
    links: str
    attributes: tuple[str, ...]

    @property
    def name(self) -> str:
        """As a trace has it."""
        return f"{self.operation} {self.template}"


_COUNT, _PARTITION, _NAME = (
    f"messaging.{each}" for each in ("batch.message_count", "destination.partition.id", "destination.name")
)  # fmt: skip
SPANS = (
    Span("send", TAPE_TEMPLATE, ("listener", "control"), "a batch of events that is published, one in so many; a canary, each", "", (_NAME, _PARTITION, _COUNT)),
    Span("process", TAPE_TEMPLATE, ("processors",), "rows of a partition, made and published", "batches that were folded", (_PARTITION, _COUNT)),
    Span("process", ROWS_TEMPLATE, ("boards",), "boards, ranked and put", "rows that were heard", (_COUNT,)),
    Span("deliver", FEED_TEMPLATE, ("widgets",), "what is new, to all clients of a feed that keep up; of all the feeds that one change went into, the first", "boards or rows that it was made of", (_COUNT,)),
)  # fmt: skip
"""Every span there is."""


class Spans(Protocol):
    """What makes the spans of a program."""

    def is_due(self) -> bool:
        """Whether the batch that begins now is traced. What goes on from elsewhere is, if that was."""

    def span(
        self,
        operation: Operation,
        template: str,
        links: Iterable[str] = (),
        begin_ms: float | None = None,
        **attributes: str | int,
    ) -> AbstractContextManager[Headers]:
        """A span for as long as the context lasts: the headers with which what is sent in it goes on from there.

        Log lines that are written meanwhile carry its ids.

        Args:
            operation: what is done.
            template: the subject or feed that it is done with, without what varies.
            links: the `traceparent` of each message that was taken.
            begin_ms: when it began, since the epoch, if that was before.
            **attributes: of `messaging.`, with `__` for each further point.
        """


def traceparent(headers: Mapping[str, str] | None) -> str | None:
    """The context of the span that a message with *headers* was sent in; None if it is not traced."""
    return headers.get(TRACEPARENT) if headers else None
