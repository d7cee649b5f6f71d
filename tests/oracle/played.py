"""Events written to files and played: what the product makes of them against the queries."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.oracle.generated import Closes, Event, write
from tests.oracle.pipeline import Pipeline, expect, record, wrong_at
from tests.oracle.reference import References


def wrong(
    events: Iterable[Event],
    closes: Closes,
    known: References | None = None,
    partitions: int = 1,
    frame: int = 1,
) -> list[str]:
    """What is wrong after the first event, on the way, and at the end."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, events, closes)
        recording = record([folder])
        instants = sorted({event.time_ms for event in recording.events})
        chosen = [*instants[:: len(instants) // 3 + 1], instants[-1]]
        expected = expect([folder], chosen, known or References())
    pipeline = Pipeline(partitions, recording.closes, known, events_per_frame=frame)
    return wrong_at(pipeline, recording.events, expected)
